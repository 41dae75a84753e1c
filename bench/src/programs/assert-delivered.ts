import type { FlushReport } from '@busbar/core';

/** A rate of messages that did not all arrive would be no rate. @throws Error */
export function assertDelivered(report: FlushReport, count: number): void {
  if (report.delivered === count && report.failed.length === 0) return;
  throw new Error(`${report.delivered} of ${count} messages were delivered: ${JSON.stringify(report.failed)}`);
}
