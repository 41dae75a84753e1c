import type { InjectionToken } from 'tsyringe';
import type { Bus } from '../bus.ts';
import type { Clock, Codec, Logger, TransportPlugin } from '../contract/index.ts';
import type { Policy } from '../selector/policy.ts';

// Registered symbols: two copies of this package in one process mean the same things by them.

/** The bus that `registerBus` made. */
export const BUS: InjectionToken<Bus> = Symbol.for('busbar:bus');
/** Transports of the bus; register one for each: `container.register(TRANSPORTS, { useValue: uds() })`. */
export const TRANSPORTS: InjectionToken<TransportPlugin> = Symbol.for('busbar:transports');
/** Optional; default `HYBRID`. */
export const POLICY: InjectionToken<Policy> = Symbol.for('busbar:policy');
/** Optional; default msgpack. */
export const CODEC: InjectionToken<Codec> = Symbol.for('busbar:codec');
/** Optional; default warnings and errors on stderr. */
export const LOGGER: InjectionToken<Logger> = Symbol.for('busbar:logger');
/** Optional; default the machine's monotonic clock. */
export const CLOCK: InjectionToken<Clock> = Symbol.for('busbar:clock');
