import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCalibration, storeCalibration } from '../../src/advice/calibration-store.ts';
import { thisMachine } from '../../src/advice/machine.ts';
import { calibration, measured, missing } from '../support/calibrations.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'bb-'));
  file = path.join(directory, 'calibration.json');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const HOST = calibration(measured('uds', 40, 90, 2, 3), missing('shm', 'y'), missing(undefined, 'z'));

describe('a calibration that was stored', () => {
  test('is loaded as it was, from a file that is the own user’s alone, and nothing else is left', () => {
    storeCalibration(directory, calibration());
    storeCalibration(directory, HOST);
    expect(loadCalibration({ directory })).toEqual({ state: 'usable', calibration: HOST, file });
    expect(readdirSync(directory)).toEqual(['calibration.json']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test.each(Object.keys(thisMachine()))('is stale where %s is another', (fact) => {
    const machine = { ...HOST.machine, [fact]: fact === 'cores' ? 4096 : 'another' };
    storeCalibration(directory, { ...HOST, machine });
    const loaded = loadCalibration({ directory });
    expect(loaded).toMatchObject({ state: 'stale', calibration: undefined, file });
    expect(loaded).toHaveProperty('reason', expect.stringMatching(new RegExp(`${fact} was '(another|4096)' and is '`)));
  });

  test('is kept when a new one cannot be written', () => {
    storeCalibration(directory, HOST);
    const cyclic = { ...HOST, transports: [] as unknown[] };
    cyclic.transports.push(cyclic);
    expect(() => storeCalibration(directory, cyclic as never)).toThrowError(
      expect.objectContaining({ name: 'BusError' }),
    );
    expect(loadCalibration({ directory }).state).toBe('usable');
    expect(readdirSync(directory)).toEqual(['calibration.json']);
  });
});

describe('what is no calibration', () => {
  test('nothing is missing, be it the directory or the file', () => {
    for (const each of [directory, path.join(directory, 'none')])
      expect(loadCalibration({ directory: each })).toMatchObject({ state: 'missing', calibration: undefined });
    expect(readdirSync(directory)).toEqual([]);
  });

  const json = (change: object): string => JSON.stringify({ ...HOST, ...change });
  test.each([
    ['empty', ''],
    ['cut', json({}).slice(0, 100)],
    ['no JSON', 'calibration'],
    ['null', 'null'],
    ['another format', json({ format: 2 })],
    ['without a date', json({ takenAt: 'yesterday' })],
    ['without a machine', json({ machine: undefined })],
    ['a machine without a core', json({ machine: { ...HOST.machine, cores: 0 } })],
    ['without transports', json({ transports: {} })],
    ['a figure of 0', json({ transports: [measured('uds', 0, 1, 1)] })],
    ['a figure that is text', json({ transports: [{ ...measured('uds', 1, 1, 1), throughput: ['fast'] }] })],
    ['no figures, no reason', json({ transports: [{ transport: 'uds', module: 'x' }] })],
    ['a reason that is none', json({ transports: [{ module: 'x', unavailable: { code: 5 } }] })],
    ['too large', `${json({})}${' '.repeat(300_000)}`],
  ])('%s', (_, content) => {
    writeFileSync(file, content);
    const loaded = loadCalibration({ directory });
    expect(loaded).toMatchObject({ state: 'unreadable', calibration: undefined, file });
    expect(loaded).toHaveProperty('reason', expect.stringMatching(/./));
  });

  test('a directory in its place', () => {
    mkdirSync(file);
    expect(loadCalibration({ directory }).state).toBe('unreadable');
  });

  test('what others could have written', () => {
    storeCalibration(directory, HOST);
    chmodSync(directory, 0o777);
    const loaded = loadCalibration({ directory });
    expect(loaded).toMatchObject({ state: 'unreadable', reason: expect.stringContaining('RUNTIME_DIR_UNSAFE') });
    const link = `${directory}-link`;
    symlinkSync(directory, link);
    expect(loadCalibration({ directory: link }).state).toBe('unreadable');
    rmSync(link);
  });
});
