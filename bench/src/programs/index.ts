import type { Program } from '../program.ts';
import { OBJECT } from './object.ts';

/** Payloads of 64 B that pass no codec. */
const BYTES_64 = new Uint8Array(64).fill(7);

/** Every program by name; its code is loaded only in the process that runs it. */
export const PROGRAMS = {
  'floor/child-ipc': async () => (await import('../floor/child-ipc.ts')).program,
  'floor/codec': async () => (await import('../floor/codec.ts')).program,
  'floor/doorbell': async () => (await import('../floor/doorbell.ts')).program,
  'floor/file-synced': async () => (await import('../floor/file-synced.ts')).program,
  'floor/mapped-stores': async () => (await import('../floor/mapped-stores.ts')).program,
  'floor/message-port': async () => (await import('../floor/message-port.ts')).program,
  'floor/net-msgpack-ping-pong': async () => (await import('../floor/net-msgpack-ping-pong.ts')).program,
  'floor/net-msgpack-rate': async () => (await import('../floor/net-msgpack-rate.ts')).program,
  'floor/net-ping-pong': async () => (await import('../floor/net-ping-pong.ts')).program,
  'floor/net-rate': async () => (await import('../floor/net-rate.ts')).program,
  'floor/words-hot': async () => (await import('../floor/words.ts')).sharedWords(1),
  'floor/words-spin': async () => (await import('../floor/words.ts')).sharedWords(10_000),
  'local-reference': async () => (await import('./local-reference.ts')).program,
  'log-append': async () => (await import('./log-append.ts')).program,
  'log-replay': async () => (await import('./log-replay.ts')).program,
  'log-synced': async () => (await import('./log-synced.ts')).program,
  'memory-bus-object': async () => (await import('./memory-bus-rate.ts')).memoryBusRate(OBJECT),
  'memory-bus-raw': async () => (await import('./memory-bus-rate.ts')).memoryBusRate(BYTES_64),
  'publish-among-10': async () => (await import('./publish-among.ts')).publishAmong(10),
  'publish-among-10k': async () => (await import('./publish-among.ts')).publishAmong(10_000),
  'ring-rate-batched': async () => (await import('./ring-rate-batched.ts')).program,
  'select-fresh': async () => (await import('./select-fresh.ts')).program,
  'shm-bus-lat': async () => (await import('./bus-ping-pong.ts')).busPingPong('shm', OBJECT),
  'shm-bus-lat-raw': async () => (await import('./bus-ping-pong.ts')).busPingPong('shm', BYTES_64),
  'shm-bus-rate': async () => (await import('./bus-rate.ts')).busRate('shm'),
  'shm-bus-spin': async () => (await import('./bus-ping-pong.ts')).busPingPong('shm', BYTES_64, true),
  'shm-lat-hot': async () => (await import('./raw-latency.ts')).rawLatency('shm', 'hot'),
  'shm-lat-park': async () => (await import('./raw-latency.ts')).rawLatency('shm', 'park'),
  'shm-lat-spin': async () => (await import('./raw-latency.ts')).rawLatency('shm', 'spin'),
  'shm-loan': async () => (await import('./loan-ping-pong.ts')).loanPingPong(false),
  'shm-loan-filled': async () => (await import('./loan-ping-pong.ts')).loanPingPong(true),
  'shm-raw-rate': async () => (await import('./raw-rate.ts')).rawRate('shm'),
  split: async () => (await import('./alternating.ts')).alternating('split'),
  'split-parts': async () => (await import('./alternating.ts')).alternating('parts'),
  'split-whole': async () => (await import('./alternating.ts')).alternating('shm', 'uds'),
  'uds-acknowledged': async () => (await import('./uds-acknowledged.ts')).program,
  'uds-bus-lat': async () => (await import('./bus-ping-pong.ts')).busPingPong('uds', OBJECT),
  'uds-bus-lat-raw': async () => (await import('./bus-ping-pong.ts')).busPingPong('uds', BYTES_64),
  'uds-bus-publish': async () => (await import('./uds-bus-publish.ts')).program,
  'uds-bus-rate': async () => (await import('./bus-rate.ts')).busRate('uds'),
  'uds-bus-stream': async () => (await import('./uds-bus-stream.ts')).program,
  'uds-group-request': async () => (await import('./uds-group-request.ts')).program,
  'uds-raw-lat': async () => (await import('./raw-latency.ts')).rawLatency('uds', 'event'),
  'uds-raw-rate': async () => (await import('./raw-rate.ts')).rawRate('uds'),
  'uds-urgent': async () => (await import('./uds-urgent.ts')).program,
} satisfies Record<string, () => Promise<Program>>;

export type ProgramName = keyof typeof PROGRAMS;
