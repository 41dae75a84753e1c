import {
  BusError,
  isBusError,
  type PeerInfo,
  type PeerTransport,
  type Receiver,
  type Sender,
  type TransportContext,
} from '@busbar/core/contract';
import {
  type Bell,
  createDoorbell,
  type Doorbell,
  type HandedDescriptors,
  openBell,
  openSharedMemory,
  type SharedMemory,
} from '@busbar/native';
import { ringBytes } from '@busbar/ring';
import { CAPABILITIES, RING_BYTES } from './capabilities.ts';
import { Dials } from './dials.ts';
import { decodeHandshake, encodeHandshake, type FromReceiver, type Handshake, refusal } from './handshake.ts';
import type { InboundRing } from './inbound-ring.ts';
import { isHidden, Meetings } from './meetings.ts';
import { ShmReceiver } from './receiver.ts';
import { ShmRegions } from './regions/provider.ts';
import { RingGiver, UNVERIFIED } from './ring-giver.ts';
import { ShmSender } from './sender.ts';
import { Waiters } from './waiters.ts';

/** One participant's end of the medium: its doorbell, its inbox, its senders. */
export class ShmTransport implements PeerTransport {
  readonly #name: string;
  readonly #context: TransportContext;
  readonly #maxFrameLength: number;
  readonly #doorbell: Doorbell;
  readonly #waiters = new Waiters();
  readonly #dials: Dials;
  readonly #meetings: Meetings;
  readonly #giver: RingGiver;
  /** Ids of the peers that have shown that they can open what this process has. */
  readonly #reaching = new Set<string>();
  /** By the number in the handshake. */
  readonly #senders = new Map<number, ShmSender>();
  readonly regions: ShmRegions;
  #receiver: ShmReceiver | undefined;
  #closing: Promise<void> | undefined;

