import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';

/** What a fresh Node prints that runs `script` beside this file. */
async function output(script: string): Promise<string> {
  const arguments_ = ['--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, arguments_, { cwd: import.meta.dirname });
  return stdout.trim();
}

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
    for (const call of [() => native.peerCredentials(0), () => native.tryLockFile('/nowhere')]) {
      try { call(); } catch (error) { console.log(error.code, error.remedy); }
    }`;
  const lines = (await output(script)).split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toMatch(/^NEEDS_NATIVE await available\(\)/);
});

test('another platform is told so, and koffi is left alone', async () => {
  const script = `
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    const native = await import('@busbar/native');
    console.log((await native.available()).code, ${LOADED});`;
  expect(await output(script)).toBe('UNSUPPORTED_PLATFORM false');
});

test('a koffi that cannot be loaded is an answer, not an exception', async () => {
  const script = `
    process.dlopen = () => { throw new Error('denied'); };
    const native = await import('@busbar/native');
    const { available, code, reason } = await native.available();
    console.log(available, code, reason.length > 0);`;
  expect(await output(script)).toBe('false MISSING_PACKAGE true');
});

test('it works in a worker thread', async () => {
  const worker = new Worker(new URL('peers/worker.mjs', import.meta.url));
  const exit = once(worker, 'exit');
  expect(await once(worker, 'message')).toEqual(['EBADF']);
  expect(await exit).toEqual([0]);
});
