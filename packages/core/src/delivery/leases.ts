import type { Lease } from '../contract/index.ts';

/** Private bytes, for a subscription that wants leases: nobody waits for them. */
export class OwnBytes implements Lease {
  readonly view: Uint8Array;

  constructor(view: Uint8Array) {
    this.view = view;
  }

  release(): void {}

  [Symbol.dispose](): void {}
}

/** One lease for several subscriptions: let go of when the last of them has. */
export class SharedLease {
  readonly #lease: Lease;
  /** The delivery itself is the first, until it has offered the message to everybody. */
  #holders = 1;

  constructor(lease: Lease) {
    this.#lease = lease;
  }

  /** For one more subscription. */
  share(): Lease {
    this.#holders++;
    return new LeaseShare(this, this.#lease.view);
  }

  release(): void {
    if (--this.#holders === 0) this.#lease.release();
  }
}

class LeaseShare implements Lease {
  readonly view: Uint8Array;
  #shared: SharedLease | undefined;

  constructor(shared: SharedLease, view: Uint8Array) {
    this.#shared = shared;
    this.view = view;
  }

  release(): void {
    this.#shared?.release();
    this.#shared = undefined;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
