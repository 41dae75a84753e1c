import { busPingPong } from './bus-ping-pong.ts';

/** Byte payloads of 64 B to and fro. */
export const program = busPingPong('shm', new Uint8Array(64).fill(7));
