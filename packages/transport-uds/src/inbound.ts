import type { Socket } from 'node:net';
import { FrameDecoder, type FrameHandler, type PeerInfo } from '@busbar/core/contract';
import type { PooledBuffer } from './buffer-pool.ts';

/** The reading end of one connection, and the bytes read from it that have not been handed over. */
export class Inbound {
  readonly peer: PeerInfo;
  readonly socket: Socket;
  /** Unread bytes: `chunk[start, end)`. The shared read buffer within the read callback, else a pooled one. */
  chunk: PooledBuffer;
  start = 0;
  end = 0;
  /** Something has arrived, so the peer has taken the connection. */
  used = false;
  readonly #decoder: FrameDecoder;

  constructor(peer: PeerInfo, socket: Socket, chunk: PooledBuffer, maxFrameLength: number) {
    this.peer = peer;
    this.socket = socket;
    this.chunk = chunk;
    this.#decoder = new FrameDecoder(maxFrameLength, peer);
  }

  get unread(): boolean {
    return this.start < this.end;
  }

  /** The bytes of a frame have begun to arrive and its end has not. */
  get torn(): boolean {
    return this.#decoder.pending > 0;
  }

  /**
   * Hands over at most `limit` of the frames that are there; returns how many.
   * @throws BusError PROTOCOL_ERROR; the connection is beyond repair then, and nothing is unread
   */
  decode(handler: FrameHandler, limit: number): number {
    const before = this.#decoder.frames;
    const { start, end } = this;
    this.start = end;
    this.start = this.#decoder.push(this.chunk, start, end, handler, limit);
    return this.#decoder.frames - before;
  }
}
