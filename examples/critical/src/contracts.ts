import { call, topic } from '@busbar/core';
import type { SpinAddress } from './spin.ts';

/** The message: bytes, so that the time is that of the way and not of a codec. */
export const MESSAGE_BYTES = 64;

/** From the asking process to the answering one, and back. */
export const Ping = topic<Uint8Array>('critical.ping', undefined, { priority: 'critical' });
export const Pong = topic<Uint8Array>('critical.pong', undefined, { priority: 'critical' });

/** The answering process is ready, and where it spins; the answer is where the asking one does. */
export const Hello = call<SpinAddress, SpinAddress>('critical.hello');

/** Starts or ends the spinning of the answering process, and asks for the processor time it has had so far, in us. */
export const Spin = call<boolean, number>('critical.spin');
