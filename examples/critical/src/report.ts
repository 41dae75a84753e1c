import { formatCount, formatTime } from './format.ts';
import type { Histogram } from './histogram.ts';
import type { Tally } from './turn.ts';
import { WAYS, type Way } from './ways.ts';

export type Tallies = Readonly<Record<Way, Tally>>;

const TITLES = ['p50', 'p90', 'p99', 'p99.9', 'max', 'msgs/s', 'cores'];
const NAME_COLUMNS = 6;
const CELL_COLUMNS = 10;

/** The picture's axis: from 100 ns to 10 ms, a decade every so many columns. */
const AXIS_FROM = 2;
const DECADES = 5;
const DECADE_COLUMNS = 13;
const AXIS_LABELS = ['100 ns', '1 us', '10 us', '100 us', '1 ms', '10 ms'];
const BARS = ' ▁▂▃▄▅▆▇█';

/** One line of titles, one for each way; a dash for what has not been measured. */
export function tableLines(tallies: Tallies, active?: Way): string[] {
  const line = (name: string, cells: readonly string[]): string =>
    name.padEnd(NAME_COLUMNS) + cells.map((cell) => cell.padStart(CELL_COLUMNS)).join('');
  return [line('', TITLES), ...WAYS.map((way) => line(`${way === active ? '▸' : ' '} ${way}`, cellsOf(tallies[way])))];
}

function cellsOf(tally: Tally): string[] {
  const { times, messagesPerSecond, cores, wallMs } = tally;
  if (times.count === 0) return TITLES.map(() => '-');
  return [
    ...[0.5, 0.9, 0.99, 0.999].map((fraction) => formatTime(times.percentile(fraction))),
    formatTime(times.max),
    formatCount(messagesPerSecond),
    wallMs === 0 ? '-' : cores.toFixed(2),
  ];
}

/** Where the times of each way lie, on an axis of powers of ten. */
export function pictureLines(tallies: Tallies): string[] {
  const indent = ' '.repeat(NAME_COLUMNS);
  const rule = `┴${'─'.repeat(DECADE_COLUMNS - 1)}`.repeat(DECADES);
  return [
    ...WAYS.map((way) => `  ${way}`.padEnd(NAME_COLUMNS) + shapeOf(tallies[way].times)),
    `${indent}${rule}┴`,
    indent +
      AXIS_LABELS.map((label) => label.padEnd(DECADE_COLUMNS))
        .join('')
        .trimEnd(),
  ];
}

/** A bar a column. Heights are logarithms of counts: one in a million is still seen. */
function shapeOf(times: Histogram): string {
  const columns = new Array<number>(DECADES * DECADE_COLUMNS + 1).fill(0);
  times.forEach((nanoseconds, count) => {
    const column = Math.floor((Math.log10(Math.max(nanoseconds, 1)) - AXIS_FROM) * DECADE_COLUMNS);
    columns[Math.min(Math.max(column, 0), columns.length - 1)] += count;
  });
  const highest = Math.log1p(Math.max(...columns));
  return columns.map((count) => BARS[Math.ceil((Math.log1p(count) / (highest || 1)) * (BARS.length - 1))]).join('');
}
