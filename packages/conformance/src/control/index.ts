/**
 * The suite's stand-in for the control plane: what a transport needs around it to run without a bus. Benchmarks and
 * tests of raw frames use it too; the latter have what makes, sends and collects frames here as well.
 */
export { createStand, newParticipant, type Stand, type StandOptions } from './context.ts';
export { ControlEnd } from './control-end.ts';
export { type CollectedFrames, collectFrames, numberedFrame, sendFrame } from './frames.ts';
export { linkStands } from './link-stands.ts';
