import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { assertMs, assertNotAborted, resolveDeadline } from '../call-options.ts';
import { BusError, fromSystemError, shown } from '../contract/index.ts';
import { defaultDirectory, privateDirectory } from '../control/runtime-directory.ts';
import { CALIBRATION_FORMAT, type Calibration, type TransportCalibration } from './calibration.ts';
import { storeCalibration } from './calibration-store.ts';
import { thisMachine } from './machine.ts';
import { measurePair } from './measuring-pair.ts';
import type { PluginSource } from './plugin-source.ts';

const DURATION_MS = 1000;
const DEADLINE_MS = 10_000;

export interface CalibrateOptions {
  /** `import.meta.url` of the caller: packages and relative paths are found from there. Not needed for `file:` URLs. */
  readonly from?: string | URL | undefined;
  /**
   * ms of measuring, shared by all transports. Default 1,000. Before, half as much for each, and the start of two processes,
   * so that the engine has compiled what runs.
   */
  readonly duration?: number | undefined;
  /** ms for each transport, start included; then it is reported as unavailable. Default 10,000. */
  readonly deadline?: number | undefined;
  /** Runtime directory, where the result is stored. Default: as for `createBus`. */
  readonly directory?: string | undefined;
  /** Ends it; what was stored before stays. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures transports on this host, stores the result for `loadCalibration()`, and returns it:
 * `await calibrate(['@busbar/transport-uds', '@busbar/transport-shm'], { from: import.meta.url })`.
 *
 * One after the other, each between two processes of its own: the caller loads no plugin, and a transport that hangs or
 * crashes takes nothing of the caller's with it. What cannot be measured is listed with the reason. Other work on the machine
 * is in the figures. When it settles, processes, sockets and temporary files are gone; what was stored before is replaced.
 *
 * @throws BusError (as rejection) INVALID_OPTION | RUNTIME_DIR_UNSAFE | ABORTED | RESOURCE_EXHAUSTED |
 * TRANSPORT_FAILED (no process can be started, or a file not be written)
 */
export async function calibrate(
  plugins: readonly (string | PluginSource)[],
  options: CalibrateOptions = {},
): Promise<Calibration> {
  const sources = plugins.map((plugin) => (typeof plugin === 'string' ? { module: plugin } : plugin));
  const { signal } = options;
  const from = options.from?.toString();
  assertSources(sources, from);
  assertMs('duration', options.duration, 'calibrate');
  const duration = options.duration ?? DURATION_MS;
  const deadline = resolveDeadline(options.deadline, DEADLINE_MS, 'calibrate');
  // Before anything is measured in vain.
  const directory = privateDirectory(options.directory ?? defaultDirectory());
  const transports: TransportCalibration[] = [];
  const terms = { from, warmUp: duration / 2, milliseconds: duration / sources.length, deadline, signal };
  const scratch = await makeScratch();
  try {
    for (const [index, source] of sources.entries()) {
      const own = path.join(scratch, String(index));
      await mkdir(own, { mode: 0o700 });
      assertNotAborted(signal, 'calibrate');
      transports.push(await measurePair({ ...terms, source, directory: own }));
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const takenAt = new Date().toISOString();
  const calibration: Calibration = { format: CALIBRATION_FORMAT, takenAt, machine: thisMachine(), transports };
  storeCalibration(directory, calibration);
  return calibration;
}

async function makeScratch(): Promise<string> {
  try {
    return await mkdtemp(path.join(tmpdir(), 'busbar-'));
  } catch (error) {
    throw fromSystemError(error, 'there is no room for temporary files', tmpdir());
  }
}

function assertSources(sources: readonly PluginSource[], from: string | undefined): void {
  const invalid = (what: string, remedy: string): BusError =>
    new BusError('INVALID_OPTION', what, { where: 'calibrate', remedy });
  if (sources.length === 0) throw invalid('no plugin is given', 'name the packages of the transports');
  for (const { module } of sources) {
    if (typeof module !== 'string')
      throw invalid(`${shown(module)} is not a module`, 'give a package, a path or a URL');
    if (from === undefined && !module.startsWith('file:'))
      throw invalid(`from where is ${shown(module)} to be imported?`, 'give { from: import.meta.url }');
  }
}
