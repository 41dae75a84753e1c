/**
 * `@busbar/core/advice`: what the transports reach on this host, and which mechanism suits a need. Nothing else in core
 * knows of it.
 */
export { type Advice, advise, type Choice } from './advise.ts';
export { type CalibrateOptions, calibrate } from './calibrate.ts';
export type {
  Calibration,
  MeasuredLatency,
  MeasuredThroughput,
  MeasuredTransport,
  Reason,
  TransportCalibration,
  UnavailableTransport,
} from './calibration.ts';
export { type LoadedCalibration, loadCalibration } from './calibration-store.ts';
export type { LeafName } from './decision-table.ts';
export type { MachineFacts } from './machine.ts';
export type { Mechanism, Status } from './mechanisms.ts';
export type { Need, Partner } from './need.ts';
export type { PluginSource } from './plugin-source.ts';
