import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { BusError, type Clock, type PeerInfo } from '@busbar/core/contract';
import { decodeHello, encodeDial, TOKEN_BYTES } from './handshake.ts';

/** A peer that answers no invitation for this long has no working instance of this transport. */
const CONNECT_TIMEOUT_MS = 5_000;

interface Invitation {
  readonly peer: PeerInfo;
  readonly token: Buffer;
  settle(socket: Socket | BusError): void;
}

/**
 * The invitations to dial us that have not been taken up: each names one peer, holds a random token and is good for
 * one connection.
 */
export class Invitations {
  readonly #clock: Clock;
  readonly #open = new Map<number, Invitation>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Sends an invitation through `send` and resolves with the connection that takes it up.
   * @throws BusError PEER_GONE | ABORTED | TRANSPORT_FAILED | RESOURCE_EXHAUSTED | CLOSED
   */
  invite(peer: PeerInfo, path: string, send: (message: Uint8Array) => boolean, signal?: AbortSignal): Promise<Socket> {
    this.#last = (this.#last + 1) >>> 0;
    const number = this.#last;
    const token = randomBytes(TOKEN_BYTES);
    return new Promise((resolve, reject) => {
      const settle = (outcome: Socket | BusError): void => {
        if (!this.#open.delete(number)) return;
        timer.cancel();
        signal?.removeEventListener('abort', abort);
        if (outcome instanceof BusError) reject(outcome);
        else resolve(outcome);
      };
      const give = (code: 'ABORTED' | 'PEER_GONE' | 'TRANSPORT_FAILED', what: string): void =>
        settle(new BusError(code, what, { where: `participant ${peer.name} (pid ${peer.pid})`, outcome: 'not-sent' }));
      const abort = (): void => give('ABORTED', 'the connect was given up');
      const late = (): void => give('TRANSPORT_FAILED', `no connection within ${CONNECT_TIMEOUT_MS} ms`);
      const timer = this.#clock.setTimer(late, CONNECT_TIMEOUT_MS);
      this.#open.set(number, { peer, token, settle });
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted) abort();
      else if (!send(encodeDial(number, token, path))) give('PEER_GONE', 'there is no link to the peer');
    });
  }

  /** Hands a connection over to the invitation that its hello names; false when the hello proves nothing. */
  accept(hello: Buffer, socket: Socket): boolean {
    const claim = decodeHello(hello);
    const invitation = claim && this.#open.get(claim.number);
    if (claim === undefined || invitation === undefined) return false;
    if (!timingSafeEqual(claim.token, invitation.token)) return false;
    invitation.settle(socket);
    return true;
  }

  /** `peer` could not dial. `reason` is its text, a code first. */
  refuse(peer: PeerInfo, number: number, reason: string): void {
    const invitation = this.#open.get(number);
    if (invitation?.peer.id !== peer.id) return;
    const code = reason.startsWith('RESOURCE_EXHAUSTED') ? 'RESOURCE_EXHAUSTED' : 'TRANSPORT_FAILED';
    invitation.settle(new BusError(code, `the peer could not dial: ${reason}`, { where: `pid ${peer.pid}` }));
  }

  /** No connection will come for the invitations of `peer`, or for all. */
  cancel(reason: () => BusError, peer?: PeerInfo): void {
    for (const invitation of this.#open.values()) {
      if (peer === undefined || invitation.peer.id === peer.id) invitation.settle(reason());
    }
  }
}
