import { udsBusPingPong } from './uds-bus-ping-pong.ts';

/** Byte payloads of 64 B to and fro, as the plain socket program of the floor carries them. */
export const program = udsBusPingPong(new Uint8Array(64).fill(7));
