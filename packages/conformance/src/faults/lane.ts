import { randomBytes } from 'node:crypto';
import {
  BusError,
  CONTRACT_VERSION,
  type FrameHandler,
  type PeerInfo,
  type PeerTransport,
  type Receiver,
  ReceiverBase,
  type Sender,
  type TransportCapabilities,
  type TransportContext,
  type TransportPlugin,
} from '@busbar/core/contract';
import { CAPACITY } from './lane-memory.ts';
import { type LaneFaults, LaneReader } from './lane-reader.ts';
import { LaneSender } from './lane-sender.ts';

const MAX_FRAME_LENGTH = CAPACITY / 4;

const CAPABILITIES: TransportCapabilities = {
  scope: 'thread',
  addressing: 'peer',
  ordered: true,
  lossless: true,
  durable: 'none',
  confirms: 'copied',
  maxMessageLength: 4_294_967_295,
  maxFrameLength: MAX_FRAME_LENGTH,
  preferredFragment: 65_536,
  bufferBytes: CAPACITY,
  knowsInterest: false,
  fanOut: false,
  regions: false,
  fdPassing: false,
  wakeup: 'poll',
  peerIdentity: 'token',
  latencyClass: 'memory',
  requires: [],
};

/**
 * The plainest transport over memory that two threads share: polled, woken by a message, sound unless `faults` say
 * otherwise. It carries the planted faults, since only shared memory can be seen half-written or changing.
 */
export function lane(faults: LaneFaults = {}): TransportPlugin {
  return {
    name: 'lane',
    contractVersion: CONTRACT_VERSION,
    capabilities: CAPABILITIES,
    probe: async () => ({ available: true, capabilities: CAPABILITIES }),
    create: async (context) => new LaneTransport(context, faults),
  };
}

class LaneReceiver extends ReceiverBase {
  readonly address: string;
  readonly readers = new Set<LaneReader>();

  constructor(address: string) {
    super();
    this.address = address;
  }

  get open(): boolean {
    return this.isOpen;
  }

  wake(): void {
    this.becameReadable();
  }

  prepareToSleep(): boolean {
    let sleeps = true;
    for (const reader of this.readers) if (!reader.prepareToSleep()) sleeps = false;
    return sleeps;
  }

  drain(peer: PeerInfo): void {
    for (const reader of this.readers) if (reader.peer === peer) reader.drain();
  }

  protected read(handler: FrameHandler, limit: number): number {
    let handed = 0;
    for (const reader of this.readers) {
      handed += reader.read(handler, limit - handed);
      if (reader.finished) this.readers.delete(reader);
    }
    return handed;
  }

  protected release(): void {
    for (const reader of this.readers) reader.close();
    this.readers.clear();
  }
}

class LaneTransport implements PeerTransport {
  readonly #context: TransportContext;
  readonly #faults: LaneFaults;
  readonly #senders = new Map<LaneSender, PeerInfo>();
  readonly #dials = new Map<string, { peer: PeerInfo; settle(error?: BusError): void }>();
  #receiver: LaneReceiver | undefined;
  #closed = false;

  constructor(context: TransportContext, faults: LaneFaults) {
    this.#context = context;
    this.#faults = faults;
    context.control.onMessage((peer, message) => this.#hear(peer, new TextDecoder().decode(message)));
    context.control.onPeerLost((peer) => this.#lose(peer));
  }

  async listen(): Promise<Receiver> {
    this.#assertOpen();
    this.#receiver = new LaneReceiver(`lane:${this.#context.self.id}`);
    return this.#receiver;
  }

  async connect(address: string, peer: PeerInfo): Promise<Sender> {
    this.#assertOpen();
    const token = randomBytes(16).toString('hex');
    const sender = new LaneSender(token, MAX_FRAME_LENGTH);
    const accepted = new Promise<void>((resolve, reject) => {
      this.#dials.set(token, { peer, settle: (error) => (error === undefined ? resolve() : reject(error)) });
    });
    if (!this.#say(peer, `offer ${token}`)) throw new BusError('PEER_GONE', 'no link to the peer', { where: address });
    await accepted;
    this.#senders.set(sender, peer);
    return sender;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#senders.keys()].map((sender) => sender.close()));
    await this.#receiver?.close();
  }

  #say(peer: PeerInfo, text: string): boolean {
    return this.#context.control.send(peer, new TextEncoder().encode(text));
  }

  #hear(peer: PeerInfo, text: string): void {
    const [kind, token] = text.split(' ');
    if (kind === 'accept') this.#dials.get(token)?.settle();
    else if (kind === 'refuse') this.#dials.get(token)?.settle(new BusError('TRANSPORT_FAILED', 'no inbox'));
    else if (kind === 'offer') this.#accept(peer, token);
    if (kind !== 'offer') this.#dials.delete(token);
  }

  #accept(peer: PeerInfo, token: string): void {
    const receiver = this.#receiver;
    if (receiver === undefined || !receiver.open) {
      this.#say(peer, `refuse ${token}`);
      return;
    }
    const accept = (): void => void this.#say(peer, `accept ${token}`);
    receiver.readers.add(new LaneReader(token, peer, MAX_FRAME_LENGTH, this.#faults, accept, () => receiver.wake()));
  }

  #lose(peer: PeerInfo): void {
    for (const [sender, to] of this.#senders) if (to === peer) sender.end('the link to the peer ended');
    for (const dial of this.#dials.values()) if (dial.peer === peer) dial.settle(new BusError('PEER_GONE', 'it left'));
  }

  #assertOpen(): void {
    if (this.#closed) throw new BusError('CLOSED', 'the transport is closed', { where: 'lane' });
  }
}
