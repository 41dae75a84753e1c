import type { Availability, TransportCapabilities } from './capabilities.ts';
import type { BusError } from './errors.ts';
import type { FrameBuffer } from './frame-buffer.ts';
import type { PeerInfo } from './peer.ts';
import type { RegionProvider } from './regions.ts';
import type { Clock, Logger, Metrics } from './services.ts';

/**
 * The transport contract: a transport moves frames. The bus owns flows, priority, fragmentation, credit, confirmation,
 * deadlines and outcomes, so a plugin is small and every guarantee is tested once.
 *
 * A plugin is made by a factory that bears its medium, `uds()`, and given to `createBus({ plugins: [uds()] })`.
 */
export interface TransportPlugin {
  /** The medium, `[a-z][a-z0-9-]{0,31}`; also the scheme of its addresses: `uds:/run/…`. Unique within a bus. */
  readonly name: string;
  /** `CONTRACT_VERSION` of the contract it was written for; checked when it is registered. */
  readonly contractVersion: string;
  /** What it can do at best on this platform. `probe()` answers with what it can do here and now. */
  readonly capabilities: TransportCapabilities;
  /** Whether it works here. Never throws, leaves nothing behind; importing the package touches nothing. */
  probe(): Promise<Availability>;
  /** One instance for one bus. @throws BusError TRANSPORT_UNAVAILABLE | RESOURCE_EXHAUSTED */
  create(context: TransportContext): Promise<Transport>;
}

export type Transport = PeerTransport | TopicTransport;

/** `capabilities.addressing` is `peer`: frames go from one sender to one receiver. */
export interface PeerTransport {
  /** This participant's inbox; called once, before its address is announced. */
  listen(): Promise<Receiver>;
  /**
   * A sender into `peer`'s inbox at `address` (from its HELLO). Resolves when frames can be committed.
   * Gives up when `signal` aborts. @throws BusError TRANSPORT_FAILED | RESOURCE_EXHAUSTED | PEER_GONE
   */
  connect(address: string, peer: PeerInfo, signal?: AbortSignal): Promise<Sender>;
  /** Present when `capabilities.regions`. */
  readonly regions?: RegionProvider;
  /** Leaves no descriptor, mapping, timer, file or child behind. A second call resolves with the first. */
  close(): Promise<void>;
}

/** `capabilities.addressing` is `topic`: a log, D-Bus signals, a broker. */
export interface TopicTransport {
  /** A sender that appends to `stream`, a named log over topic patterns. Frames are in self-contained form. */
  appender(stream: string): Promise<Sender>;
  /** Follows `stream` from a position; with `durable`, from where that named consumer last acknowledged. */
  tail(stream: string, pattern: string, from: Position | 'start' | 'last' | 'now', durable?: string): Promise<Tail>;
  close(): Promise<void>;
}

/** A place in a stream; grows by one a record. */
export type Position = number;

/** What the bus gives a plugin. */
export interface TransportContext {
  /** This participant. */
  readonly self: PeerInfo;
  /** The bus's folder in the runtime directory: 0700, owner checked. Files here appear by temporary name + rename. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Aborted when the bus closes. */
  readonly signal: AbortSignal;
  readonly limits: TransportLimits;
  readonly control: TransportControl;
}

export interface TransportLimits {
  /** Bytes of the largest frame this participant accepts, header included. */
  readonly maxFrameLength: number;
  /** Bytes a medium may hold that it has not yet written: what the kernel or libuv holds cannot be overtaken. */
  readonly unwrittenBytes: number;
}

/**
 * Small messages between the instances of one transport in two participants, carried by the control plane: attach,
 * addresses, one-time tokens. Reliable and in order while the link lives.
 */
export interface TransportControl {
  /** At most 64 KiB. Returns false when there is no link to `peer` (any more). */
  send(peer: PeerInfo, message: Uint8Array): boolean;
  /** The handler for what peers' instances send; set once, in `create`. `message` may be kept. */
  onMessage(handler: (peer: PeerInfo, message: Uint8Array) => void): void;
  /** `peer` broke the protocol (F6): counted by the bus, and the link is cut. */
  violation(peer: PeerInfo, error: BusError): void;
  /** The link to `peer` ended, or one of the two has removed this transport. `dead` only when the peer's death is proven. */
  onPeerLost(handler: (peer: PeerInfo, dead: boolean) => void): void;
}

