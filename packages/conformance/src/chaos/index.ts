/** Transports that fail on purpose. Needs no test runner. */
export { type ChaosOptions, chaos } from './chaos.ts';
