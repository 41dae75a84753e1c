import { chmodSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, Socket } from 'node:net';
import path from 'node:path';
import { BusError, type Clock, fromSystemError, KIND, type Logger } from '../contract/index.ts';
import { ControlConnection, type ControlMessage } from './control-connection.ts';
import { checkHello, type Hello } from './hello.ts';
import { descriptorOf, type NativeBindings } from './native.ts';
import { assertSocketPath } from './runtime-directory.ts';

/** How long a connection may take to say HELLO; generous, since whole machines start at once. */
const HELLO_MS = 10_000;
/** Connections without a HELLO yet; more are cut. */
const MAX_STRANGERS = 256;

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
}

/** A control connection on which both sides have said HELLO. */
export interface Greeting {
  readonly connection: ControlConnection;
  readonly hello: Hello;
  /** What the kernel says of the peer; undefined without `@busbar/native`. */
  readonly credentials: PeerCredentials | undefined;
  readonly session: string;
  readonly resumed: boolean;
}

export interface ControlPlaneHost {
  readonly id: string;
  readonly bus: string;
  readonly secret: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxInterest: number;
  readonly native: NativeBindings | undefined;
  /** This side's HELLO. */
  hello(session: string, resume: string | boolean | undefined): Hello;
  /** Whether to go on with a peer that dialled; a refusal is told to it. */
  admit(hello: Hello): { readonly resumed: boolean } | { readonly refused: string };
  greeted(greeting: Greeting): void;
  /** A peer broke the rules of the handshake; counted. */
  rejected(error: BusError): void;
}

export type DialResult = 'greeted' | 'refused' | 'dead';

/** A handshake that this side has begun. */
export interface Dial {
  /** Never rejects. */
  readonly result: Promise<DialResult>;
  /** Gives it up; without effect once it is answered. */
  cancel(): void;
}

/** The control plane of one participant: its Unix socket, and the handshakes both ways. */
export class ControlPlane {
  readonly #host: ControlPlaneHost;
  readonly #folder: string;
  readonly #strangers = new Set<ControlConnection>();
  /** Dialled and not answered yet. */
  readonly #dialled = new Set<Socket>();
  #server: Server | undefined;

  constructor(host: ControlPlaneHost, folder: string) {
    this.#host = host;
    this.#folder = folder;
  }

