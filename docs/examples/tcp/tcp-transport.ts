import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  BusError,
  fromSystemError,
  type PeerInfo,
  type PeerTransport,
  type Receiver,
  type Sender,
  type TransportContext,
} from '@busbar/core/contract';
import { TcpReceiver } from './tcp-receiver.ts';
import { TcpSender } from './tcp-sender.ts';

const HOST = '127.0.0.1';
const TOKEN_BYTES = 16;
const MAX_FRAME_BYTES = 1_048_576;
/** A connection that has not shown its token by then is cut. */
const PROOF_MS = 1000;

/** What two instances say to each other over the control plane; JSON, since it is rare. */
type Word =
  | { readonly say: 'dial me'; readonly token: string; readonly port: number }
  | { readonly say: 'cannot'; readonly token: string; readonly reason: string };

/** Somebody here waits for `peer` to dial. */
interface Invitation {
  readonly peer: PeerInfo;
  resolve(socket: Socket): void;
  reject(reason: BusError): void;
}

/** One participant's end: a port, an inbox, senders. */
export class TcpTransport implements PeerTransport {
  readonly #context: TransportContext;
  readonly #server: Server;
  readonly #port: number;
  readonly #receiver: TcpReceiver;
  readonly #senders = new Set<TcpSender>();
  readonly #strangers = new Set<Socket>();
  /** By token, each good for one connection. */
  readonly #invitations = new Map<string, Invitation>();
  #closing: Promise<void> | undefined;

  private constructor(context: TransportContext, server: Server) {
    this.#context = context;
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    this.#receiver = new TcpReceiver(`tcp:${HOST}:${this.#port}`, context, MAX_FRAME_BYTES);
    server.on('connection', (socket) => this.#accept(socket));
    server.on('error', (error) => context.logger.warn('tcp: cannot accept', { error: error.message }));
    context.control.onMessage((peer, message) => this.#heard(peer, message));
    context.control.onPeerLost((peer) => this.#withdraw(new BusError('PEER_GONE', 'the peer left'), peer));
  }

  /** @throws BusError RESOURCE_EXHAUSTED | TRANSPORT_FAILED */
  static async open(context: TransportContext): Promise<TcpTransport> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(fromSystemError(error, 'cannot listen', HOST)));
      server.listen(0, HOST, resolve);
    });
    server.removeAllListeners('error');
    server.unref();
    return new TcpTransport(context, server);
  }

  async listen(): Promise<Receiver> {
    this.#assertOpen();
    return this.#receiver;
  }

  /** Invites the peer to dial: the control plane knows who we are, and tells it which token to show. */
  async connect(address: string, peer: PeerInfo, signal?: AbortSignal): Promise<Sender> {
    this.#assertOpen();
    const token = randomBytes(TOKEN_BYTES).toString('hex');
    const abort = (): void => this.#invitations.get(token)?.reject(new BusError('ABORTED', 'the connect was given up'));
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const socket = await new Promise<Socket>((resolve, reject) => {
        this.#invitations.set(token, { peer, resolve, reject });
        if (signal?.aborted) abort();
        else if (!this.#say(peer, { say: 'dial me', token, port: this.#port }))
          reject(new BusError('PEER_GONE', 'there is no link to the peer', { where: address, outcome: 'not-sent' }));
      });
      const sender = new TcpSender(socket, peer, this.#context, MAX_FRAME_BYTES);
      this.#senders.add(sender);
      socket.once('close', () => this.#senders.delete(sender));
      if (this.#closing !== undefined) await sender.close();
      return sender;
    } finally {
      this.#invitations.delete(token);
      signal?.removeEventListener('abort', abort);
    }
  }

  #say(peer: PeerInfo, word: Word): boolean {
    return this.#context.control.send(peer, Buffer.from(JSON.stringify(word)));
  }

  /** What a peer says is untrusted: it may be of another version, or mistaken. */
  #heard(peer: PeerInfo, message: Uint8Array): void {
    let word: Partial<Word & { port: number; reason: string }>;
    try {
      word = JSON.parse(Buffer.from(message).toString());
    } catch {
      this.#context.metrics.count('tcp_protocol_errors', 1);
      return;
    }
    const token = String(word.token);
    if (word.say === 'cannot') {
      const invitation = this.#invitations.get(token);
      if (invitation?.peer === peer)
        invitation.reject(new BusError('TRANSPORT_FAILED', `the peer cannot dial: ${word.reason}`));
    } else if (word.say === 'dial me' && Number.isInteger(word.port)) {
      this.#receiver.dial(Number(word.port), Buffer.from(token, 'hex'), peer, (reason) =>
        this.#say(peer, { say: 'cannot', token, reason: reason.message }),
      );
    }
  }

  /** Whoever can reach the port may connect: only the token of an invitation makes it a connection. */
  #accept(socket: Socket): void {
    socket.unref();
    socket.setNoDelay();
    this.#strangers.add(socket);
    const cut = (): void => {
      socket.destroy();
    };
    const timer = this.#context.clock.setTimer(cut, PROOF_MS);
    let proof: Buffer = Buffer.alloc(0);
    const onData = (bytes: Buffer): void => {
      proof = Buffer.concat([proof, bytes]);
      if (proof.length < TOKEN_BYTES) return;
      const invitation = this.#invitations.get(proof.toString('hex'));
      if (invitation === undefined) {
        cut();
        return;
      }
      timer.cancel();
      socket.off('data', onData).off('error', cut);
      this.#strangers.delete(socket);
      invitation.resolve(socket);
    };
    socket.on('data', onData).on('error', cut);
    socket.on('close', () => {
      timer.cancel();
      this.#strangers.delete(socket);
    });
  }

  /** Nobody will come for the invitations to `peer`, or for any. */
  #withdraw(reason: BusError, peer?: PeerInfo): void {
    for (const invitation of this.#invitations.values())
      if (peer === undefined || invitation.peer === peer) invitation.reject(reason);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new BusError('CLOSED', 'the transport is closed', { where: 'tcp' });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#withdraw(new BusError('CLOSED', 'the transport was closed'));
    await Promise.all([...this.#senders].map((sender) => sender.close()));
    await this.#receiver.close();
    for (const socket of this.#strangers) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