  /** @throws BusError RESOURCE_EXHAUSTED | NEEDS_NATIVE */
  constructor(name: string, context: TransportContext, lendingBytes: number) {
    this.#name = name;
    this.#context = context;
    this.#maxFrameLength = Math.min(context.limits.maxFrameLength, CAPABILITIES.maxFrameLength);
    this.#dials = new Dials(context.clock);
    this.#doorbell = createDoorbell(() => this.#rung());
    this.#meetings = new Meetings(context.directory, context.self.id);
    this.#giver = new RingGiver({
      label: `busbar-${context.self.id}`,
      bell: this.#doorbell.descriptor,
      meetings: this.#meetings,
      receiver: () => this.#receiver,
      send: (peer, message) => void this.#send(peer, message),
    });
    this.regions = new ShmRegions(
      {
        name,
        label: `busbar-${context.self.id}-lent`,
        bell: this.#doorbell.descriptor,
        reaches: (peer) => this.#reaching.has(peer.id),
        retired: (region, borrowers) => {
          for (const peer of borrowers) this.#send(peer, { op: 'retired', region });
        },
      },
      lendingBytes,
    );
    context.control.onMessage((peer, message) => this.#onControl(peer, message));
    context.control.onPeerLost((peer, dead) => this.#onPeerLost(peer, dead));
  }

  async listen(): Promise<Receiver> {
    this.#assertOpen();
    if (this.#receiver !== undefined) throw new BusError('MISUSE', 'listen was called twice', { where: this.#name });
    const address = `${this.#name}:${this.#context.self.id}`;
    this.#receiver = new ShmReceiver(
      address,
      this.#waiters,
      (from, error) => this.#violated(from, error),
      (ring) => this.#dropped(ring),
    );
    return this.#receiver;
  }

  async connect(address: string, peer: PeerInfo, signal?: AbortSignal): Promise<Sender> {
    this.#assertOpen();
    if (address !== `${this.#name}:${peer.id}`) {
      throw new BusError('TRANSPORT_FAILED', `the address of this peer is ${this.#name}:${peer.id}`, {
        where: address,
      });
    }
    if (!peer.verified) {
      throw new BusError('TRANSPORT_FAILED', UNVERIFIED, {
        where: `participant ${peer.name}`,
        remedy: 'install @busbar/native where @busbar/core finds it, on both sides',
      });
    }
    const open = (ring: number): boolean => this.#send(peer, { op: 'open', ring, bell: this.#doorbell.descriptor });
    return this.#dials.dial(peer, open, signal);
  }

  #send(peer: PeerInfo, message: Handshake): boolean {
    return this.#context.control.send(peer, encodeHandshake(message));
  }

  #onControl(peer: PeerInfo, bytes: Uint8Array): void {
    const message = decodeHandshake(bytes);
    switch (message?.op) {
      case 'open':
        this.#giver.open(peer, message.ring, message.bell);
        return;
      case 'met':
      case 'attached':
      case 'abandoned':
      case 'unreachable':
        this.#giver[message.op](peer, message.ring);
        return;
      case 'ring':
        this.#offered(peer, message);
        return;
      case 'meet':
        this.#meet(peer, message.ring, message.key);
        return;
      case 'handed':
        this.#handed(peer, message.ring, message.nonce);
        return;
      case 'refused':
        this.#refused(peer, message.ring, message.reason);
        return;
      case 'retired':
        this.regions.retired(peer, message.region);
        return;
      default:
        this.#context.metrics.count('shm_protocol_errors', 1);
    }
  }

  /** A peer has made the ring we asked for. */
  #offered(peer: PeerInfo, { ring: number, memory, nonce, bell }: FromReceiver & { readonly op: 'ring' }): void {
    const dial = this.#dials.find(peer, number);
    if (dial === undefined) {
      this.#abandon(peer, number);
      return;
    }
    // It has opened our bell, so it can open what it is lent.
    this.#reaching.add(peer.id);
    try {
      const open = (): SharedMemory => openSharedMemory(peer.pid, memory, ringBytes(RING_BYTES));
      this.#attach(peer, number, nonce, open, () => openBell(peer.pid, bell));
    } catch (error) {
      if (dial.unreachable || !isHidden(peer, error)) this.#failed(peer, number, error);
      else {
        dial.unreachable = true;
        this.#send(peer, { op: 'unreachable', ring: number });
      }
    }
  }

  /** The peer waits for us at a socket. */
  #meet(peer: PeerInfo, number: number, key: number): void {
    const dial = this.#dials.find(peer, number);
    if (dial === undefined) {
      this.#abandon(peer, number);
      return;
    }
    try {
      if (dial.meeting !== undefined) throw outOfTurn(peer);
      const handover = this.#meetings.join(peer, key);
      dial.meeting = { key, handover };
      handover.send(key, [this.#doorbell.descriptor]);
      this.#send(peer, { op: 'met', ring: number });
    } catch (error) {
      this.#failed(peer, number, error);
    }
  }

  /** The peer has sent us what the ring is made of. */
  #handed(peer: PeerInfo, number: number, nonce: number): void {
    const dial = this.#dials.find(peer, number);
    if (dial === undefined) {
      this.#abandon(peer, number);
      return;
    }
    let handed: HandedDescriptors | undefined;
    try {
      if (dial.meeting === undefined) throw outOfTurn(peer);
      const { handover, key } = dial.meeting;
      const received = handover.receive(key, 2);
      handed = received;
      const open = (): SharedMemory => received.sharedMemory(0, ringBytes(RING_BYTES));
      this.#attach(peer, number, nonce, open, () => received.bell(1));
    } catch (error) {
      this.#failed(peer, number, error);
    } finally {
      handed?.close();
    }
  }

  #attach(peer: PeerInfo, number: number, nonce: number, openMemory: () => SharedMemory, open: () => Bell): void {
    const sender = this.#makeSender(peer, number, nonce, openMemory(), open);
    this.#senders.set(number, sender);
    this.#send(peer, { op: 'attached', ring: number });
    this.#dials.take(peer, number)?.resolve(sender);
  }

  /** Owns `memory`. */
  #makeSender(peer: PeerInfo, number: number, nonce: number, memory: SharedMemory, open: () => Bell): ShmSender {
    let bell: Bell | undefined;
    try {
      bell = open();
      return new ShmSender(peer, memory, nonce, bell, this.#maxFrameLength, this.#waiters, (reason) => {
        this.#senders.delete(number);
        // Later: it may be in the middle of a claim of the bus's.
        if (reason?.code === 'PROTOCOL_ERROR') queueMicrotask(() => this.#violated(peer, reason));
      });
    } catch (error) {
      bell?.close();
      memory.close();
      throw error;
    }
  }

  /** The ring cannot be had. */
  #failed(peer: PeerInfo, number: number, error: unknown): void {
    this.#abandon(peer, number);
    this.#dials
      .take(peer, number)
      ?.reject(
        isBusError(error) ? error : new BusError('TRANSPORT_FAILED', String(error), { where: peer.name, cause: error }),
      );
  }

  #abandon(peer: PeerInfo, number: number): void {
    this.#send(peer, { op: 'abandoned', ring: number });
  }

  /** No ring, or the inbox it led to is closed. */
  #refused(peer: PeerInfo, number: number, reason: string): void {
    const sender = this.#senders.get(number);
    if (sender?.peer.id === peer.id) sender.end(reason);
    else this.#dials.refuse(peer, number, reason);
  }

  /** `peer` wrote into a ring what nobody writes. */
  #violated(peer: PeerInfo, error: BusError): void {
    this.#context.metrics.count('shm_protocol_errors', 1);
    this.#context.control.violation(peer, error);
  }

  #dropped({ peer, number, ending }: InboundRing): void {
    // Its sender knows, or is gone.
    if (!ending) this.#send(peer, refusal(number, 'the inbox was closed'));
  }

  #onPeerLost(peer: PeerInfo, dead: boolean): void {
    this.regions.peerLost(peer, dead);
    this.#reaching.delete(peer.id);
    this.#meetings.cancel(peer);
    this.#dials.cancel(
      () => new BusError('PEER_GONE', 'the link to the peer ended', { where: peer.name, outcome: 'not-sent' }),
      peer,
    );
    for (const sender of this.#senders.values())
      if (sender.peer.id === peer.id) sender.end('the link to the peer ended');
  }

  #rung(): void {
    this.#waiters.rung();
    this.#receiver?.rung();
    this.regions.rung();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new BusError('CLOSED', 'the transport is closed', { where: this.#name });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#dials.cancel(() => new BusError('CLOSED', 'the transport was closed', { where: this.#name }));
    this.#meetings.cancel();
    await Promise.all([...this.#senders.values()].map((sender) => sender.close()));
    await this.#receiver?.close();
    this.regions.close();
    this.#doorbell.close();
  }
}

function outOfTurn(peer: PeerInfo): BusError {
  return new BusError('PROTOCOL_ERROR', 'the peer says what comes later, or came before', { where: peer.name });
}
