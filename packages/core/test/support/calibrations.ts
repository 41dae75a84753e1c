import type { Calibration, MeasuredTransport, TransportCalibration } from '../../src/advice/calibration.ts';
import { thisMachine } from '../../src/advice/machine.ts';

/** What a measured transport reaches, in the units of a need. */
export function measured(
  transport: string,
  micros: number,
  tailMicros: number,
  ...gigabytes: number[]
): MeasuredTransport {
  return {
    transport,
    module: `@busbar/transport-${transport}`,
    latency: { p50Nanos: micros * 1000, p99Nanos: tailMicros * 1000, samples: 1000 },
    throughput: gigabytes.map((each, index) => ({ payloadBytes: 65_536 * 16 ** index, bytesPerSecond: each * 1e9 })),
    coreWaitShare: 0,
  };
}

export function missing(transport: string | undefined, module: string): TransportCalibration {
  return { transport, module, unavailable: { code: 'NO_KERNEL_SUPPORT', reason: 'no memfd_create', fix: 'update' } };
}

export function calibration(...transports: TransportCalibration[]): Calibration {
  return { format: 1, takenAt: '2026-01-02T03:04:05.678Z', machine: thisMachine(), transports };
}
