import { OBJECT_BYTES } from '../programs/object.ts';
import type { RowSpec } from '../row.ts';

/** Rows within one process: the memory transport, and the bus's own work without a transport (no bytes move). */
export const IN_PROCESS_ROWS: readonly RowSpec[] = [
  {
    name: 'memory-bus-raw',
    transport: 'memory',
    mode: 'bus-rate',
    size: 64,
    program: 'memory-bus-raw',
    single: true,
    target: { figure: 'rate', atLeast: 2e6 },
  },
  {
    name: 'memory-bus-object',
    transport: 'memory',
    mode: 'bus-rate',
    size: OBJECT_BYTES,
    program: 'memory-bus-object',
    floor: 'floor/codec',
    single: true,
    target: { figure: 'rate', atLeastRatio: 0.7 },
  },
  {
    name: 'local-reference',
    transport: 'local',
    mode: 'bus-rate',
    size: 0,
    program: 'local-reference',
    single: true,
    target: { figure: 'rate', atLeast: 5e6 },
  },
  {
    name: 'publish-among-10k',
    transport: 'local',
    mode: 'bus',
    size: 0,
    program: 'publish-among-10k',
    floor: 'publish-among-10',
    single: true,
    slow: true,
    target: { figure: 'p50', atMostNanosOver: 2000 },
  },
  {
    name: 'select-fresh',
    transport: 'local',
    mode: 'bus',
    size: 0,
    program: 'select-fresh',
    single: true,
    target: { figure: 'p50', atMostNanos: 1000 },
  },
];
