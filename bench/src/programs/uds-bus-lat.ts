import { busPingPong } from './bus-ping-pong.ts';
import { OBJECT } from './object.ts';

/** An object to and fro. */
export const program = busPingPong('uds', OBJECT);
