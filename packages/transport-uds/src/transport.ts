import { basename } from 'node:path';
import {
  BusError,
  type PeerInfo,
  type PeerTransport,
  type Receiver,
  type Sender,
  type TransportContext,
  type TransportLimits,
} from '@busbar/core/contract';
import { BufferPool } from './buffer-pool.ts';
import { CAPABILITIES } from './capabilities.ts';
import { type Dial, decodeControl, encodeRefused } from './handshake.ts';
import { Invitations } from './invitations.ts';
import { Listener } from './listener.ts';
import { READ_BUFFER_BYTES, UdsReceiver } from './receiver.ts';
import { UdsSender } from './sender.ts';
import { socketName } from './socket-path.ts';

/** One participant's end of the medium: its data socket, its inbox, its senders. */
export class UdsTransport implements PeerTransport {
  readonly #name: string;
  readonly #context: TransportContext;
  readonly #limits: TransportLimits;
  readonly #listener: Listener;
  readonly #invitations: Invitations;
  readonly #pool: BufferPool;
  readonly #senders = new Set<UdsSender>();
  #receiver: UdsReceiver | undefined;
  #closing: Promise<void> | undefined;

  private constructor(name: string, context: TransportContext, listener: Listener, invitations: Invitations) {
    this.#name = name;
    // What is stated is what is accepted, whatever larger frames the bus would take from others.
    const maxFrameLength = Math.min(context.limits.maxFrameLength, CAPABILITIES.maxFrameLength);
    this.#limits = { ...context.limits, maxFrameLength };
    this.#context = context;
    this.#listener = listener;
    this.#invitations = invitations;
    this.#pool = new BufferPool(Math.max(2 * context.limits.unwrittenBytes, READ_BUFFER_BYTES));
    context.control.onMessage((peer, message) => this.#onControl(peer, message));
    context.control.onPeerLost((peer) => {
      invitations.cancel(() => new BusError('PEER_GONE', 'the link to the peer ended', { outcome: 'not-sent' }), peer);
    });
  }

  /** @throws BusError PATH_TOO_LONG | RESOURCE_EXHAUSTED | TRANSPORT_FAILED */
  static async open(name: string, context: TransportContext): Promise<UdsTransport> {
    const { directory, self, clock, metrics, logger } = context;
    const invitations = new Invitations(clock);
    const listener = await Listener.open(directory, socketName(self.id, name), clock, {
      onHello: (hello, socket) => invitations.accept(hello, socket),
      onStranger: () => metrics.count('uds_strangers_cut', 1),
      onError: (error) => {
        logger.error(error.message);
        invitations.cancel(() => error);
      },
    });
    return new UdsTransport(name, context, listener, invitations);
  }

  async listen(): Promise<Receiver> {
    this.#assertOpen();
    if (this.#receiver !== undefined) throw new BusError('MISUSE', 'listen was called twice', { where: this.#name });
    const address = `${this.#name}:${this.#listener.path}`;
    this.#receiver = new UdsReceiver(address, this.#context, this.#limits, this.#pool);
    return this.#receiver;
  }

  async connect(address: string, peer: PeerInfo, signal?: AbortSignal): Promise<Sender> {
    this.#assertOpen();
    const file = socketName(peer.id, this.#name);
    if (!address.startsWith(`${this.#name}:`) || basename(address) !== file) {
      throw new BusError('TRANSPORT_FAILED', `an address of this peer ends in ${file}`, { where: address });
    }
    const { control, clock } = this.#context;
    const send = (message: Uint8Array): boolean => control.send(peer, message);
    const socket = await this.#invitations.invite(peer, this.#listener.path, send, signal);
    // `close` may have come between the hello and this turn; it cannot know of this socket.
    if (this.#closing !== undefined) socket.destroy();
    this.#assertOpen();
    const sender = new UdsSender(socket, peer, this.#limits, this.#pool, clock);
    this.#senders.add(sender);
    socket.once('close', () => this.#senders.delete(sender));
    return sender;
  }

  #onControl(peer: PeerInfo, message: Uint8Array): void {
    const request = decodeControl(message);
    if (request?.kind === 'dial') this.#dial(peer, request);
    else if (request?.kind === 'refused') this.#invitations.refuse(peer, request.number, request.reason);
    else this.#context.metrics.count('uds_protocol_errors', 1);
  }

  #dial(peer: PeerInfo, dial: Dial): void {
    const refused = (reason: BusError): void => {
      this.#context.control.send(peer, encodeRefused(dial.number, reason.message));
    };
    // A peer may send us to its own socket only, never to some other service.
    if (basename(dial.path) !== socketName(peer.id, this.#name)) {
      refused(new BusError('PROTOCOL_ERROR', 'the invitation does not lead to the inviting participant'));
    } else if (this.#receiver === undefined) {
      refused(new BusError('TRANSPORT_FAILED', 'this participant does not listen'));
    } else {
      this.#receiver.dial(dial, peer, refused);
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new BusError('CLOSED', 'the transport is closed', { where: this.#name });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#invitations.cancel(() => new BusError('CLOSED', 'the transport was closed', { where: this.#name }));
    await Promise.all([...this.#senders].map((sender) => sender.close()));
    await this.#receiver?.close();
    await this.#listener.close();
  }
}
