import { OBJECT } from './object.ts';
import { udsBusPingPong } from './uds-bus-ping-pong.ts';

/** An object to and fro. */
export const program = udsBusPingPong(OBJECT);
