import { busPingPong } from './bus-ping-pong.ts';

/** Byte payloads of 64 B to and fro, as the plain socket program of the floor carries them. */
export const program = busPingPong('uds', new Uint8Array(64).fill(7));
