import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BusError, fromSystemError } from '../contract/index.ts';
import type { Reason, TransportCalibration } from './calibration.ts';
import type { PluginSource } from './plugin-source.ts';
import type { Order, Report } from './wire.ts';

const PROGRAM = fileURLToPath(new URL('./calibration-peer.js', import.meta.url));
/** Closing a bus that nothing waits on takes a few ms. */
const GRACE_MS = 1000;

export interface PairTerms {
  readonly source: PluginSource;
  readonly from: string | undefined;
  /** Empty, private, and the pair's alone. */
  readonly directory: string;
  /** ms that are spent before those that count. */
  readonly warmUp: number;
  readonly milliseconds: number;
  /** ms until both are killed, start included. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Measures one transport between two processes that are there for it alone and are gone when this settles. What fails
 * there is the entry's `unavailable`.
 *
 * @throws BusError ABORTED; RESOURCE_EXHAUSTED | TRANSPORT_FAILED when no process can be started
 */
export async function measurePair(terms: PairTerms): Promise<TransportCalibration> {
  const { source, from, directory, warmUp, milliseconds, deadline, signal } = terms;
  const { module } = source;
  const children: ChildProcess[] = [];
  let timer: NodeJS.Timeout | undefined;
  let abort = (): void => {};
  try {
    return await new Promise<TransportCalibration>((resolve, reject) => {
      let transport: string | undefined;
      const fail = (reason: Reason): void => resolve({ transport, module, unavailable: reason });
      const take = (report: Report): void => {
        if (report.op === 'loaded') transport = report.transport;
        else if (report.op === 'ready')
          tell(children[0], { op: 'measure', warmUp, milliseconds, patience: deadline / 2 });
        else if (report.op === 'measured') resolve({ ...report.figures, module });
        else fail(report.reason);
      };
      abort = () =>
        reject(new BusError('ABORTED', 'aborted by the caller', { where: 'calibrate', cause: signal?.reason }));
      signal?.addEventListener('abort', abort, { once: true });
      timer = setTimeout(() => fail(late(deadline)), deadline);
      for (const role of ['drive', 'serve'] as const) {
        // The caller's own flags - a debugger's port, a loader - are not for it.
        const child = fork(PROGRAM, [], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
        children.push(child);
        child.once('error', reject);
        child.once('exit', (code, by) => {
          const tellEnd = (): void => fail(ended(by ?? code));
          // What it has said before is read until the channel ends.
          if (child.connected) child.once('disconnect', tellEnd);
          else tellEnd();
        });
        child.on('message', take);
        tell(child, { op: 'open', role, source, from, directory });
      }
    });
  } catch (error) {
    throw fromSystemError(error, 'no process can be started', 'calibrate');
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    await Promise.all(children.map(end));
  }
}

function late(deadline: number): Reason {
  const reason = `not measured within ${deadline} ms`;
  return { code: 'DEADLINE_EXCEEDED', reason, fix: 'try again when less runs, or give it more time' };
}

function ended(how: string | number | null): Reason {
  const reason = `a process that measured it ended: ${how}`;
  return { code: 'TRANSPORT_FAILED', reason, fix: 'look at what it has written to stderr' };
}

/** One that is gone already is told so by its exit. */
function tell(child: ChildProcess, order: Order): void {
  if (child.connected) child.send(order, () => {});
}

/** Lets it close its bus, then kills it; resolves when it is gone. */
function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.connected) child.disconnect();
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
    const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
