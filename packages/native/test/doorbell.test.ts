import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { openPeerBell } from '../src/bell.ts';
import { available, type Bell, createDoorbell, type Doorbell, openBell } from '../src/index.ts';
import { loadSyscalls } from '../src/syscalls.ts';
import { descriptors } from './resources.ts';
import { killed, output, spawnPeer } from './spawned.ts';

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
  // The first pipe of an event loop makes libuv open a spare descriptor.
  createDoorbell(() => {}).close();
});

function hung(onRing: () => void): { doorbell: Doorbell; bell: Bell } {
  const doorbell = createDoorbell(onRing);
  const bell = openBell(process.pid, doorbell.descriptor);
  onTestFinished(() => {
    doorbell.close();
    bell.close();
  });
  return { doorbell, bell };
}

/** Resolves after what was rung before it has been heard. */
async function heard(): Promise<void> {
  let doorbell: Doorbell | undefined;
  await new Promise<void>((resolve) => {
    doorbell = createDoorbell(resolve);
    const bell = openBell(process.pid, doorbell.descriptor);
    bell.ring();
    bell.close();
  });
  doorbell?.close();
  await turn();
}

test('it wakes a process that has nothing to do, and its microtasks run', async () => {
  const child = spawnPeer('share-page');
  const [[, doorbell]] = (await once(child, 'message')) as [[number, number]];
  const bell = openBell(child.pid as number, doorbell);
  onTestFinished(() => bell.close());
  for (let ring = 0; ring < 3; ring++) {
    bell.ring();
    expect(await once(child, 'message')).toEqual(['answered', undefined]);
  }
});

test('rings before the thread is back at its event loop are one', async () => {
  let rung = 0;
  const { bell } = hung(() => rung++);
  for (let ring = 0; ring < 10_000; ring++) bell.ring();
  await heard();
  expect(rung).toBe(1);
  bell.ring();
  await heard();
  expect(rung).toBe(2);
});

test('a pipe that is full does not stop the one who rings, and is emptied', async () => {
  let rung = 0;
  const { bell } = hung(() => rung++);
  for (let ring = 0; ring < 100_000; ring++) bell.ring();
  await heard();
  expect(rung).toBeGreaterThan(0);
  expect(rung).toBeLessThan(10);
  const before = rung;
  bell.ring();
  await heard();
  expect(rung).toBe(before + 1);
});

test('no callback after close, also for what rang before it', async () => {
  const before = descriptors();
  let rung = 0;
  const { doorbell, bell } = hung(() => rung++);
  bell.ring();
  doorbell.close();
  doorbell.close();
  expect(doorbell.descriptor).toBe(-1);
  await heard();
  bell.ring();
  await heard();
  expect(rung).toBe(0);
  bell.close();
  expect(descriptors()).toBe(before);
});

test('it may be closed from its own callback', async () => {
  let rung = 0;
  const { doorbell, bell } = hung(() => {
    rung++;
    doorbell.close();
  });
  for (let ring = 0; ring < 100_000; ring++) bell.ring();
  await heard();
  expect(rung).toBe(1);
});

test('a bell after close writes nothing: its number may be somebody else’s by then', async () => {
  const doorbell = createDoorbell(() => {});
  onTestFinished(() => doorbell.close());
  const syscalls = await loadSyscalls();
  let writes = 0;
  const write = (...args: Parameters<typeof syscalls.write>) => {
    writes++;
    return syscalls.write(...args);
  };
  const bell = openPeerBell({ ...syscalls, write }, process.pid, doorbell.descriptor);
  bell.ring();
  bell.close();
  bell.close();
  bell.ring();
  expect(writes).toBe(1);
});

test('ringing a process that was killed, or has closed its doorbell, is nothing', async () => {
  const child = spawnPeer('share-page');
  const [[, descriptor]] = (await once(child, 'message')) as [[number, number]];
  const bell = openBell(child.pid as number, descriptor);
  await killed(child);
  bell.ring();
  bell.close();
  const { doorbell, bell: own } = hung(() => {});
  doorbell.close();
  own.ring();
});

test('it does not keep its process alive, and is heard without being kept', async () => {
  const script = `
    import { available, createDoorbell, openBell } from '@busbar/native';
    await available();
    const alive = setInterval(() => {}, 1000);
    const onRing = () => {
      console.log('rung');
      clearInterval(alive);
    };
    const descriptor = (() => createDoorbell(onRing).descriptor)();
    for (let i = 0; i < 5; i++) {
      gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    openBell(process.pid, descriptor).ring();
    process.on('exit', (code) => console.log('exit', code));`;
  expect(await output(script)).toBe('rung\nexit 0');
});

test('what onRing throws is an uncaught exception, and the next ring is heard', async () => {
  const script = `
    import { available, createDoorbell, openBell } from '@busbar/native';
    await available();
    let rung = 0;
    const doorbell = createDoorbell(() => { throw new Error('from ring ' + ++rung); });
    const bell = openBell(process.pid, doorbell.descriptor);
    const alive = setInterval(() => {}, 1000);
    process.on('uncaughtException', ({ message }, origin) => {
      console.log(origin, message);
      if (rung === 3) clearInterval(alive);
      else bell.ring();
    });
    bell.ring();`;
  const lines = [1, 2, 3].map((ring) => `uncaughtException from ring ${ring}`);
  expect(await output(script)).toBe(lines.join('\n'));
});

test('without a handler that exception ends the process the usual way', async () => {
  const script = `
    import { available, createDoorbell, openBell } from '@busbar/native';
    await available();
    const doorbell = createDoorbell(() => { throw new Error('from a ring'); });
    openBell(process.pid, doorbell.descriptor).ring();
    setInterval(() => {}, 1000);`;
  const failure = expect.objectContaining({
    code: 1,
    signal: null,
    stderr: expect.stringContaining('Error: from a ring'),
  });
  await expect(output(script)).rejects.toEqual(failure);
});

test('process.exit with a doorbell open takes less than 200 ms and keeps its code', async () => {
  const times: number[] = [];
  // On a busy machine one of a few shows what it takes.
  while (times.length < 5 && Math.min(...times) >= 200) {
    const child = spawnPeer('share-page');
    await once(child, 'message');
    const started = performance.now();
    child.send('exit');
    expect(await once(child, 'exit')).toEqual([7, null]);
    times.push(performance.now() - started);
  }
  expect(Math.min(...times)).toBeLessThan(200);
});

test.each(['close', 'exit', 'terminate'])('it works in a worker thread, which may end by %s', async (end) => {
  const worker = new Worker(new URL('peers/worker-doorbell.mjs', import.meta.url));
  const exit = once(worker, 'exit');
  const [descriptor] = (await once(worker, 'message')) as [number];
  const bell = openBell(process.pid, descriptor);
  bell.ring();
  expect(await once(worker, 'message')).toEqual(['rung']);
  if (end === 'terminate') void worker.terminate();
  else worker.postMessage(end);
  expect(await exit).toEqual([end === 'close' ? 0 : end === 'exit' ? 5 : 1]);
  bell.ring();
  bell.close();
});
