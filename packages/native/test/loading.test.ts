import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { output } from './spawned.ts';

const LOADED = `(process.report.getReport().sharedObjects.some((file) => file.includes('koffi')))`;

test('importing loads no native code; available() does, once', async () => {
  const script = `
    const native = await import('@busbar/native');
    const before = ${LOADED};
    const answers = await Promise.all([native.available(), native.available()]);
    console.log(JSON.stringify([before, ${LOADED}, answers[0] === answers[1]]));`;
  expect(await output(script)).toBe('[false,true,true]');
});

test('before available() the other functions say what to do', async () => {
  const script = `
    const native = await import('@busbar/native');
    for (const call of [
      () => native.peerCredentials(0),
      () => native.tryLockFile('/nowhere'),
      () => native.createSharedMemory('x', 4096),
      () => native.openSharedMemory(process.pid, 0, 4096),
      () => native.createDoorbell(() => {}),
      () => native.openBell(process.pid, 0),
      () => native.openHandoverPoint('/nowhere'),
      () => native.connectHandover('/nowhere', process.pid),
    ]) {
      try { call(); } catch (error) { console.log(error.code, error.remedy); }
    }`;
  const lines = (await output(script)).split('\n');
  expect(lines).toHaveLength(8);
  for (const line of lines) expect(line).toMatch(/^NEEDS_NATIVE await available\(\)/);
});

test('another platform is told so, and koffi is left alone', async () => {
  const script = `
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    const native = await import('@busbar/native');
    const answers = [await native.available(), await native.sharedMemoryAvailable()];
    console.log(answers.map(({ code }) => code).join(), ${LOADED});`;
  expect(await output(script)).toBe('UNSUPPORTED_PLATFORM,UNSUPPORTED_PLATFORM false');
});

test('a koffi that cannot be loaded is an answer, not an exception', async () => {
  const script = `
    process.dlopen = () => { throw new Error('denied'); };
    const native = await import('@busbar/native');
    const { available, code, reason } = await native.available();
    const memory = await native.sharedMemoryAvailable();
    console.log(available, code, reason.length > 0, memory.code);`;
  expect(await output(script)).toBe('false MISSING_PACKAGE true MISSING_PACKAGE');
});

test('it works in a worker thread', async () => {
  const worker = new Worker(new URL('peers/worker.mjs', import.meta.url));
  const exit = once(worker, 'exit');
  expect(await once(worker, 'message')).toEqual(['EBADF']);
  expect(await exit).toEqual([0]);
});
