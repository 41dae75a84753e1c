import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { advise, type CalibrateOptions, calibrate, loadCalibration, type MeasuredTransport } from '@busbar/core/advice';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { atEnd, refusal, scratch, until } from './harness.ts';

const UDS = '@busbar/transport-uds';
const SHM = '@busbar/transport-shm';
const BROKEN = './peers/broken-plugins.mjs';
const from = import.meta.url;

let directory: string;
let temporary: string;
beforeEach(() => {
  directory = path.join(scratch(), 'run');
  temporary = scratch();
  vi.stubEnv('TMPDIR', temporary);
  atEnd(() => vi.unstubAllEnvs());
});

const calibrating = (plugins: Parameters<typeof calibrate>[0], options: CalibrateOptions = {}) =>
  calibrate(plugins, { from, directory, duration: 200, ...options });

/** Processes that this one has started and that are still there, zombies included. */
function children(): string[] {
  const parents = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid));
  return parents.filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(process.pid);
    } catch {
      return false;
    }
  });
}

/** What this process has open, by kind. */
function sockets(): number {
  const descriptors = readdirSync('/proc/self/fd');
  return descriptors.filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

function expectMeasured(entry: object, transport: string): void {
  expect(entry).toMatchObject({ transport });
  const { latency, throughput, coreWaitShare } = entry as MeasuredTransport;
  expect(latency.samples).toBeGreaterThan(0);
  expect(latency.p50Nanos).toBeGreaterThan(0);
  expect(latency.p99Nanos).toBeGreaterThanOrEqual(latency.p50Nanos);
  expect(throughput.map(({ payloadBytes }) => payloadBytes)).toEqual([65_536, 1_048_576]);
  for (const { bytesPerSecond } of throughput) expect(bytesPerSecond).toBeGreaterThan(0);
  expect(coreWaitShare).toBeGreaterThanOrEqual(0);
}

describe('calibrate', () => {
  test('measures uds and shm, stores what it returns, and leaves nothing else behind', async () => {
    const before = { children: children(), sockets: sockets() };
    const calibration = await calibrating([UDS, SHM]);
    expect({ children: children(), sockets: sockets() }).toEqual(before);
    expect(readdirSync(temporary)).toEqual([]);
    expect(readdirSync(directory)).toEqual(['calibration.json']);

    const [overSockets, overRings] = calibration.transports;
    expect(calibration.transports).toHaveLength(2);
    expectMeasured(overSockets, 'uds');
    expectMeasured(overRings, 'shm');
    expect(Math.abs(Date.now() - Date.parse(calibration.takenAt))).toBeLessThan(60_000);

    const loaded = loadCalibration({ directory });
    expect(loaded).toEqual({ state: 'usable', calibration, file: path.join(directory, 'calibration.json') });
    const { p50Nanos } = (overSockets as MeasuredTransport).latency;
    const justEnough = advise({ latencyMicros: p50Nanos / 1000 }, loaded.calibration);
    const tooLittle = advise({ latencyMicros: p50Nanos / 1001 }, loaded.calibration);
    expect([justEnough.leaf, tooLittle.leaf]).toEqual(['quick', 'fastest']);
    expect(tooLittle.why).toContain('measured on this host');
  });

  test('reports what cannot be measured, and measures the others', async () => {
    const named = (name: string) => ({ module: BROKEN, export: name });
    const { transports } = await calibrating([
      named('crashing'),
      named('throwing'),
      named('absent'),
      named('outdated'),
      named('unreachable'),
      named('notAPlugin'),
      named('none'),
      BROKEN,
      '@busbar/transport-carrier-pigeon',
      '@busbar/transport-memory',
      { module: new URL(BROKEN, from).href, export: 'absent' },
      { module: UDS, options: { name: 'of-mine' } },
    ]);
    const uds = transports.at(-1) as MeasuredTransport;
    expectMeasured(uds, 'of-mine');
    const because = transports
      .slice(0, -1)
      .map((each) => ('unavailable' in each ? [each.transport, each.unavailable.code, each.unavailable.reason] : each));
    expect(because).toEqual([
      ['crashing', 'TRANSPORT_FAILED', 'a process that measured it ended: 7'],
      ['throwing', 'TRANSPORT_FAILED', expect.stringContaining('no such device')],
      ['absent', 'NO_KERNEL_SUPPORT', 'the kernel is old'],
      ['outdated', 'VERSION_MISMATCH', expect.stringContaining('99.0.0')],
      ['unreachable', 'NO_ROUTE', expect.stringContaining('the cable is cut')],
      [undefined, 'INVALID_OPTION', 'what it makes is no transport plugin'],
      [undefined, 'INVALID_OPTION', expect.stringContaining('which export is the plugin? it has absent, blocking')],
      [undefined, 'INVALID_OPTION', expect.stringContaining('which export is the plugin?')],
      [undefined, 'INVALID_OPTION', expect.stringContaining('carrier-pigeon')],
      ['memory', 'NO_ROUTE', expect.stringContaining('threads of one process')],
      ['absent', 'NO_KERNEL_SUPPORT', 'the kernel is old'],
    ]);
    expect(children()).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
    expect(loadCalibration({ directory }).calibration?.transports).toHaveLength(12);
  });

  test('kills what has not answered by the deadline', async () => {
    const told = path.join(directory, '../told');
    const { transports } = await calibrating(
      [
        { module: BROKEN, export: 'blocking', options: { told } },
        { module: BROKEN, export: 'waiting' },
      ],
      { deadline: 3000 },
    );
    expect(transports).toMatchObject([
      { transport: 'blocking', unavailable: { code: 'DEADLINE_EXCEEDED' } },
      { transport: 'waiting', unavailable: { code: 'DEADLINE_EXCEEDED' } },
    ]);
    expect(children()).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('ends when it is aborted, and leaves what was stored', async () => {
    const stored = await calibrating([UDS]);
    const told = path.join(directory, '../told');
    const abort = new AbortController();
    const plugin = { module: BROKEN, export: 'blocking', options: { told } };
    const running = refusal(calibrating([plugin], { signal: abort.signal }), 'ABORTED');
    await until(() => existsSync(told));
    abort.abort();
    await running;
    expect(children()).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
    expect(loadCalibration({ directory }).calibration).toEqual(stored);
    await refusal(calibrating([UDS], { signal: abort.signal }), 'ABORTED');
  });

  test('refuses what it cannot begin with, before it measures', async () => {
    await refusal(calibrating([]), 'INVALID_OPTION');
    await refusal(calibrating([5 as never]), 'INVALID_OPTION');
    await refusal(calibrating([{ export: 'uds' } as never]), 'INVALID_OPTION');
    await refusal(calibrating([UDS], { from: undefined }), 'INVALID_OPTION');
    await refusal(calibrating([UDS], { duration: -1 }), 'INVALID_OPTION');
    await refusal(calibrating([UDS], { deadline: 0 }), 'INVALID_OPTION');
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    await refusal(calibrating([UDS]), 'RUNTIME_DIR_UNSAFE');
    expect(readdirSync(directory)).toEqual([]);
  });
});
