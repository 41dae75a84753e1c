import type { BusError, PeerInfo, TransportControl } from '@busbar/core/contract';

/** One participant's end of the suite's control plane. What it posts is carried elsewhere: see `Hub` and `wire`. */
export class ControlEnd implements TransportControl {
  /** The participants linked with this one, by id; one object per link, so that identity means the link. */
  readonly peers = new Map<string, PeerInfo>();
  /** Breaches of the protocol the transport has reported. */
  violations = 0;
  readonly #post: (to: string, message: Uint8Array) => void;
  #onMessage: (peer: PeerInfo, message: Uint8Array) => void = () => {};
  #onPeerLost: (peer: PeerInfo, dead: boolean) => void = () => {};

  constructor(post: (to: string, message: Uint8Array) => void) {
    this.#post = post;
  }

  send(peer: PeerInfo, message: Uint8Array): boolean {
    if (this.peers.get(peer.id) !== peer) return false;
    this.#post(peer.id, message);
    return true;
  }

  onMessage(handler: (peer: PeerInfo, message: Uint8Array) => void): void {
    this.#onMessage = handler;
  }

  /** A bus would cut the link; the suite keeps it, to see what the transport itself does with its connection. */
  violation(_peer: PeerInfo, _error: BusError): void {
    this.violations++;
  }

  onPeerLost(handler: (peer: PeerInfo, dead: boolean) => void): void {
    this.#onPeerLost = handler;
  }

  /** A link to `peer` is up. */
  link(peer: PeerInfo): void {
    this.peers.set(peer.id, peer);
  }

  /** A message of a linked peer's; of anybody else's it is dropped. */
  deliver(from: string, message: Uint8Array): void {
    const peer = this.peers.get(from);
    if (peer !== undefined) this.#onMessage(peer, message);
  }

  /** The link ended; answers whose it was. `before` runs while the transport does not know yet. */
  lose(id: string, dead: boolean, before: (peer: PeerInfo) => void = () => {}): void {
    const peer = this.peers.get(id);
    if (peer === undefined) return;
    this.peers.delete(id);
    before(peer);
    this.#onPeerLost(peer, dead);
  }
}
