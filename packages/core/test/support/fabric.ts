import {
  allocateFrameBuffer,
  BACK_PRESSURED,
  BusError,
  CONTRACT_VERSION,
  type FrameBuffer,
  type FrameHandler,
  OK,
  type PeerInfo,
  type PeerTransport,
  ReceiverBase,
  SenderBase,
  type TransportCapabilities,
  type TransportContext,
  type TransportPlugin,
} from '../../src/contract/index.ts';

/** A frame on its way. */
interface Flight {
  readonly frame: FrameBuffer;
  readonly length: number;
  readonly lane: Lane;
}

const CAPABILITIES: TransportCapabilities = {
  scope: 'host',
  addressing: 'peer',
  ordered: true,
  lossless: true,
  durable: 'none',
  confirms: 'none',
  maxMessageLength: 2 ** 30,
  maxFrameLength: 16_384,
  preferredFragment: 2048,
  bufferBytes: 16_384,
  knowsInterest: false,
  fanOut: false,
  regions: false,
  fdPassing: false,
  wakeup: 'event',
  peerIdentity: 'token',
  latencyClass: 'memory',
  requires: [],
};

/**
 * A medium whose frames move only when a test says so, which can refuse claims, lose its connections with what they
 * carried or with it still arriving, and refuse new ones. Otherwise it keeps the contract.
 */
export class Fabric {
  readonly name: string;
  readonly capabilities: TransportCapabilities;
  /** Connections that stand, or still have frames to bring. */
  readonly lanes = new Set<Lane>();
  /** While true, new connections are refused. */
  closed = false;
  /** While true, connections are asked for and do not come about. */
  slow = false;
  readonly #waiting: (() => void)[] = [];
  readonly #inboxes = new Map<string, FabricReceiver>();
  readonly #dials = new Map<string, { lane: Lane; accept: () => void }>();

  constructor(name: string, capabilities: Partial<TransportCapabilities> = {}) {
    this.name = name;
    this.capabilities = { ...CAPABILITIES, ...capabilities };
  }

  plugin(): TransportPlugin {
    const { name, capabilities } = this;
    return {
      name,
      contractVersion: CONTRACT_VERSION,
      capabilities,
      probe: async () => ({ available: true, capabilities }),
      create: async (context) => this.#transport(context),
    };
  }

  #transport(context: TransportContext): PeerTransport {
    const address = `${this.name}:${context.self.id}`;
    const inbox = new FabricReceiver(address);
    this.#inboxes.set(address, inbox);
    // The dialler's token comes over the control plane: so the inbox knows whose frames it reads.
    context.control.onMessage((peer, message) => {
      const dial = this.#dials.get(Buffer.from(message).toString());
      if (dial === undefined) return;
      dial.lane.attach(inbox, peer);
      dial.accept();
    });
    return {
      listen: async () => inbox,
      connect: (to, peer) => this.#connect(context, to, peer),
      close: async () => {
        for (const lane of this.lanes) if (lane.owner === context.self.id) await lane.close();
        await inbox.close();
      },
    };
  }

  /** Connections that were slow come about. */
  connectAll(): void {
    for (const ask of this.#waiting.splice(0)) ask();
  }

  #connect(context: TransportContext, address: string, peer: PeerInfo): Promise<Lane> {
    return new Promise((resolve, reject) => {
      if (this.closed || !this.#inboxes.has(address)) {
        reject(new BusError('TRANSPORT_FAILED', 'the fabric refuses connections', { where: address }));
        return;
      }
      const lane = new Lane(this, context.self.id);
      const token = `${address}#${this.#dials.size}`;
      this.#dials.set(token, {
        lane,
        accept: () => {
          this.lanes.add(lane);
          resolve(lane);
        },
      });
      const ask = (): void => void context.control.send(peer, Buffer.from(token));
      if (this.slow) this.#waiting.push(ask);
      else ask();
    });
  }
}

/** One connection: what is committed waits on the wire until `deliver`. */
export class Lane extends SenderBase {
  readonly owner: string;
  frame: FrameBuffer = allocateFrameBuffer(0);
  /** Refuses claims while true. */
  jammed = false;
  /** Breaks at the next commit, before that returns. */
  breaksAtCommit = false;
  readonly #fabric: Fabric;
  readonly #wire: Flight[] = [];
  #used = 0;
  #copied = 0;
  #inbox!: FabricReceiver;
  from!: PeerInfo;

