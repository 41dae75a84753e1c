import type { Program } from '../program.ts';

type Load = () => Promise<{ readonly program: Program }>;

/** Every program by name; loaded only in the process that runs it. */
export const PROGRAMS = {
  'floor/child-ipc': () => import('../floor/child-ipc.ts'),
  'floor/codec': () => import('../floor/codec.ts'),
  'floor/message-port': () => import('../floor/message-port.ts'),
  'floor/net-msgpack-ping-pong': () => import('../floor/net-msgpack-ping-pong.ts'),
  'floor/net-msgpack-rate': () => import('../floor/net-msgpack-rate.ts'),
  'floor/net-ping-pong': () => import('../floor/net-ping-pong.ts'),
  'floor/net-rate': () => import('../floor/net-rate.ts'),
  'floor/doorbell': () => import('../floor/doorbell.ts'),
  'floor/words-hot': () => import('../floor/words-hot.ts'),
  'floor/words-spin': () => import('../floor/words-spin.ts'),
  'local-reference': () => import('./local-reference.ts'),
  'memory-bus-object': () => import('./memory-bus-object.ts'),
  'memory-bus-raw': () => import('./memory-bus-raw.ts'),
  'publish-among-10': () => import('./publish-among-10.ts'),
  'publish-among-10k': () => import('./publish-among-10k.ts'),
  'ring-rate-batched': () => import('./ring-rate-batched.ts'),
  'select-fresh': () => import('./select-fresh.ts'),
  'shm-bus-lat': () => import('./shm-bus-lat.ts'),
  'shm-bus-lat-raw': () => import('./shm-bus-lat-raw.ts'),
  'shm-bus-rate': () => import('./shm-bus-rate.ts'),
  'shm-lat-hot': () => import('./shm-lat-hot.ts'),
  'shm-lat-park': () => import('./shm-lat-park.ts'),
  'shm-lat-spin': () => import('./shm-lat-spin.ts'),
  'shm-raw-rate': () => import('./shm-raw-rate.ts'),
  'uds-acknowledged': () => import('./uds-acknowledged.ts'),
  'uds-bus-lat': () => import('./uds-bus-lat.ts'),
  'uds-bus-lat-raw': () => import('./uds-bus-lat-raw.ts'),
  'uds-bus-publish': () => import('./uds-bus-publish.ts'),
  'uds-bus-rate': () => import('./uds-bus-rate.ts'),
  'uds-bus-stream': () => import('./uds-bus-stream.ts'),
  'uds-group-request': () => import('./uds-group-request.ts'),
  'uds-raw-lat': () => import('./uds-raw-lat.ts'),
  'uds-raw-rate': () => import('./uds-raw-rate.ts'),
  'uds-urgent': () => import('./uds-urgent.ts'),
} satisfies Record<string, Load>;

export type ProgramName = keyof typeof PROGRAMS;