/**
 * One direction, this participant to one peer (or to a stream). Calls are synchronous and from one thread;
 * from claim to commit nothing else may run.
 */
export interface Sender {
  /**
   * Room for a frame of `length` bytes. After OK write it at `offset` of `frame`, then `commit` or `abort`.
   *
   * | allocates          | blocks | syscalls | callable from       |
   * | no (pooled blocks) | no     | 0        | the owner's thread  |
   *
   * @returns OK, BACK_PRESSURED, NOT_CONNECTED, CLOSED or TOO_LARGE; nothing changes unless OK.
   */
  tryClaim(length: number): number;
  /** Where to write; valid from a successful `tryClaim` to its `commit`. Read both after each claim. */
  readonly frame: FrameBuffer;
  /** 8-aligned byte offset of the claimed frame. */
  readonly offset: number;
  /** Publishes the claimed frame, shortened to `length` if given, and wakes the receiver if it sleeps. */
  commit(length?: number): void;
  /** Gives the claim back; nothing is sent. */
  abort(): void;
  /** Polled media: the receiver looks at this moment, so a frame is seen without a wake-up. Reads one shared word. */
  readonly awake?: boolean;
  /** Writes out what a batching medium still holds; the bus calls it at the end of a turn. */
  flush(): void;
  /** Bytes that `tryClaim` would accept now in all. The bus keeps a share for critical and for control kinds. */
  readonly writableBytes: number;
  /**
   * Calls back once when about half of the room is free again, or when the receiver is attached. Armed after
   * BACK_PRESSURED or NOT_CONNECTED, or when `writableBytes` is less than the caller wants; frames not flushed count as
   * taken room, so flush first.
   */
  onWritable(callback: () => void): void;
  /** Frames so far that reached `level`; constant 0 where `capabilities.confirms` is none. */
  confirmed(level: 'copied' | 'stored' | 'synced'): number;
  /** Calls back once when `confirmed` has grown. */
  onConfirmed(callback: () => void): void;
  /** Calls back once when the medium closed by itself; frames not confirmed may be lost. */
  onClose(callback: (reason: BusError) => void): void;
  /** Flushes, then closes. A second call resolves with the first. */
  close(): Promise<void>;
}

/** The inbox of one participant on one transport: frames of all its peers. */
export interface Receiver {
  /** `<name>:…`, published in HELLO; at most 255 bytes. */
  readonly address: string;
  /** Hands over at most `limit` frames, synchronously; returns how many. */
  poll(handler: FrameHandler, limit: number): number;
  /** Event-driven media call back whenever `poll` has something; polled media after `prepareToSleep` said true. */
  onReadable(callback: () => void): void;
  /** False: there is data, poll again. True: a later frame will call `onReadable`. */
  prepareToSleep(): boolean;
  /** After link loss: makes what that peer committed available to `poll`, then forgets the peer. */
  drain(peer: PeerInfo): void;
  /** Calls back once when the inbox closed by itself. */
  onClose(callback: (reason: BusError) => void): void;
  close(): Promise<void>;
}

/** A receiver that follows a stream. */
export interface Tail extends Receiver {
  readonly position: Position;
  /** Records committed and not yet handed over. */
  readonly lag: number;
  /** Everything up to `position` is done with. */
  ack(position: Position): void;
}

export const DONE = 0;
export const KEEP = 1;

/**
 * Takes one frame. Its bytes are private: no peer can change them. They are valid during the call; a handler may
 * return KEEP, where `frame.transferable`, to take the buffer over instead of copying it. Must not throw.
 *
 * `from` is undefined only where the medium cannot tell.
 */
export type FrameHandler = (
  frame: FrameBuffer,
  offset: number,
  length: number,
  from: PeerInfo | undefined,
  position?: Position,
) => typeof DONE | typeof KEEP;
