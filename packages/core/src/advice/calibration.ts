import type { MachineFacts } from './machine.ts';

/** Raised when the shape of what is stored changes; other numbers are not read. */
export const CALIBRATION_FORMAT = 1;

/** What `calibrate()` has measured on one host: plain data, as it is stored. */
export interface Calibration {
  readonly format: typeof CALIBRATION_FORMAT;
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  readonly machine: MachineFacts;
  /** In the order they were asked for. */
  readonly transports: readonly TransportCalibration[];
}

export type TransportCalibration = MeasuredTransport | UnavailableTransport;

/**
 * Between two processes through the bus, as a program uses it: `Uint8Array` payloads, reliable messages, default limits.
 */
export interface MeasuredTransport {
  /** The name of the transport. */
  readonly transport: string;
  /** The module, as it was given to `calibrate`. */
  readonly module: string;
  /** One way, half a round trip, of 64 bytes while both sides are awake. */
  readonly latency: MeasuredLatency;
  /** One way, all of it confirmed; by payload size, as far as the transport carries it. */
  readonly throughput: readonly MeasuredThroughput[];
  /**
   * Of the time it took, the share that the sender waited for a core: much of it, and the figures tell more of the other
   * work on the machine than of the transport. 0 where the system does not say.
   */
  readonly coreWaitShare: number;
}

export interface MeasuredLatency {
  readonly p50Nanos: number;
  readonly p99Nanos: number;
  /** Round trips measured. */
  readonly samples: number;
}

export interface MeasuredThroughput {
  readonly payloadBytes: number;
  /** In the best 25 ms: what other work has taken is not the transport's. */
  readonly bytesPerSecond: number;
}

/** A transport that could not be measured. */
export interface UnavailableTransport {
  /** Undefined when its module could not be loaded. */
  readonly transport: string | undefined;
  readonly module: string;
  readonly unavailable: Reason;
}

export interface Reason {
  /** Stable, for programs: what `probe()` answered, or an `ErrorCode`. */
  readonly code: string;
  readonly reason: string;
  /** What would help, in a sentence. */
  readonly fix: string;
}

/** What is wrong with the shape of `value`, in words; undefined when it is a calibration. */
export function flawOf(value: unknown): string | undefined {
  if (!isObject(value)) return 'it is no object';
  if (value.format !== CALIBRATION_FORMAT) return `its format is ${String(value.format)}, not ${CALIBRATION_FORMAT}`;
  if (typeof value.takenAt !== 'string' || Number.isNaN(Date.parse(value.takenAt))) return 'takenAt is no date';
  if (!isMachine(value.machine)) return 'machine lacks a fact';
  if (!Array.isArray(value.transports)) return 'transports is no list';
  const wrong = value.transports.findIndex((each) => !isMeasured(each) && !isUnavailable(each));
  return wrong < 0 ? undefined : `transports[${wrong}] has a field that is missing or no figure`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Every figure is divided by, sooner or later. */
function isFigure(value: unknown): boolean {
  return Number.isFinite(value) && (value as number) > 0;
}

function areTexts(...values: unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}

function isMachine(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { kernel, cpu, cores, architecture, node, boot } = value;
  return areTexts(kernel, cpu, architecture, node, boot) && isFigure(cores);
}

function isMeasured(value: unknown): boolean {
  if (!isObject(value) || !areTexts(value.transport, value.module)) return false;
  const { latency, throughput, coreWaitShare } = value;
  return (
    Number.isFinite(coreWaitShare) &&
    isObject(latency) &&
    [latency.p50Nanos, latency.p99Nanos, latency.samples].every(isFigure) &&
    Array.isArray(throughput) &&
    throughput.every((each) => isObject(each) && isFigure(each.payloadBytes) && isFigure(each.bytesPerSecond))
  );
}

function isUnavailable(value: unknown): boolean {
  if (!isObject(value) || !isObject(value.unavailable)) return false;
  const { code, reason, fix } = value.unavailable;
  return areTexts(value.transport ?? '', value.module, code, reason, fix);
}
