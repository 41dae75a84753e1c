import type { Socket } from 'node:net';
import {
  align8,
  allocateFrameBuffer,
  BACK_PRESSURED,
  BusError,
  OK,
  type PeerInfo,
  SenderBase,
  type TransportContext,
} from '@busbar/core/contract';

/** How long an orderly close waits for a receiver that does not read. */
const LINGER_MS = 100;

/**
 * The writing end of one connection. One block of frames is being written while the other fills, so a turn's frames
 * leave in one system call and the connection holds two blocks of memory, whatever happens.
 */
export class TcpSender extends SenderBase {
  /** The block that fills. */
  frame;
  readonly #socket: Socket;
  readonly #context: TransportContext;
  readonly #blockBytes: number;
  #spare;
  #filled = 0;
  #writing = false;

  constructor(socket: Socket, peer: PeerInfo, context: TransportContext, maxFrameLength: number) {
    super(maxFrameLength);
    this.#socket = socket;
    this.#context = context;
    this.#blockBytes = context.limits.unwrittenBytes >> 1;
    this.frame = allocateFrameBuffer(this.#blockBytes);
    this.#spare = allocateFrameBuffer(this.#blockBytes);
    const lost = (error?: Error): void =>
      this.fail(new BusError('PEER_GONE', 'the connection ended', { where: peer.name, cause: error }));
    socket.on('error', lost);
    socket.on('close', () => lost());
    // Nobody writes to us; reading is how the other end's close shows.
    socket.resume();
  }

  get writableBytes(): number {
    return this.isOpen ? Math.max(0, this.#blockBytes - this.#filled) : 0;
  }

  protected claim(length: number): number {
    const bytes = align8(length);
    if (this.#filled + bytes > this.frame.u8.length && !this.#writing) this.flush();
    if (this.#filled + bytes > this.frame.u8.length) {
      if (this.#filled > 0 || this.#writing) return BACK_PRESSURED;
      // Larger than a block: it gets one of its own, once everything before it is written.
      this.frame = allocateFrameBuffer(bytes);
    }
    this.offset = this.#filled;
    return OK;
  }

  protected publish(length: number): void {
    const end = this.offset + align8(length);
    this.frame.u8.fill(0, this.offset + length, end);
    this.#filled = end;
  }

  override flush(): void {
    if (this.#filled === 0 || this.#writing) return;
    this.#writing = true;
    const block = this.frame;
    this.frame = this.#spare;
    this.#spare = block.u8.length > this.#blockBytes ? allocateFrameBuffer(this.#blockBytes) : block;
    this.#socket.write(block.u8.subarray(0, this.#filled), this.#onWritten);
    this.#filled = 0;
  }

  readonly #onWritten = (): void => {
    this.#writing = false;
    if (this.#filled > 0) this.flush();
    else if (this.awaitsRoom) this.becameWritable();
  };

  /** In order: what was committed is written first. After a failure: at once. */
  protected async release(reason: BusError | undefined): Promise<void> {
    const socket = this.#socket;
    if (socket.closed) return;
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    if (reason === undefined) {
      if (this.#filled > 0) socket.write(this.frame.u8.subarray(0, this.#filled));
      const timer = this.#context.clock.setTimer(() => socket.destroy(), LINGER_MS);
      socket.end(() => {
        timer.cancel();
        socket.destroy();
      });
    } else socket.destroy();
    await closed;
  }
}
