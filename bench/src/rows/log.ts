import type { RowSpec } from '../row.ts';

const log = { transport: 'log', mode: 'rate', single: true } as const;

/** Logs in mapped files, in a folder for temporary files: on a disk, or in memory where the system has it so. */
export const LOG_ROWS: readonly RowSpec[] = [
  {
    name: 'log-append',
    ...log,
    size: 100,
    program: 'log-append',
    floor: 'floor/mapped-stores',
    target: { figure: 'rate', atLeast: 3e6 },
  },
  {
    name: 'log-append-64k',
    ...log,
    size: 65_536,
    program: 'log-append',
    floor: 'floor/mapped-stores',
    slow: true,
    target: { figure: 'rate', atLeastBytes: 3e9 },
  },
  {
    name: 'log-replay',
    ...log,
    size: 100,
    program: 'log-replay',
    target: { figure: 'rate', atLeast: 3e6 },
  },
  {
    name: 'log-synced',
    ...log,
    mode: 'lat',
    size: 100,
    program: 'log-synced',
    floor: 'floor/file-synced',
    slow: true,
    target: { figure: 'p50', atMostRatio: 1.3 },
  },
];
