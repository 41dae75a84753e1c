import { connect, type Socket } from 'node:net';
import {
  allocateFrameBuffer,
  type BusError,
  type FrameBuffer,
  FrameDecoder,
  type FrameHandler,
  fromSystemError,
  type PeerInfo,
  ReceiverBase,
  type TransportContext,
} from '@busbar/core/contract';

/** What a connection reads at a time. */
const CHUNK_BYTES = 65_536;

/** The reading end of one connection, with at most one chunk that has not been handed over. */
interface Inbound {
  readonly socket: Socket;
  readonly peer: PeerInfo;
  readonly decoder: FrameDecoder;
  readonly chunk: FrameBuffer;
  start: number;
  end: number;
}

/**
 * The inbox. It dials whoever wants to send, since Node reads into memory of ours (`onread`) only on sockets that were
 * dialled. A connection is paused while its chunk waits, so a bus that does not read is felt by the sender.
 */
export class TcpReceiver extends ReceiverBase {
  readonly address: string;
  readonly #context: TransportContext;
  readonly #maxFrameLength: number;
  readonly #connections = new Set<Inbound>();
  readonly #ready: Inbound[] = [];

  constructor(address: string, context: TransportContext, maxFrameLength: number) {
    super();
    this.address = address;
    this.#context = context;
    this.#maxFrameLength = maxFrameLength;
  }

  /** Dials `peer` at `port` and shows `token`. `refused` is told when the connection ends before anything came. */
  dial(port: number, token: Uint8Array, peer: PeerInfo, refused: (reason: BusError) => void): void {
    const chunk = allocateFrameBuffer(CHUNK_BYTES);
    const onread = { buffer: chunk.u8, callback: (bytes: number): boolean => this.#arrived(inbound, bytes) };
    const socket = connect({ port, host: '127.0.0.1', onread });
    const inbound: Inbound = {
      socket,
      peer,
      decoder: new FrameDecoder(this.#maxFrameLength),
      chunk,
      start: 0,
      end: 0,
    };
    this.#connections.add(inbound);
    // The bus decides what holds the process; a transport never does.
    socket.unref();
    socket.on('connect', () => socket.write(token));
    let failure: BusError | undefined;
    socket.on('error', (error) => {
      failure = fromSystemError(error, 'cannot dial', `port ${port}`);
    });
    socket.on('close', () => {
      this.#connections.delete(inbound);
      if (inbound.end === 0) refused(failure ?? fromSystemError('the connection was cut', 'cannot dial'));
    });
    // With `onread` nothing flows through the stream; this lets its end be seen.
    socket.resume();
  }

  /** False pauses the connection. */
  #arrived(inbound: Inbound, bytes: number): boolean {
    inbound.start = 0;
    inbound.end = bytes;
    this.#ready.push(inbound);
    this.becameReadable();
    return inbound.start === inbound.end;
  }

  protected read(handler: FrameHandler, limit: number): number {
    let handed = 0;
    while (handed < limit && this.#ready.length > 0) {
      const inbound = this.#ready.shift() as Inbound;
      handed += this.#decode(inbound, handler, limit - handed);
      // In turn, so that one peer's flood does not hold up the others.
      if (inbound.start < inbound.end) this.#ready.push(inbound);
      else inbound.socket.resume();
    }
    return handed;
  }

  #decode(inbound: Inbound, handler: FrameHandler, limit: number): number {
    const { decoder, chunk, start, end, peer } = inbound;
    const before = decoder.frames;
    inbound.start = end;
    try {
      const forward: FrameHandler = (frame, offset, length) => handler(frame, offset, length, peer);
      inbound.start = decoder.push(chunk, start, end, forward, limit);
    } catch (error) {
      // PROTOCOL_ERROR (F6): beyond repair. This connection is cut, the bus counts it and cuts the link.
      this.#context.control.violation(peer, error as BusError);
      inbound.socket.destroy();
    }
    return decoder.frames - before;
  }

  prepareToSleep(): boolean {
    return this.#ready.length === 0;
  }

  /** A dead peer's connection ends by itself once it is read; ending our half makes a living one's end too. */
  drain(peer: PeerInfo): void {
    for (const inbound of this.#connections) if (inbound.peer === peer) inbound.socket.end();
  }

  protected async release(): Promise<void> {
    this.#ready.length = 0;
    const closed = [...this.#connections].map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)));
    for (const { socket } of this.#connections) socket.destroy();
    await Promise.all(closed);
  }
}
