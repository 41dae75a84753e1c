import os from 'node:os';
import type { Measured } from './measure.ts';
import type { RowSpec } from './row.ts';
import { judge } from './verdict.ts';

/** What the figures hold for. */
export function machine(): string {
  const cpus = os.cpus();
  return `${cpus.length} x ${cpus[0]?.model.trim() ?? 'unknown processor'}, ${os.type()} ${os.release()}, Node ${process.version}`;
}

/** The longest name of a row or a floor, and two. */
const NAME_COLUMNS = 25;

export const HEADING = [
  `${'row'.padEnd(NAME_COLUMNS)}${'bytes'.padStart(8)}${'p50'.padStart(9)}${'p99'.padStart(9)}${'p99.9'.padStart(9)}`,
  `${'msgs/s'.padStart(9)}${'GB/s'.padStart(7)}${'cpu'.padStart(6)}`,
].join('');

/** Two lines or three: the row's figures, its floor's, ratio and target. */
export function lines(spec: RowSpec, measured: Measured): string {
  const { row } = measured;
  const { ratio, target, met } = judge(spec, measured);
  const text = [figures(spec.name, String(row.size), row, row.p999, row.cpu)];
  if (row.floor !== null) text.push(figures(`  ${spec.floor?.replace('floor/', '')}`, '', row.floor));
  const words = [
    ratio === undefined ? '' : `${ratio.toFixed(2)} x the floor`,
    target === '' ? '' : `target ${target}: ${met ? 'met' : 'MISSED'}`,
  ].filter((part) => part !== '');
  if (words.length > 0) text.push(`  ${words.join(', ')}`);
  return text.join('\n');
}

interface Shown {
  readonly p50: number;
  readonly p99: number;
  readonly msgsPerSec: number;
  readonly gbPerSec: number;
}

function figures(name: string, size: string, shown: Shown, p999 = 0, cpu?: number): string {
  return [
    name.padEnd(NAME_COLUMNS),
    size.padStart(8),
    time(shown.p50).padStart(9),
    time(shown.p99).padStart(9),
    time(p999).padStart(9),
    rate(shown.msgsPerSec).padStart(9),
    (shown.gbPerSec >= 0.01 ? shown.gbPerSec.toFixed(2) : '').padStart(7),
    (cpu === undefined ? '' : cpu.toFixed(2)).padStart(6),
  ].join('');
}

function time(nanoseconds: number): string {
  if (nanoseconds === 0) return '';
  if (nanoseconds < 1000) return `${nanoseconds.toFixed(0)} ns`;
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toFixed(nanoseconds < 1e5 ? 2 : 0)} us`;
  return `${(nanoseconds / 1e6).toFixed(2)} ms`;
}

function rate(perSecond: number): string {
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(2)} M`;
  return perSecond >= 1e4 ? `${(perSecond / 1e3).toFixed(0)} k` : perSecond.toFixed(0);
}
