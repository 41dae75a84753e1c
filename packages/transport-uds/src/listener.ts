import { randomBytes } from 'node:crypto';
import { chmod, lstat, rename, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { type BusError, type Clock, fromSystemError } from '@busbar/core/contract';
import { HELLO_BYTES } from './handshake.ts';
import { socketPath } from './socket-path.ts';

/** A connection proves itself within this time or is cut. */
const HELLO_TIMEOUT_MS = 1_000;
/** Connections that have not proven themselves yet; more are cut at once. */
const MAX_STRANGERS = 64;

export interface ListenerEvents {
  /** `hello` is complete; true when the connection now belongs to somebody, else it is cut. */
  onHello(hello: Buffer, socket: Socket): boolean;
  /** A connection was cut: it said nothing in time, or the wrong thing, or there were too many. */
  onStranger(): void;
  /** The system could not accept a connection. */
  onError(error: BusError): void;
}

/**
 * The socket file of one participant. It is bound under a temporary name, restricted to its owner and renamed, so
 * the name never leads to a socket that others may use, and nothing is unlinked to make room for it.
 */
export class Listener {
  readonly path: string;
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #events: ListenerEvents;
  readonly #strangers = new Set<Socket>();
  /** Device and inode of our file: another one under our name is not ours to remove. */
  #file = '';

  private constructor(path: string, clock: Clock, events: ListenerEvents) {
    this.path = path;
    this.#clock = clock;
    this.#events = events;
    this.#server = createServer((socket) => this.#admit(socket));
    this.#server.unref();
  }

  /** @throws BusError PATH_TOO_LONG | RESOURCE_EXHAUSTED | TRANSPORT_FAILED */
  static async open(directory: string, name: string, clock: Clock, events: ListenerEvents): Promise<Listener> {
    const path = socketPath(directory, name);
    const temporary = socketPath(directory, `.${randomBytes(4).toString('hex')}.${name}`);
    const listener = new Listener(path, clock, events);
    try {
      await listener.#bind(temporary);
      return listener;
    } catch (error) {
      await listener.close();
      await unlink(temporary).catch(() => undefined);
      throw fromSystemError(error, 'cannot listen on the data socket', path);
    }
  }

  async #bind(temporary: string): Promise<void> {
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(temporary, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (error) => this.#events.onError(fromSystemError(error, 'cannot accept', this.path)));
    await chmod(temporary, 0o600);
    this.#file = await fileIdentity(temporary);
    await rename(temporary, this.path);
  }

  #admit(socket: Socket): void {
    socket.unref();
    socket.on('error', () => socket.destroy());
    if (this.#strangers.size >= MAX_STRANGERS) {
      this.#cut(socket);
      return;
    }
    this.#strangers.add(socket);
    let hello: Buffer = Buffer.alloc(0);
    const timer = this.#clock.setTimer(() => this.#cut(socket), HELLO_TIMEOUT_MS);
    const onData = (bytes: Buffer): void => {
      hello = Buffer.concat([hello, bytes]);
      if (hello.length < HELLO_BYTES) return;
      socket.off('data', onData);
      socket.off('close', onClose);
      timer.cancel();
      if (!this.#events.onHello(hello, socket)) this.#cut(socket);
      this.#strangers.delete(socket);
    };
    const onClose = (): void => {
      timer.cancel();
      if (this.#strangers.delete(socket)) this.#events.onStranger();
    };
    socket.on('data', onData);
    socket.on('close', onClose);
  }

  #cut(socket: Socket): void {
    this.#strangers.delete(socket);
    this.#events.onStranger();
    socket.destroy();
  }

  /** Resolves when the socket and its file are gone. */
  async close(): Promise<void> {
    const strangers = [...this.#strangers];
    this.#strangers.clear();
    for (const socket of strangers) socket.destroy();
    if (this.#file !== '' && (await fileIdentity(this.path)) === this.#file) await unlink(this.path);
    // `close` resolves when the listening handle is closed and every accepted connection has ended.
    if (this.#server.listening) await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Device and inode, or '' when nothing is there. */
async function fileIdentity(path: string): Promise<string> {
  try {
    const { dev, ino } = await lstat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return '';
  }
}
