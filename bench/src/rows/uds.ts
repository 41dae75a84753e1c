import { OBJECT_BYTES } from '../programs/object.ts';
import type { RowSpec } from '../row.ts';

const rawRate = (name: string, size: number, atLeastRatio: number): RowSpec => ({
  name,
  transport: 'uds',
  mode: 'rate',
  size,
  program: 'uds-raw-rate',
  floor: 'floor/net-rate',
  target: { figure: 'rate', atLeastRatio },
});

const bus = { transport: 'uds', size: OBJECT_BYTES } as const;

export const UDS_ROWS: readonly RowSpec[] = [
  {
    name: 'uds-lat-64',
    transport: 'uds',
    mode: 'lat',
    size: 64,
    program: 'uds-raw-lat',
    floor: 'floor/net-ping-pong',
    target: { figure: 'p50', atMostRatio: 1.15 },
  },
  rawRate('uds-rate-64', 64, 0.9),
  { ...rawRate('uds-rate-1k', 1024, 0.9), slow: true },
  { ...rawRate('uds-rate-64k', 65_536, 1.5), slow: true },
  rawRate('uds-rate-1m', 1_048_576, 1.5),
  {
    name: 'uds-bus-lat',
    mode: 'bus',
    ...bus,
    program: 'uds-bus-lat',
    floor: 'floor/net-ping-pong',
    floorSize: 64,
    target: { figure: 'p50', atMostRatio: 1.5 },
  },
  {
    name: 'uds-bus-lat-codec',
    mode: 'bus',
    ...bus,
    program: 'uds-bus-lat',
    floor: 'floor/net-msgpack-ping-pong',
    slow: true,
  },
  {
    name: 'uds-bus-rate',
    mode: 'bus-rate',
    ...bus,
    program: 'uds-bus-rate',
    floor: 'floor/net-msgpack-rate',
    target: { figure: 'rate', atLeastRatio: 0.5 },
  },
  {
    name: 'uds-bus-publish',
    mode: 'bus-rate',
    ...bus,
    program: 'uds-bus-publish',
    floor: 'floor/net-msgpack-rate',
    slow: true,
  },
  {
    name: 'uds-urgent',
    mode: 'bus',
    transport: 'uds',
    size: 8,
    program: 'uds-urgent',
    target: { figure: 'p99', atMostNanos: 5e6 },
  },
  {
    name: 'uds-stream',
    transport: 'uds',
    mode: 'bus-rate',
    size: 100,
    program: 'uds-bus-stream',
    target: { figure: 'rate', atLeast: 500_000 },
  },
  {
    name: 'uds-pairs-6',
    mode: 'bus-rate',
    ...bus,
    program: 'uds-bus-lat',
    floor: 'floor/net-ping-pong',
    floorSize: 64,
    pairs: 6,
    target: { figure: 'rate', atLeastRatio: 0.6 },
    fairness: 0.3,
    slow: true,
  },
];
