import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fromSystemError } from '../contract/index.ts';
import { assertPrivate, defaultDirectory } from '../control/runtime-directory.ts';
import { type Calibration, flawOf } from './calibration.ts';
import { differenceBetween, thisMachine } from './machine.ts';

/** No name of a bus has a dot, so no bus has this for its folder. */
const FILE = 'calibration.json';
/** A hundred times what three transports take; more is not ours. */
const MAX_BYTES = 262_144;

/** What is stored, or why it is of no use. */
export type LoadedCalibration =
  | { readonly state: 'usable'; readonly calibration: Calibration; readonly file: string }
  | {
      /** `missing`: nothing is stored. `stale`: measured on another machine. `unreadable`: damaged, or not ours. */
      readonly state: 'missing' | 'stale' | 'unreadable';
      readonly calibration: undefined;
      /** What is wrong, in a sentence. */
      readonly reason: string;
      readonly file: string;
    };

/**
 * What `calibrate()` has stored in the runtime directory. A calibration of another kernel, processor, number of cores, Node
 * or start of the system is not returned: `const { calibration } = loadCalibration(); advise(need, calibration)`.
 *
 * Reads one small file, synchronously, and changes nothing. Never throws: what is damaged, and what others may write, is
 * `unreadable` with the reason.
 *
 * @param options.directory Runtime directory. Default: as for `createBus`.
 */
export function loadCalibration(options: { readonly directory?: string | undefined } = {}): LoadedCalibration {
  const directory = path.resolve(options.directory ?? defaultDirectory());
  const file = path.join(directory, FILE);
  const without = (state: 'missing' | 'stale' | 'unreadable', reason: string): LoadedCalibration => ({
    state,
    calibration: undefined,
    reason,
    file,
  });
  let content: unknown;
  try {
    assertPrivate(directory);
    const stat = statSync(file);
    if (!stat.isFile() || stat.size > MAX_BYTES) return without('unreadable', 'it is no file of this kind');
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return without('missing', 'calibrate() has not run');
    return without('unreadable', error instanceof Error ? error.message : String(error));
  }
  const flaw = flawOf(content);
  if (flaw !== undefined) return without('unreadable', flaw);
  const calibration = content as Calibration;
  const difference = differenceBetween(calibration.machine, thisMachine());
  if (difference !== undefined) return without('stale', `measured elsewhere: ${difference}`);
  return { state: 'usable', calibration, file };
}

/**
 * Appears whole: temporary name, then rename. What was stored before is gone.
 * @throws BusError RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function storeCalibration(directory: string, calibration: Calibration): void {
  const temporary = path.join(directory, `.${FILE}.${randomBytes(8).toString('hex')}`);
  try {
    writeFileSync(temporary, `${JSON.stringify(calibration, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(temporary, path.join(directory, FILE));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw fromSystemError(error, 'the calibration cannot be stored', directory);
  }
}