  /**
   * Bound under a temporary name in the private folder, then renamed: nobody meets a socket that is not ready, and
   * nothing is ever unlinked to make room. @throws BusError PATH_TOO_LONG | RESOURCE_EXHAUSTED
   */
  async listen(): Promise<void> {
    const file = this.#socketOf(this.#host.id);
    const temporary = assertSocketPath(path.join(this.#folder, `.${path.basename(file)}`));
    const server = createServer({ allowHalfOpen: false }, (socket) => this.#accepted(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(fromSystemError(error, 'the control socket cannot be opened', temporary)));
      server.listen(temporary, () => resolve());
    });
    // An accept that fails (out of descriptors) concerns the one who dialled: it will try again.
    server
      .removeAllListeners('error')
      .on('error', (error) => this.#host.logger.warn('control socket', { error: error.message }));
    chmodSync(temporary, 0o600);
    renameSync(temporary, file);
    server.unref();
  }

  #socketOf(id: string): string {
    return path.join(this.#folder, `${id}.sock`);
  }

  /**
   * Dials a participant; `resume` names a broken session to go on with. Waits for as long as the connection stands: a busy
   * peer is slow, a stopped one answers when it goes on.
   */
  dial(id: string, session: string, resume: string | undefined): Dial {
    const socket = new Socket();
    this.#dialled.add(socket);
    const result = new Promise<DialResult>((resolve) => {
      let failed: NodeJS.ErrnoException | undefined;
      let answer: DialResult | undefined;
      socket.once('error', (error: NodeJS.ErrnoException) => {
        failed = error;
      });
      const closed = (): void => {
        this.#dialled.delete(socket);
        resolve(answer ?? (failed?.code === 'ECONNREFUSED' || failed?.code === 'ENOENT' ? 'dead' : 'refused'));
      };
      socket.once('close', closed);
      socket.once('connect', () => {
        const connection = new ControlConnection(socket, (error) => this.#host.rejected(error));
        connection.onMessage((message) => {
          socket.off('close', closed);
          answer = this.#answered(connection, message, session);
          closed();
        });
        connection.send(KIND.HELLO, 0, json(this.#host.hello(session, resume)));
      });
    });
    socket.connect(this.#socketOf(id));
    socket.unref();
    return {
      result,
      cancel: () => {
        if (this.#dialled.has(socket)) socket.destroy();
      },
    };
  }

  #answered(connection: ControlConnection, message: ControlMessage, session: string): DialResult {
    if (message.kind === KIND.BYE) {
      this.#host.logger.debug('a peer declined', { reason: Buffer.from(message.payload).toString() });
      void connection.close();
      return 'refused';
    }
    try {
      if (message.kind !== KIND.HELLO) throw new BusError('PROTOCOL_ERROR', `kind ${message.kind} before HELLO`);
      const hello = checkHello(message.payload, this.#host.bus, this.#host.secret, this.#host.maxInterest);
      const credentials = this.#credentials(connection, hello);
      this.#host.greeted({ connection, hello, credentials, session, resumed: hello.resume === true });
      return 'greeted';
    } catch (error) {
      this.#host.rejected(error as BusError);
      void connection.close();
      return 'refused';
    }
  }

  #accepted(socket: Socket): void {
    const connection = new ControlConnection(socket, (error) => this.#host.rejected(error));
    if (this.#strangers.size >= MAX_STRANGERS) {
      socket.destroy();
      return;
    }
    this.#strangers.add(connection);
    const timer = this.#host.clock.setTimer(() => {
      // A busy process may have had it in the kernel all the time: one more poll, then the verdict.
      setImmediate(() => {
        if (!this.#strangers.has(connection)) return;
        this.#host.rejected(
          new BusError('PROTOCOL_ERROR', 'a connection said no HELLO in time', {
            where: 'control socket',
            remedy: 'only participants of this bus may connect here',
          }),
        );
        socket.destroy();
      });
    }, HELLO_MS);
    connection.onClose((reason) => {
      timer.cancel();
      this.#strangers.delete(connection);
      if (reason !== undefined) this.#host.rejected(reason);
    });
    connection.onMessage((message) => {
      timer.cancel();
      this.#strangers.delete(connection);
      connection.onClose(() => {});
      connection.onMessage(() => {});
      this.#greet(connection, message);
    });
  }

  #greet(connection: ControlConnection, message: ControlMessage): void {
    try {
      if (message.kind !== KIND.HELLO)
        throw new BusError('PROTOCOL_ERROR', `kind ${message.kind} before HELLO`, { where: 'control socket' });
      const hello = checkHello(message.payload, this.#host.bus, this.#host.secret, this.#host.maxInterest);
      const credentials = this.#credentials(connection, hello);
      const verdict = this.#host.admit(hello);
      if ('refused' in verdict) {
        connection.send(KIND.BYE, 0, Buffer.from(verdict.refused));
        void connection.close();
        return;
      }
      connection.send(KIND.HELLO, 0, json(this.#host.hello(hello.session, verdict.resumed)));
      this.#host.greeted({ connection, hello, credentials, session: hello.session, resumed: verdict.resumed });
    } catch (error) {
      this.#host.rejected(error as BusError);
      connection.send(KIND.BYE, 0, Buffer.from((error as Error).message));
      void connection.close();
    }
  }

  /** @throws BusError FOREIGN_UID when the kernel names another user than ours. */
  #credentials(connection: ControlConnection, hello: Hello): PeerCredentials | undefined {
    const { native } = this.#host;
    const descriptor = descriptorOf(connection.socket);
    if (native === undefined || descriptor === undefined) return undefined;
    const { pid, uid } = native.peerCredentials(descriptor);
    if (uid !== process.getuid?.()) {
      throw new BusError('FOREIGN_UID', `the peer runs as uid ${uid}`, {
        where: `participant ${hello.name}`,
        remedy: 'participants of one bus run as one user',
      });
    }
    return { pid, uid };
  }

  /** Removes the socket and cuts strangers; connections with a HELLO are the membership's. */
  close(): void {
    for (const stranger of this.#strangers) stranger.socket.destroy();
    for (const socket of this.#dialled) socket.destroy();
    this.#server?.close();
    rmSync(this.#socketOf(this.#host.id), { force: true });
  }
}

function json(value: Hello): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
