import { randomBytes } from 'node:crypto';
import type { Clock, Logger, PeerInfo, TransportContext, TransportLimits } from '@busbar/core/contract';
import { ControlEnd } from './control-end.ts';

/** What the suite gives where a bus would: a context, and the handles a bus would keep. */
export interface Stand {
  readonly context: TransportContext;
  readonly control: ControlEnd;
  /** Aborts `context.signal`, as a closing bus does. */
  abort(): void;
}

export interface StandOptions {
  readonly self: PeerInfo;
  /** A folder of mode 0700. */
  readonly directory: string;
  /** Carries a control message to a linked peer, by id. */
  readonly post: (to: string, message: Uint8Array) => void;
  readonly limits?: Partial<TransportLimits>;
  readonly logger?: Logger;
}

/** Frames of 4 MiB and 256 KiB unwritten: the bus's own defaults are within both. */
const LIMITS: TransportLimits = { maxFrameLength: 4_194_304, unwrittenBytes: 262_144 };

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

const CLOCK: Clock = {
  now: () => Number(process.hrtime.bigint()) / 1e6,
  setTimer(callback, ms) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A `TransportContext` for one participant, without a bus. */
export function createStand(options: StandOptions): Stand {
  const control = new ControlEnd(options.post);
  const abort = new AbortController();
  const context: TransportContext = {
    self: options.self,
    directory: options.directory,
    clock: CLOCK,
    logger: options.logger ?? SILENT,
    metrics: { count() {} },
    signal: abort.signal,
    limits: { ...LIMITS, ...options.limits },
    control,
  };
  return { context, control, abort: () => abort.abort() };
}

/** A new participant of this process. */
export function newParticipant(name: string): PeerInfo {
  const id = randomBytes(8).toString('hex');
  return { id, name, pid: process.pid, uid: process.getuid?.(), verified: true };
}
