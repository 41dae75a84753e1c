import { call, topic } from '@busbar/core';
import type { RingAddress } from './ring.ts';
import type { Way } from './ways.ts';

/** The message: bytes, so that the time is that of the way and not of a codec. */
export const MESSAGE_BYTES = 64;

/** From the asking process to the answering one, and back. */
export const Ping = topic<Uint8Array>('critical.ping', undefined, { priority: 'critical' });
export const Pong = topic<Uint8Array>('critical.pong', undefined, { priority: 'critical' });

/** The answering process is ready, and where its ring is; the answer is where the asking one has its own. */
export const Hello = call<RingAddress, RingAddress>('critical.hello');

/** How the answering process is to wait from now on; the answer is the processor time that it has had so far, in us. */
export const Wait = call<Way, number>('critical.wait');
