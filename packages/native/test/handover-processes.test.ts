import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { available, connectHandover, createSharedMemory, openHandoverPoint } from '../src/index.ts';
import { closeAll, descriptors } from './resources.ts';
import { killed, output, scratchDirectory, spawnPeer } from './spawned.ts';

const KEY = 0x1234_5678;

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
});

const error = (code: string, what = /./) => expect.objectContaining({ code, what: expect.stringMatching(what) });

describe('between processes that /proc does not show', () => {
  async function meeting(): Promise<{ owner: ChildProcess; taker: ChildProcess; terms: object; path: string }> {
    const path = join(await scratchDirectory(), 'point');
    const owner = spawnPeer('hidden-owner');
    const [[theirMemory, theirBell]] = (await once(owner, 'message')) as [[number, number]];
    const taker = spawnPeer('hidden-taker');
    await once(taker, 'message');
    owner.send({ path, pid: taker.pid, key: KEY });
    expect(await once(owner, 'message')).toEqual(['open', undefined]);
    const terms = { path, pid: owner.pid, key: KEY, memory: theirMemory, doorbell: theirBell };
    return { owner, taker, terms, path };
  }

  test('opening is refused, and the handover works', async () => {
    const { owner, taker, terms, path } = await meeting();
    const answers: unknown[] = [];
    taker.on('message', (message) => answers.push(message));
    taker.send(terms);
    while (answers.length < 2) await once(taker, 'message');
    expect(answers).toEqual([['TRANSPORT_FAILED EACCES true', 'TRANSPORT_FAILED EACCES true'], 'met']);
    owner.send('met');
    expect(await once(owner, 'message')).toEqual(['handed', undefined]);
    const rung = once(owner, 'message');
    taker.send('handed');
    expect(await rung).toEqual(['rung', undefined]);
    while (answers.length < 3) await once(taker, 'message');
    expect(answers[2]).toBe(42);
    expect(existsSync(path)).toBe(false);
  });

  test('an owner that is killed in the middle leaves no one waiting', async () => {
    const { owner, path } = await meeting();
    const early = connectHandover(path, owner.pid as number);
    onTestFinished(() => early.close());
    await killed(owner);
    expect(() => early.receive(KEY, 2)).toThrow(error('TRANSPORT_FAILED', /closed|ECONNRESET/));
    expect(() => early.send(KEY, [])).toThrow(error('TRANSPORT_FAILED', /EPIPE|ECONNRESET/));
    expect(() => connectHandover(path, owner.pid as number)).toThrow(error('TRANSPORT_FAILED', /ECONNREFUSED/));
  });

  test('who comes and is killed before it is accepted is served into nothing', async () => {
    const path = join(await scratchDirectory(), 'point');
    const owner = openHandoverPoint(path);
    const memory = createSharedMemory('unserved', 4096);
    onTestFinished(() => closeAll([owner, memory]));
    const guest = spawnPeer('meet', path);
    await once(guest, 'message');
    await killed(guest);
    const before = descriptors();
    const accepted = owner.accept(guest.pid as number);
    accepted.receive(7, 0).close();
    expect(() => accepted.send(KEY, [memory.descriptor])).toThrow(error('TRANSPORT_FAILED', /EPIPE|ECONNRESET/));
    accepted.close();
    expect(descriptors()).toBe(before);
  });
});

test('out of descriptors for real: refused, nothing stays open, and the next handover works', async () => {
  const script = `
    import { execFileSync } from 'node:child_process';
    import { closeSync, openSync, rmSync, mkdtempSync } from 'node:fs';
    import { available, connectHandover, createDoorbell, createSharedMemory, openHandoverPoint } from '@busbar/native';
    await available();
    const memory = createSharedMemory('limit', 4096);
    const doorbell = createDoorbell(() => {});
    const folder = mkdtempSync('/tmp/native-');
    const owner = openHandoverPoint(folder + '/point');
    execFileSync('prlimit', ['--pid', process.pid, '--nofile=64:']);
    const fill = () => {
      const opened = [];
      try { for (;;) opened.push(openSync('/dev/null')); } catch { return opened; }
    };
    const answers = [];
    const taker = connectHandover(folder + '/point', process.pid);
    const accepted = owner.accept(process.pid);
    for (const room of [0, 1, 2]) {
      accepted.send(5, [memory.descriptor, doorbell.descriptor]);
      const opened = fill();
      for (const fd of opened.splice(opened.length - room)) closeSync(fd);
      try { taker.receive(5, 2).close(); answers.push('received'); } catch (error) { answers.push(error.code); }
      const again = fill();
      answers.push(again.length);
      for (const fd of [...opened, ...again]) closeSync(fd);
    }
    const full = fill();
    try { connectHandover(folder + '/point', process.pid); } catch (error) { answers.push(error.cause.code); }
    for (const fd of full) closeSync(fd);
    for (const one of [owner, accepted, taker, memory, doorbell]) one.close();
    rmSync(folder, { recursive: true });
    console.log(answers.join());`;
  expect(await output(script)).toBe('RESOURCE_EXHAUSTED,0,RESOURCE_EXHAUSTED,1,received,2,EMFILE');
});
