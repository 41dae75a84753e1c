import type { Socket } from 'node:net';
import {
  BusError,
  DONE,
  encodeFrame,
  type FrameBuffer,
  FrameDecoder,
  FrameHeader,
  readFrameHeader,
  UNKNOWN_VERSION,
} from '../contract/index.ts';

/** Largest control frame: a HELLO with every subscription a peer may have. */
const MAX_CONTROL_FRAME_BYTES = 4 * 1024 * 1024;
/** How long a closed connection waits for a peer that does not read. */
const LINGER_MS = 100;

/** One control message. `payload` is private and may be kept. */
export interface ControlMessage {
  readonly kind: number;
  readonly id: number;
  /** The transport an attach message is for; '' otherwise. */
  readonly topic: string;
  readonly payload: Uint8Array;
}

/**
 * Carries control messages between two participants, in order. The default is a Unix socket; a participant that can be
 * reached by one route only gets its own kind.
 */
export interface ControlChannel {
  send(kind: number, id: number, payload: Uint8Array, topic?: string): void;
  onMessage(handler: (message: ControlMessage) => void): void;
  /** Once; `reason` is undefined when the other side ended it in order. */
  onClose(handler: (reason: BusError | undefined) => void): void;
  /** Writes out what was sent and waits, for a moment, until the other side has read it; then closes. */
  close(): Promise<void>;
  /** At once, when nobody is there any more who could read. */
  destroy(): void;
}

const header = new FrameHeader();
/** What helps against a peer that speaks otherwise. */
const UPDATE = 'run compatible releases of @busbar/core on both sides';

const NO_MESSAGE = (): void => {};

/** Frames of version 1 over a connected Unix socket. */
export class ControlConnection implements ControlChannel {
  readonly socket: Socket;
  readonly #decoder = new FrameDecoder(MAX_CONTROL_FRAME_BYTES);
  #handler: (message: ControlMessage) => void = NO_MESSAGE;
  #closeHandler: ((reason: BusError | undefined) => void) | undefined;
  /** For errors: who is at the other end, once it is known. */
  where = 'control socket';
  readonly #skipped: (error: BusError) => void;
  #reason: BusError | undefined;
  #closed = false;

  /**
   * The socket must be connected; it is unref'd: the bus decides what holds the process. `skipped` hears of frames of
   * an unknown version (F2).
   */
  constructor(socket: Socket, skipped: (error: BusError) => void) {
    this.socket = socket;
    this.#skipped = skipped;
    socket.unref();
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', (error) => {
      this.#reason ??= new BusError('TRANSPORT_FAILED', error.message, { where: this.where, cause: error });
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#ended());
  }

  send(kind: number, id: number, payload: Uint8Array, topic?: string): void {
    if (this.#closed || !this.socket.writable) return;
    this.socket.write(
      encodeFrame({ kind, messageId: id, payload, ...(topic === undefined ? {} : { topicName: topic }) }),
    );
  }

  onMessage(handler: (message: ControlMessage) => void): void {
    this.#handler = handler;
  }

  onClose(handler: (reason: BusError | undefined) => void): void {
    this.#closeHandler = handler;
  }

  close(): Promise<void> {
    const { socket } = this;
    if (socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      // The other side ends it: a write of theirs that met a closed socket would make them drop our last word unread.
      const linger = setTimeout(() => socket.destroy(), LINGER_MS);
      socket.once('close', () => {
        clearTimeout(linger);
        resolve();
      });
      socket.end();
    });
  }

  destroy(): void {
    this.socket.destroy();
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeHandler?.(this.#reason);
  }

  #read(chunk: Buffer): void {
    // Chunks come at any address; frames are read at multiples of 8.
    const bytes = new ArrayBuffer((chunk.length + 7) & ~7);
    const buffer: FrameBuffer = { u8: new Uint8Array(bytes), i32: new Int32Array(bytes), transferable: false };
    buffer.u8.set(chunk);
    try {
      this.#decoder.push(buffer, 0, chunk.length, this.#frame, Number.POSITIVE_INFINITY);
    } catch (error) {
      const { what, remedy } = error as BusError;
      this.#cut(new BusError('PROTOCOL_ERROR', what, { where: this.where, remedy }));
    }
  }

  readonly #frame = (buffer: FrameBuffer, offset: number, length: number): typeof DONE => {
    if (this.socket.destroyed) return DONE;
    const wrong = readFrameHeader(buffer, offset, length, header);
    if (wrong === UNKNOWN_VERSION) {
      this.#skipped(
        new BusError('PROTOCOL_ERROR', `${wrong} ${header.version}`, { where: this.where, remedy: UPDATE }),
      );
      return DONE;
    }
    if (wrong !== '') {
      this.#cut(new BusError('PROTOCOL_ERROR', wrong, { where: this.where, remedy: UPDATE }));
      return DONE;
    }
    const named = header.sections & 1;
    const payload = buffer.u8.slice(offset + header.headerLength, offset + length);
    this.#handler({ kind: header.kind, id: header.messageId, topic: named ? header.topicName : '', payload });
    return DONE;
  };

  #cut(reason: BusError): void {
    this.#reason ??= reason;
    this.socket.destroy();
  }
}
