import { BusError, type PeerTransport, type Receiver, type Sender } from '@busbar/core/contract';
import { type Fault, FaultySender } from './faulty-sender.ts';
import { MortalReceiver } from './mortal-receiver.ts';

/** Where faults meet one transport of this process: the senders it makes, and its inbox. */
export class FaultPoint {
  readonly #unconfirmed: () => number;
  readonly #senders = new Set<FaultySender>();
  #inbox: MortalReceiver | undefined;
  #fault: Fault | undefined;
  #hit = false;
  #closing: (() => void)[] = [];

  /** `unconfirmed`: how many messages the bus has written to the transport and knows nothing of. */
  constructor(unconfirmed: () => number) {
    this.#unconfirmed = unconfirmed;
  }

  /** A struck medium is not connected again before it is put back. @throws BusError TRANSPORT_FAILED */
  async connect(medium: PeerTransport, ...to: Parameters<PeerTransport['connect']>): Promise<Sender> {
    this.#refuse();
    const inner = await medium.connect(...to);
    const sender = new FaultySender(
      inner,
      this.#unconfirmed,
      (hit) => {
        this.#hit = hit;
      },
      (ended) => {
        this.#senders.delete(ended);
        for (const tell of this.#closing.splice(0)) tell();
      },
    );
    this.#senders.add(sender);
    return sender;
  }

  #refuse(): void {
    const kind = this.#fault?.kind;
    if (kind === 'closed' || kind === 'filled')
      throw new BusError('TRANSPORT_FAILED', `the medium is ${kind}`, { where: 'migration' });
  }

  /** Stands before the transport's inbox. */
  receive(inner: Receiver): Receiver {
    this.#inbox = new MortalReceiver(inner);
    return this.#inbox;
  }

  /** False: nothing is sent over it now. */
  strike(fault: Fault): boolean {
    if (this.#senders.size === 0) return false;
    this.#fault = fault;
    this.#hit = false;
    for (const sender of this.#senders) sender.strike(fault);
    return true;
  }

  /** Resolves when the bus has closed what the fault has struck. */
  abandoned(): Promise<void> {
    if (this.#senders.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#closing.push(resolve));
  }

  /** True when the fault has found something unconfirmed. */
  putBack(): boolean {
    this.#fault = undefined;
    for (const sender of this.#senders) sender.putBack();
    return this.#hit;
  }

  /** The inbox dies, with whatever it has not handed over. */
  killInbox(): void {
    this.#inbox?.kill();
  }
}
