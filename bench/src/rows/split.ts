import { ALTERNATING_BYTES } from '../programs/alternating.ts';
import type { RowSpec } from '../row.ts';

const split = { transport: 'shm+uds', mode: 'bus-rate', size: ALTERNATING_BYTES, program: 'split' } as const;

/** One flow on two transports at once: messages of 100 B over shm and of 100 KiB over uds, by turns. */
export const SPLIT_ROWS: readonly RowSpec[] = [
  // Beside what each transport carries of it, by itself.
  { name: 'split', ...split, floor: 'split-parts', target: { figure: 'rate', atLeastRatio: 0.9 } },
  // Beside all of it over shm and all of it over uds. Held to nothing: shm carries the large ones faster.
  { name: 'split-whole', ...split, floor: 'split-whole', slow: true },
];
