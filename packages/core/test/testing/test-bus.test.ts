import { existsSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BusError, createBus } from '@busbar/core';
import { createTestBus, VirtualClock } from '@busbar/core/testing';
import { expect, test, vi } from 'vitest';

test('the bus works in a directory of its own, which is gone afterwards', async () => {
  const test = await createTestBus({ name: 'alone' });
  const seen: unknown[] = [];
  test.bus.subscribe('a.b', ({ data }) => seen.push(data));
  await test.bus.publish('a.b', { n: 1 });
  expect(seen).toEqual([{ n: 1 }]);
  expect(existsSync(test.directory)).toBe(true);
  await test.close();
  expect(existsSync(test.directory)).toBe(false);
  await expect(test.bus.publish('a.b', 1)).rejects.toMatchObject({ code: 'CLOSED' });
});

test('two test buses do not meet; a participant that is told the directory does', async () => {
  await using one = await createTestBus();
  await using other = await createTestBus();
  await using guest = await createBus({ name: 'guest', directory: one.directory });
  expect(guest.peers.map(({ id }) => id)).toEqual([one.bus.self.id]);
  expect(other.bus.peers).toEqual([]);
});

test('when the bus cannot be made nothing is left', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'busbar-none-'));
  vi.stubEnv('TMPDIR', folder);
  try {
    await expect(createTestBus({ limits: { deadlineMs: -1 } })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
    rmdirSync(folder);
  }
});

test('deadlines of the bus follow a virtual clock', async () => {
  const clock = new VirtualClock();
  await using test = await createTestBus({ clock });
  let release = (): void => {};
  test.bus.serve('slow', () => new Promise<void>((resolve) => (release = resolve)));
  const outcome = test.bus.request('slow', {}).catch((error: BusError) => error.code);
  await clock.advance(29_999);
  expect(await Promise.race([outcome, Promise.resolve('waiting')])).toBe('waiting');
  await clock.advance(1);
  expect(await outcome).toBe('DEADLINE_EXCEEDED');
  release();
});
