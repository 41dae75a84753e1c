import { connect } from 'node:net';
import {
  BusError,
  type FrameHandler,
  fromSystemError,
  isBusError,
  type PeerInfo,
  ReceiverBase,
  type TransportContext,
  type TransportLimits,
} from '@busbar/core/contract';
import { type BufferPool, PooledBuffer } from './buffer-pool.ts';
import { type Dial, encodeHello } from './handshake.ts';
import { Inbound } from './inbound.ts';

/**
 * Bytes of the one buffer that every connection of an inbox reads into. It stays in the second-level cache:
 * with 256 KiB, frames of 64 KiB came a quarter slower.
 */
export const READ_BUFFER_BYTES = 65_536;

/** Connections one peer may have at a time; links need one, a reconnect two. */
const MAX_CONNECTIONS_PER_PEER = 64;

/**
 * The inbox: dials the peers that invite it and reads their frames. Every socket reads into the same static buffer,
 * whose content is handed over within the read callback; what the bus leaves there is put aside and its connection
 * paused, so the sender feels it.
 */
export class UdsReceiver extends ReceiverBase {
  readonly address: string;
  readonly #context: TransportContext;
  readonly #maxFrameLength: number;
  readonly #pool: BufferPool;
  readonly #readBuffer = new PooledBuffer(READ_BUFFER_BYTES);
  readonly #connections = new Set<Inbound>();
  /** Connections with unread bytes, in turn. */
  readonly #ready: Inbound[] = [];

  constructor(address: string, context: TransportContext, limits: TransportLimits, pool: BufferPool) {
    super();
    this.address = address;
    this.#context = context;
    this.#maxFrameLength = limits.maxFrameLength;
    this.#pool = pool;
  }

  /** Takes up an invitation. `refused` is told when that fails, now or before anything arrived. */
  dial({ number, token, path }: Dial, peer: PeerInfo, refused: (reason: BusError) => void): void {
    const count = [...this.#connections].filter((connection) => connection.peer.id === peer.id).length;
    if (!this.isOpen || count >= MAX_CONNECTIONS_PER_PEER) {
      refused(new BusError('RESOURCE_EXHAUSTED', `the inbox is closed or has ${count} connections of this peer`));
      return;
    }
    const callback = (bytes: number): boolean => this.#onRead(connection, bytes);
    const socket = connect({ path, onread: { buffer: this.#readBuffer.u8, callback } });
    const connection = new Inbound(peer, socket, this.#readBuffer, this.#maxFrameLength);
    this.#connections.add(connection);
    let failure = new BusError('TRANSPORT_FAILED', 'the inviting side cut the connection');
    socket.unref();
    socket.on('connect', () => socket.write(encodeHello(number, token)));
    socket.on('error', (error) => {
      failure = fromSystemError(error, 'cannot dial', path);
    });
    socket.on('close', () => {
      this.#connections.delete(connection);
      if (connection.torn) this.#context.metrics.count('uds_torn_frames', 1);
      if (!connection.used) refused(failure);
    });
    // With `onread` nothing flows through the stream; this lets its 'end' be seen.
    socket.resume();
  }

  /** False pauses the connection. */
  #onRead(connection: Inbound, bytes: number): boolean {
    connection.used = true;
    connection.start = 0;
    connection.end = bytes;
    this.#ready.push(connection);
    try {
      this.becameReadable();
    } finally {
      if (connection.unread) this.#putAside(connection);
    }
    return !connection.unread;
  }

  /** Copies what was not taken out of the shared buffer. A frame begins there, so the next ones lie on the 8-byte grid. */
  #putAside(connection: Inbound): void {
    const { chunk, start, end } = connection;
    const aside = this.#pool.acquire(READ_BUFFER_BYTES);
    aside.u8.set(chunk.u8.subarray(start, end));
    connection.chunk = aside;
    connection.start = 0;
    connection.end = end - start;
  }

  /**
   * | allocates                    | blocks | syscalls                  | callable from        |
   * | only for a frame over chunks | no     | 0; 1 to resume a socket   | the receiver's thread|
   */
  protected read(handler: FrameHandler, limit: number): number {
    let handed = 0;
    while (handed < limit) {
      const connection = this.#ready.shift();
      if (connection === undefined) break;
      handed += this.#decode(connection, handler, limit - handed);
      // Taking turns, so that one peer's flood does not hold up the others.
      if (connection.unread && this.isOpen) this.#ready.push(connection);
      else if (connection.chunk !== this.#readBuffer) this.#resume(connection);
    }
    return handed;
  }

  #decode(connection: Inbound, handler: FrameHandler, limit: number): number {
    try {
      return connection.decode(handler, limit);
    } catch (error) {
      connection.socket.destroy();
      if (!isBusError(error) || error.code !== 'PROTOCOL_ERROR') throw error;
      this.#context.metrics.count('uds_protocol_errors', 1);
      this.#context.control.violation(connection.peer, error);
      return 0;
    }
  }

  #resume(connection: Inbound): void {
    this.#pool.release(connection.chunk);
    connection.chunk = this.#readBuffer;
    connection.socket.resume();
  }

  prepareToSleep(): boolean {
    return this.#ready.length === 0;
  }

  /**
   * The peer's connections are read to their end, which its death or its close has already set; a peer that only
   * lost its link is asked to close by closing our direction.
   */
  drain(peer: PeerInfo): void {
    for (const connection of this.#connections) if (connection.peer.id === peer.id) connection.socket.end();
  }

  protected async release(): Promise<void> {
    this.#ready.length = 0;
    const closed = [...this.#connections].map(
      ({ socket }) =>
        new Promise<void>((resolve) => {
          socket.once('close', () => resolve());
          socket.destroy();
        }),
    );
    await Promise.all(closed);
  }
}
