import { memoryBusRate } from './memory-bus-rate.ts';

/** Byte payloads of 64 B: no codec. */
export const program = memoryBusRate(new Uint8Array(64).fill(7));
