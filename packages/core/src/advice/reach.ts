import type { Calibration, MeasuredTransport, Reason, TransportCalibration } from './calibration.ts';
import { MECHANISMS, type Mechanism } from './mechanisms.ts';

/** A number, and where it is from. */
export interface Figure {
  readonly value: number;
  readonly measured: boolean;
  /** Cores were scarce while it was measured. */
  readonly busy: boolean;
}

/** What a mechanism reaches: measured figures where there are some, else usual ones. */
export interface Reach {
  /** us, one way, half of all small messages. */
  readonly latencyMicros: Figure | undefined;
  /** us, one way, 99 of 100. */
  readonly tailMicros: Figure | undefined;
  readonly bytesPerSecond: Figure | undefined;
  /** It was tried on this host, and cannot be used. */
  readonly unavailable: Reason | undefined;
}

/** Of the time of a measurement; waiting longer for a core is told. */
const BUSY_SHARE = 0.1;

export type ReachOf = (mechanism: Mechanism) => Reach;

/** What every mechanism reaches, in the light of `calibration`. */
export function reaches(calibration: Calibration | undefined): ReachOf {
  return (mechanism) => {
    const entries = calibration?.transports.filter((entry) => concerns(entry, mechanism)) ?? [];
    const measured = entries.find((entry): entry is MeasuredTransport => 'latency' in entry);
    const usual = MECHANISMS[mechanism].usual;
    const busy = measured !== undefined && measured.coreWaitShare > BUSY_SHARE;
    const figure = (found: number | undefined, known: number | undefined): Figure | undefined => {
      if (found !== undefined) return { value: found, measured: true, busy };
      return known === undefined ? undefined : { value: known, measured: false, busy: false };
    };
    return {
      latencyMicros: figure(measured && measured.latency.p50Nanos / 1000, usual?.latencyMicros),
      tailMicros: figure(measured && measured.latency.p99Nanos / 1000, usual?.tailMicros),
      bytesPerSecond: figure(best(measured), usual?.bytesPerSecond),
      unavailable: measured === undefined ? reasonOf(entries[0]) : undefined,
    };
  };
}

/** What could not even be loaded is known by the package it was to come from. */
function concerns({ transport, module }: TransportCalibration, mechanism: Mechanism): boolean {
  return transport === undefined ? module === MECHANISMS[mechanism].package : transport === mechanism;
}

function reasonOf(entry: TransportCalibration | undefined): Reason | undefined {
  return entry !== undefined && 'unavailable' in entry ? entry.unavailable : undefined;
}

/** Of the payload sizes that were measured the one that did best. */
function best(measured: MeasuredTransport | undefined): number | undefined {
  if (measured === undefined || measured.throughput.length === 0) return undefined;
  return Math.max(...measured.throughput.map(({ bytesPerSecond }) => bytesPerSecond));
}

/** `34.1 us (measured on this host)`. */
export function inMicros(figure: Figure): string {
  return `${micros(figure.value)}${origin(figure)}`;
}

/** `10 GB/s at best (a usual figure, not measured here)`. */
export function inGigabytes(figure: Figure): string {
  return `${gigabytes(figure.value)}${origin(figure)}`;
}

export function micros(value: number): string {
  return `${short(value)} us`;
}

export function gigabytes(bytesPerSecond: number): string {
  return `${short(bytesPerSecond / 1e9)} GB/s`;
}

function origin({ measured, busy }: Figure): string {
  if (!measured) return ' at best (a usual figure, not measured here)';
  return busy ? ' (measured on this host while it was busy)' : ' (measured on this host)';
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
