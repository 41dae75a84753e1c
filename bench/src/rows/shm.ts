import type { ProgramName } from '../programs/index.ts';
import { OBJECT_BYTES } from '../programs/object.ts';
import type { RowSpec } from '../row.ts';

const raw = { transport: 'shm', size: 64 } as const;
const bus = { transport: 'shm', size: OBJECT_BYTES } as const;

/**
 * Payload bytes that have gone all the way: copied into the ring by the sender and out of it by the receiver, so memory
 * moves twice what the row tells. 64 KiB go in one frame; 1 MiB, more than a frame holds, in the pieces of the
 * transport's `preferredFragment` that the bus would make. Nobody puts them together: that would be the bus's third copy.
 */
const rawRate = (name: string, size: number): RowSpec => ({
  name,
  transport: 'shm',
  mode: 'rate',
  size,
  program: 'shm-raw-rate',
});

/** An object through the bus, beside a way to send one without it. */
const objectLat = (name: string, floor: ProgramName): RowSpec => ({
  name,
  mode: 'bus',
  ...bus,
  program: 'shm-bus-lat',
  floor,
  target: { figure: 'p50', atMostRatio: 1 / 3 },
});

/** Memory that is lent, and read under a lease: 64 bytes of it, or all. */
const loanLat = (name: string, size: number, program: ProgramName): RowSpec => ({
  name,
  transport: 'shm',
  mode: 'bus',
  size,
  program,
});
const INDEPENDENT_OF_SIZE = { figure: 'p50', atMostRatio: 1.5 } as const;

export const SHM_ROWS: readonly RowSpec[] = [
  {
    name: 'shm-spin-64',
    mode: 'spin',
    ...raw,
    program: 'shm-lat-spin',
    floor: 'floor/words-spin',
    target: { figure: 'p50', atMostRatio: 1.2 },
  },
  {
    name: 'shm-hot-64',
    mode: 'hot',
    ...raw,
    program: 'shm-lat-hot',
    floor: 'floor/words-hot',
    target: { figure: 'p50', atMostRatio: 1.3 },
  },
  {
    name: 'shm-park-64',
    mode: 'park',
    ...raw,
    program: 'shm-lat-park',
    floor: 'floor/doorbell',
    target: { figure: 'p50', atMostRatio: 1.2 },
  },
  { ...rawRate('shm-rate-64', 64), target: { figure: 'rate', atLeast: 20_000_000 } },
  {
    name: 'shm-rate-64-batched',
    mode: 'rate',
    ...raw,
    program: 'ring-rate-batched',
    target: { figure: 'rate', atLeast: 40_000_000 },
  },
  { ...rawRate('shm-rate-64k', 65_536), target: { figure: 'rate', atLeastBytes: 25e9 } },
  { ...rawRate('shm-rate-1m', 1_048_576), target: { figure: 'rate', atLeastBytes: 15e9 }, slow: true },
  {
    name: 'shm-bus-spin',
    mode: 'spin',
    ...raw,
    program: 'shm-bus-spin',
    floor: 'shm-lat-spin',
    target: { figure: 'p50', atMostRatio: 1.3 },
  },
  loanLat('shm-loan-64', 64, 'shm-loan'),
  { ...loanLat('shm-loan-1m', 1_048_576, 'shm-loan'), floor: 'shm-loan', floorSize: 64, target: INDEPENDENT_OF_SIZE },
  loanLat('shm-loan-1m-filled', 1_048_576, 'shm-loan-filled'),
  objectLat('shm-bus-lat', 'floor/net-msgpack-ping-pong'),
  { ...objectLat('shm-bus-lat-port', 'floor/message-port'), slow: true },
  { ...objectLat('shm-bus-lat-ipc', 'floor/child-ipc'), slow: true },
  {
    name: 'shm-bus-lat-raw',
    mode: 'bus',
    ...raw,
    program: 'shm-bus-lat-raw',
    floor: 'floor/net-ping-pong',
    target: { figure: 'p50', atMostRatio: 0.1 },
  },
  {
    name: 'shm-bus-rate',
    mode: 'bus-rate',
    ...bus,
    program: 'shm-bus-rate',
    target: { figure: 'rate', atLeast: 1_500_000 },
  },
  {
    name: 'shm-pairs-6',
    mode: 'bus-rate',
    ...raw,
    program: 'shm-bus-lat-raw',
    floor: 'floor/net-ping-pong',
    pairs: 6,
    target: { figure: 'rate', atLeastRatio: 0.7 },
    fairness: 0.3,
    slow: true,
  },
];