  constructor(fabric: Fabric, owner: string) {
    super(fabric.capabilities.maxFrameLength);
    this.#fabric = fabric;
    this.owner = owner;
  }

  attach(inbox: FabricReceiver, from: PeerInfo): void {
    this.#inbox = inbox;
    this.from = from;
  }

  /** Id of the participant it leads to. */
  get inboxOwner(): string {
    return this.#inbox.address.slice(this.#fabric.name.length + 1);
  }

  get isLossless(): boolean {
    return this.#fabric.capabilities.lossless;
  }

  get standing(): boolean {
    return this.isOpen;
  }

  /** Frames committed and not arrived. */
  get flying(): number {
    return this.#wire.length;
  }

  get writableBytes(): number {
    return this.jammed ? 0 : Math.max(0, this.#fabric.capabilities.bufferBytes - this.#used);
  }

  protected claim(length: number): number {
    if (length > this.writableBytes) return BACK_PRESSURED;
    this.frame = allocateFrameBuffer(length);
    this.offset = 0;
    return OK;
  }

  protected publish(length: number): void {
    this.#used += length;
    this.#wire.push({ frame: this.frame, length, lane: this });
    if (this.breaksAtCommit) this.break(true);
  }

  override confirmed(level: 'copied' | 'stored' | 'synced'): number {
    return level === 'copied' && this.#fabric.capabilities.confirms === 'copied' ? this.#copied : 0;
  }

  /** Lets the next `count` frames arrive. */
  deliver(count: number): void {
    for (const flight of this.#wire.splice(0, count)) this.#inbox.arrive(flight);
    if (!this.isOpen && this.#wire.length === 0) this.#fabric.lanes.delete(this);
    this.#inbox.announce();
  }

  /** A lossy medium drops its next frame. */
  lose(): void {
    const flight = this.#wire.shift();
    if (flight !== undefined) this.read(flight.length);
  }

  /** A medium without order lets its next two frames change places. */
  swap(): void {
    const [first, second] = this.#wire.splice(0, 2);
    this.#wire.unshift(...[second, first].filter((flight) => flight !== undefined));
  }

  /** The receiver has read a frame of this lane. */
  read(length: number): void {
    this.#used -= length;
    this.#copied++;
    queueMicrotask(() => {
      if (!this.isOpen) return;
      if (this.awaitsRoom && !this.jammed) this.becameWritable();
      this.becameConfirmed();
    });
  }

  unjam(): void {
    this.jammed = false;
    if (this.awaitsRoom) this.becameWritable();
  }

  /** The connection breaks; what is on the wire is lost, or arrives later still. */
  break(lose: boolean): void {
    if (lose) this.#wire.length = 0;
    if (this.#wire.length === 0) this.#fabric.lanes.delete(this);
    this.fail(new BusError('TRANSPORT_FAILED', 'the connection broke', { where: this.#fabric.name }));
  }

  protected release(): void {
    if (this.#wire.length === 0) this.#fabric.lanes.delete(this);
  }
}

export class FabricReceiver extends ReceiverBase {
  readonly address: string;
  readonly #arrived: Flight[] = [];

  constructor(address: string) {
    super();
    this.address = address;
  }

  arrive(flight: Flight): void {
    this.#arrived.push(flight);
  }

  /** It closes by itself. */
  breakDown(): void {
    this.fail(new BusError('TRANSPORT_FAILED', 'red has melted', { where: this.address }));
  }

  announce(): void {
    if (this.#arrived.length > 0) this.becameReadable();
  }

  prepareToSleep(): boolean {
    return this.#arrived.length === 0;
  }

  drain(): void {}

  protected read(handler: FrameHandler, limit: number): number {
    let handed = 0;
    while (handed < limit) {
      const flight = this.#arrived.shift();
      if (flight === undefined) break;
      handler(flight.frame, 0, flight.length, flight.lane.from);
      flight.lane.read(flight.length);
      handed++;
    }
    return handed;
  }

  protected release(): void {
    this.#arrived.length = 0;
  }
}
