import { BusError, KIND } from '../contract/index.ts';
import type { ControlChannel } from '../control/control-connection.ts';
import { type Hello, isOffer } from '../control/hello.ts';
import type { Link } from '../link/link.ts';
import type { CommonTransport } from '../link/route-set.ts';
import type { Unusable } from '../transports.ts';

export type Offer = Hello['transports'][number];

/** Transports that one participant may offer. */
const MAX_OFFERS = 64;

/** What a link makes of what both sides offer. */
export interface OffersHost {
  /** What this participant offers now. */
  offers(): readonly Offer[];
  /** What can be used towards a peer that offers `theirs`. */
  common(theirs: readonly Offer[]): readonly CommonTransport[];
  /** What one side has and cannot be used, and why. */
  unusable(theirs: readonly Offer[]): readonly Unusable[];
}

/**
 * Which transports one peer has, kept up to date while they come and go on either side. Whoever takes one away hears
 * from each peer when nothing is on its way over it any more.
 */
export class Offers {
  readonly #link: Link;
  readonly #host: OffersHost;
  #theirs: readonly Offer[];
  #told = 0;
  readonly #unanswered = new Map<number, () => void>();

  constructor(link: Link, theirs: readonly Offer[], host: OffersHost) {
    this.#link = link;
    this.#theirs = theirs;
    this.#host = host;
  }

  /** What one of the two has and cannot be used between them. */
  get unusable(): readonly Unusable[] {
    return this.#host.unusable(this.#theirs);
  }

  /** The peer is back, and may have said other things to others meanwhile. */
  renew(theirs: readonly Offer[]): void {
    this.#theirs = theirs;
    void this.#link.setTransports(this.#host.common(theirs));
  }

  /** The own transports have changed. Resolves when neither side has anything on its way over those that went. */
  async tell(connection: ControlChannel | undefined): Promise<void> {
    const own = this.#link.setTransports(this.#host.common(this.#theirs));
    const answered = connection === undefined ? undefined : this.#ask(connection);
    await Promise.all([own, answered]);
  }

  #ask(connection: ControlChannel): Promise<void> {
    const id = ++this.#told;
    connection.send(KIND.OFFER, id, Buffer.from(JSON.stringify(this.#host.offers())));
    return new Promise((resolve) => this.#unanswered.set(id, resolve));
  }

  /** An offer of the peer's, or, empty, its answer to one. @throws BusError PROTOCOL_ERROR */
  message(connection: ControlChannel, id: number, payload: Uint8Array): void {
    if (payload.length === 0) {
      this.#unanswered.get(id)?.();
      this.#unanswered.delete(id);
      return;
    }
    this.#theirs = parse(payload, this.#link.peer.name);
    void this.#link
      .setTransports(this.#host.common(this.#theirs))
      .then(() => connection.send(KIND.OFFER, id, NO_PAYLOAD));
  }

  /** The connection is gone: nothing will be answered. */
  release(): void {
    for (const resolve of this.#unanswered.values()) resolve();
    this.#unanswered.clear();
  }
}

function parse(payload: Uint8Array, peer: string): readonly Offer[] {
  let offers: unknown;
  try {
    offers = JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    // Falls through: not JSON is as wrong as no list.
  }
  if (Array.isArray(offers) && offers.length <= MAX_OFFERS && offers.every(isOffer)) return offers;
  throw new BusError('PROTOCOL_ERROR', 'an offer that is no list of transports', {
    where: `link to ${peer}`,
    remedy: 'run compatible releases of @busbar/core on both sides',
  });
}

const NO_PAYLOAD = new Uint8Array(0);
