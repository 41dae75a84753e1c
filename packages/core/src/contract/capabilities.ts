/**
 * What a transport can do at best. The same object gates the conformance suite, feeds the selector's hard filters
 * and fills the tables of the docs; so a claim here is a claim that tests hold.
 */
export interface TransportCapabilities {
  /** How far apart two participants may be. */
  readonly scope: 'thread' | 'process' | 'host' | 'network';
  /** `peer`: one sender to one receiver. `topic`: an append to a named stream that many tail. */
  readonly addressing: 'peer' | 'topic';
  /** Frames of one sender arrive in the order they were committed; else the bus sends only `best-effort` messages over it. */
  readonly ordered: boolean;
  /** While both sides live, a committed frame arrives, or the sender is told that the medium closed. */
  readonly lossless: boolean;
  /** What a stored frame survives. */
  readonly durable: 'none' | 'process' | 'disk';
  /** How far the medium itself shows progress through `Sender.confirmed`; elsewhere the bus sends confirm frames. */
  readonly confirms: 'none' | 'copied' | 'stored';
  /** Bytes of the largest message; a hard filter of the selector. */
  readonly maxMessageLength: number;
  /** Bytes of the largest frame, header included; a larger `tryClaim` answers TOO_LARGE. */
  readonly maxFrameLength: number;
  /** Bytes of payload at which the bus splits a message, so that urgent frames pass between the pieces. */
  readonly preferredFragment: number;
  /** Bytes that a sender accepts towards a receiver that does not read, before BACK_PRESSURED (C3). */
  readonly bufferBytes: number;
  /** The medium knows who is interested in a topic (a broker, a log). */
  readonly knowsInterest: boolean;
  /** One append reaches any number of receivers. */
  readonly fanOut: boolean;
  /** Offers bulk memory by reference (`RegionProvider`). */
  readonly regions: boolean;
  /** Carries file descriptors. */
  readonly fdPassing: boolean;
  /** `poll`: the dispatcher must look; `event`: the medium calls `onReadable`. */
  readonly wakeup: 'poll' | 'event';
  /** Who vouches for the peer: the kernel, a one-time token got over the control plane, nobody. */
  readonly peerIdentity: 'kernel' | 'token' | 'none';
  /** Order of magnitude of one hop between awake processes: under 1 us, under 20 us, above. */
  readonly latencyClass: 'memory' | 'kernel' | 'daemon';
  /** What must be there: kernel features, permissions, devices, peer packages. For people; `probe()` decides. */
  readonly requires: readonly string[];
}

/** The answer of `TransportPlugin.probe()`. */
export type Availability =
  | { readonly available: true; readonly capabilities: TransportCapabilities }
  | {
      readonly available: false;
      /** Stable, for programs: `NO_KERNEL_SUPPORT`, `PERMISSION_DENIED`, `MISSING_PACKAGE`, `UNSUPPORTED_PLATFORM`, … */
      readonly code: string;
      /** What is missing, in a sentence. */
      readonly reason: string;
      /** What would make it available, in a sentence. */
      readonly fix: string;
    };
