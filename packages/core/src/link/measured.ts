import { BAND_COUNT } from '../selector/bands.ts';
import type { LatencyReport } from '../selector/route-figures.ts';

/** What a receiver tells of one transport that a peer uses towards it. */
export interface Measured extends LatencyReport {
  readonly transport: string;
}

/** Payload of a measured frame: JSON, since there are twenty a second at most. */
export function encodeMeasured(measured: readonly Measured[]): Uint8Array {
  return Buffer.from(JSON.stringify(measured));
}

/** What a peer tells; empty when it makes no sense: nothing but an estimate is lost. */
export function decodeMeasured(payload: Uint8Array): readonly Measured[] {
  let told: unknown;
  try {
    told = JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    return [];
  }
  return Array.isArray(told) ? told.filter(isMeasured) : [];
}

function isMeasured(one: unknown): one is Measured {
  const { transport, band, woke, count, p50Micros, p99Micros } = (one ?? {}) as Record<string, unknown>;
  const isBand = Number.isInteger(band) && (band as number) >= 0 && (band as number) < BAND_COUNT;
  const numbers = [count, p50Micros, p99Micros].every((value) => Number.isFinite(value) && (value as number) >= 0);
  return typeof transport === 'string' && typeof woke === 'boolean' && isBand && numbers;
}
