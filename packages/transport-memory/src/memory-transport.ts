import { randomBytes } from 'node:crypto';
import {
  BusError,
  type PeerInfo,
  type PeerTransport,
  type Receiver,
  type Sender,
  type TransportContext,
} from '@busbar/core/contract';
import type { ChannelLimits } from './channel-limits.ts';
import { decodeHandshake, encodeHandshake } from './handshake.ts';
import { LocalSender } from './local-sender.ts';
import { MemoryReceiver } from './memory-receiver.ts';
import { ThreadSender } from './thread-sender.ts';
import { ThreadSource } from './thread-source.ts';

type MemorySender = LocalSender | ThreadSender;

/** A connect that waits for its peer's answer. */
interface Dial {
  readonly peer: PeerInfo;
  accept(): void;
  fail(error: BusError): void;
}

/**
 * Senders of this thread on offer, by one-time token, for as long as their handshake lasts. A peer that finds its
 * token here lives on this thread and attaches the sender itself; elsewhere the two meet in a ThreadChannel.
 */
const localOffers = new Map<string, LocalSender>();

/** One participant's memory transport. */
export class MemoryTransport implements PeerTransport {
  readonly #context: TransportContext;
  readonly #scheme: string;
  readonly #limits: ChannelLimits;
  readonly #dials = new Map<string, Dial>();
  readonly #senders = new Map<MemorySender, PeerInfo>();
  #receiver: MemoryReceiver | undefined;
  #closing: Promise<void> | undefined;

  /** `scheme` begins every address that can be reached from here: `memory:<process>/`. */
  constructor(context: TransportContext, scheme: string, limits: ChannelLimits) {
    this.#context = context;
    this.#scheme = scheme;
    this.#limits = limits;
    context.control.onMessage((peer, message) => this.#onHandshake(peer, message));
    context.control.onPeerLost((peer) => this.#onPeerLost(peer));
  }

  async listen(): Promise<Receiver> {
    this.#assertOpen('listen');
    if (this.#receiver !== undefined) throw new BusError('MISUSE', 'listen was called twice', { where: 'memory' });
    this.#receiver = new MemoryReceiver(`${this.#scheme}${this.#context.self.id}`);
    return this.#receiver;
  }

  async connect(address: string, peer: PeerInfo, signal?: AbortSignal): Promise<Sender> {
    this.#assertOpen('connect');
    if (!address.startsWith(this.#scheme)) {
      throw new BusError('TRANSPORT_FAILED', 'the peer is in another process', {
        where: address,
        remedy: 'memory reaches the threads of one process; install a transport of scope host',
      });
    }
    const token = randomBytes(16).toString('hex');
    const local = new LocalSender(address, this.#limits, () => this.#senders.delete(local));
    // Open before the offer: the peer may close its inbox as soon as it has accepted.
    const threaded = new ThreadSender(address, token, this.#limits, () => this.#senders.delete(threaded));
    this.#senders.set(local, peer).set(threaded, peer);
    localOffers.set(token, local);
    try {
      await this.#dial(address, peer, token, signal);
    } catch (error) {
      localOffers.delete(token);
      await Promise.all([local.close(), threaded.close()]);
      throw error;
    }
    // A peer on this thread has taken the offer; one on another thread has opened its end of the channel.
    const [sender, unused] = localOffers.delete(token) ? [threaded, local] : [local, threaded];
    await unused.close();
    return sender;
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  #dial(address: string, peer: PeerInfo, token: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        this.#dials.delete(token);
        signal?.removeEventListener('abort', onAbort);
      };
      const dial: Dial = {
        peer,
        accept: () => {
          settle();
          resolve();
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      const onAbort = (): void => dial.fail(new BusError('ABORTED', 'the connect was given up', { where: address }));
      if (signal?.aborted === true) {
        onAbort();
        return;
      }
      signal?.addEventListener('abort', onAbort);
      this.#dials.set(token, dial);
      if (!this.#context.control.send(peer, encodeHandshake('offer', token))) {
        dial.fail(new BusError('PEER_GONE', 'there is no link to the peer', { where: address }));
      }
    });
  }

  #onHandshake(peer: PeerInfo, message: Uint8Array): void {
    const handshake = decodeHandshake(message);
    if (handshake === undefined) {
      this.#context.logger.warn('memory: a handshake message that is none was ignored', { peer: peer.id });
      return;
    }
    const { kind, token } = handshake;
    if (kind === 'offer') {
      this.#context.control.send(peer, encodeHandshake(this.#take(peer, token) ? 'accept' : 'refuse', token));
      return;
    }
    const dial = this.#dials.get(token);
    if (dial?.peer.id !== peer.id) return;
    if (kind === 'accept') dial.accept();
    else dial.fail(new BusError('TRANSPORT_FAILED', 'the peer has no open inbox', { where: peer.name }));
  }

  /** Takes a sender on offer into the inbox; false when there is no inbox. */
  #take(peer: PeerInfo, token: string): boolean {
    const inbox = this.#receiver;
    if (inbox === undefined || !inbox.open) return false;
    const local = localOffers.get(token);
    if (local === undefined) new ThreadSource(inbox, token, peer);
    else {
      localOffers.delete(token);
      local.attach(inbox, peer);
    }
    return true;
  }

  #onPeerLost(peer: PeerInfo): void {
    for (const dial of this.#dials.values()) {
      if (dial.peer.id === peer.id) dial.fail(new BusError('PEER_GONE', 'the peer left', { where: peer.name }));
    }
    for (const [sender, to] of this.#senders) {
      if (to.id === peer.id) sender.end('the link to the peer ended');
    }
  }

  async #end(): Promise<void> {
    for (const dial of this.#dials.values()) dial.fail(new BusError('CLOSED', 'the transport was closed'));
    await Promise.all([...this.#senders.keys()].map((sender) => sender.close()));
    this.#senders.clear();
    await this.#receiver?.close();
  }

  #assertOpen(call: string): void {
    if (this.#closing === undefined) return;
    throw new BusError('CLOSED', `${call} on a closed transport`, { where: 'memory' });
  }
}
