/**
 * The suite's stand-in for the control plane: what a transport needs around it to run without a bus. Benchmarks and
 * tests of raw frames use it too.
 */
export { createStand, newParticipant, type Stand, type StandOptions } from './context.ts';
export { ControlEnd } from './control-end.ts';
export { linkStands } from './link-stands.ts';
