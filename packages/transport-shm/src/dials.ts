import { BusError, type Clock, type PeerInfo, type Sender } from '@busbar/core/contract';
import type { Handover } from '@busbar/native';

/** A peer that gives no answer for this long has no working instance of this transport. */
const CONNECT_TIMEOUT_MS = 5_000;

/** A ring asked for and not yet there. */
export interface Dial {
  /** The peer was told that /proc does not lead to what it has. */
  unreachable: boolean;
  /** Where the peer hands its descriptors over; closed when the dial is settled. */
  meeting: { readonly key: number; readonly handover: Handover } | undefined;
  resolve(sender: Sender): void;
  reject(error: BusError): void;
}

/** The rings that this participant has asked its peers for. */
export class Dials {
  readonly #clock: Clock;
  readonly #open = new Map<number, Dial & { readonly peer: PeerInfo }>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Asks by `send`, which is given the ring's number, and resolves with what the answer makes of it.
   * @throws BusError PEER_GONE | ABORTED | TRANSPORT_FAILED | RESOURCE_EXHAUSTED | PROTOCOL_ERROR | CLOSED
   */
  dial(peer: PeerInfo, send: (ring: number) => boolean, signal?: AbortSignal): Promise<Sender> {
    this.#last = (this.#last + 1) & 0x7fff_ffff;
    const number = this.#last;
    return new Promise((resolve, reject) => {
      const entry: Dial & { readonly peer: PeerInfo } = {
        peer,
        unreachable: false,
        meeting: undefined,
        resolve: (sender) => {
          settled();
          resolve(sender);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      const give = (code: 'ABORTED' | 'PEER_GONE' | 'TRANSPORT_FAILED', what: string): void => {
        this.#open.delete(number);
        const where = `participant ${peer.name} (pid ${peer.pid})`;
        entry.reject(new BusError(code, what, { where, outcome: 'not-sent' }));
      };
      const abort = (): void => give('ABORTED', 'the connect was given up');
      const late = (): void => give('TRANSPORT_FAILED', `no ring within ${CONNECT_TIMEOUT_MS} ms`);
      const timer = this.#clock.setTimer(late, CONNECT_TIMEOUT_MS);
      const settled = (): void => {
        timer.cancel();
        entry.meeting?.handover.close();
        signal?.removeEventListener('abort', abort);
      };
      this.#open.set(number, entry);
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted) abort();
      else if (!send(number)) give('PEER_GONE', 'there is no link to the peer');
    });
  }

  /** The dial that an answer of `peer` belongs to. */
  find(peer: PeerInfo, number: number): Dial | undefined {
    const dial = this.#open.get(number);
    return dial?.peer.id === peer.id ? dial : undefined;
  }

  /** The same, and it is the caller's to settle. */
  take(peer: PeerInfo, number: number): Dial | undefined {
    const dial = this.find(peer, number);
    if (dial !== undefined) this.#open.delete(number);
    return dial;
  }

  /** `peer` gives no ring; its reason begins with a code. */
  refuse(peer: PeerInfo, number: number, reason: string): void {
    const code = reason.startsWith('RESOURCE_EXHAUSTED') ? 'RESOURCE_EXHAUSTED' : 'TRANSPORT_FAILED';
    const where = `participant ${peer.name} (pid ${peer.pid})`;
    this.take(peer, number)?.reject(
      new BusError(code, `the peer gave no ring: ${reason}`, { where, outcome: 'not-sent' }),
    );
  }

  /** No ring will come from `peer`, or from anybody. */
  cancel(reason: () => BusError, peer?: PeerInfo): void {
    for (const [number, dial] of this.#open) {
      if (peer !== undefined && dial.peer.id !== peer.id) continue;
      this.#open.delete(number);
      dial.reject(reason());
    }
  }
}
