import type { Socket } from 'node:net';
import {
  align8,
  allocateFrameBuffer,
  BACK_PRESSURED,
  BusError,
  type Clock,
  type FrameBuffer,
  fromSystemError,
  OK,
  type PeerInfo,
  SenderBase,
  type TransportLimits,
} from '@busbar/core/contract';
import type { BufferPool } from './buffer-pool.ts';
import { SendBuffer } from './send-buffer.ts';

/**
 * Bytes at which `commit` writes by itself, so that a long turn keeps the receiver busy: a little less than an empty
 * socket takes at once by default (net.core.wmem_default is 212,992).
 */
const WRITE_THRESHOLD_BYTES = 196_608;
/** How long an orderly close waits for a receiver that does not read. */
const LINGER_MS = 100;

/** How the kernel says that the other end is closed: by a read, by a write. */
const GONE = new Set(['ECONNRESET', 'EPIPE']);

const NO_FRAME = allocateFrameBuffer(8);

/**
 * The writing end of one connection. Frames gather in a `SendBuffer`; `flush` hands them to the socket as one
 * contiguous write, of which at most one is under way, so what waits behind it is never more than the limit.
 */
export class UdsSender extends SenderBase {
  frame: FrameBuffer = NO_FRAME;
  readonly peer: PeerInfo;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #buffer: SendBuffer;
  /** Bytes of the write under way; 0 when there is none. */
  #writing = 0;
  /** Bytes of the last claim refused, which `becameWritable` must be able to serve. */
  #refused = 0;
  #drained: (() => void) | undefined;

  constructor(socket: Socket, peer: PeerInfo, limits: TransportLimits, pool: BufferPool, clock: Clock) {
    super(limits.maxFrameLength);
    this.#socket = socket;
    this.#clock = clock;
    this.peer = peer;
    this.#buffer = new SendBuffer(limits.unwrittenBytes, pool);
    socket.on('error', (error) => this.#lost(error));
    socket.on('end', () => this.#lost(undefined));
    socket.on('close', () => this.#lost(undefined));
    // Nothing ever comes this way; reading is how the end of the peer shows.
    socket.on('data', () => this.#lost(new BusError('PROTOCOL_ERROR', 'the receiver sent data')));
  }

  get writableBytes(): number {
    return this.isOpen ? Math.max(0, this.#buffer.limit - this.#buffer.bytes) : 0;
  }

  protected claim(length: number): number {
    const padded = align8(length);
    let offset = this.#buffer.reserve(padded);
    if (offset < 0 && this.#writing === 0) {
      // Refuse only what the kernel does not take either: then the write under way is sure to call back.
      this.flush();
      offset = this.#buffer.reserve(padded);
    }
    if (offset < 0) {
      this.#refused = padded;
      return BACK_PRESSURED;
    }
    const { frame } = this.#buffer;
    // Mostly the one before, and storing a reference costs more than comparing it.
    if (this.frame !== frame) this.frame = frame;
    this.offset = offset;
    return OK;
  }

  protected publish(length: number): void {
    const end = this.offset + length;
    const padded = align8(length);
    const { u8 } = this.frame;
    for (let at = end; at < this.offset + padded; at++) u8[at] = 0;
    this.#buffer.commit(this.offset, padded);
    if (this.#buffer.bytes >= WRITE_THRESHOLD_BYTES) this.flush();
  }

  /**
   * | allocates                       | blocks | syscalls                | callable from      |
   * | a view and a request of Node's  | no     | 1 write per region | the owner's thread |
   */
  override flush(): void {
    const buffer = this.#buffer;
    while (buffer.bytes > 0 && this.#writing === 0) {
      const region = buffer.region();
      const { length } = region;
      this.#writing = length;
      this.#socket.write(region, this.#onWritten);
      // Node tries the write at once; nothing queued means that the kernel has copied it all.
      if (this.#socket.writableLength > 0) return;
      this.#writing = 0;
      buffer.taken(length);
    }
  }

  /** Also called for writes that completed at once, perhaps while a later one is under way: hence the test. */
  readonly #onWritten = (): void => {
    if (this.#writing === 0 || this.#socket.writableLength > 0) return;
    this.#buffer.taken(this.#writing);
    this.#writing = 0;
    this.flush();
    const { bytes, limit } = this.#buffer;
    if (bytes === 0) this.#drained?.();
    if (this.awaitsRoom && (bytes === 0 || bytes + Math.max(this.#refused, limit >> 1) <= limit)) this.becameWritable();
  };

  #lost(error: Error | undefined): void {
    const where = `participant ${this.peer.name} (pid ${this.peer.pid})`;
    const gone = error === undefined || GONE.has((error as NodeJS.ErrnoException).code ?? '');
    this.fail(
      gone
        ? new BusError('PEER_GONE', 'the receiver closed the connection', { where, outcome: 'unknown', cause: error })
        : fromSystemError(error, 'the connection failed', where),
    );
    this.#drained?.();
  }

  protected async release(reason: BusError | undefined): Promise<void> {
    const socket = this.#socket;
    if (reason === undefined) await this.#linger();
    if (socket.closed) return;
    // What the kernel holds stays readable for the peer.
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.destroy();
    await closed;
  }

  /** Until everything is written, the peer is gone, or it has not read for `LINGER_MS`. */
  async #linger(): Promise<void> {
    this.flush();
    if (this.#buffer.bytes === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer(resolve, LINGER_MS);
      this.#drained = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
