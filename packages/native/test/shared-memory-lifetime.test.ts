import { expect, test } from 'vitest';
import { output } from './spawned.ts';

const PRELUDE = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { setImmediate } from 'node:timers/promises';
  import { available, createSharedMemory, openSharedMemory } from '@busbar/native';
  await available();
  const MIB = 2 ** 20;
  const KIB_256 = 2 ** 18;
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const status = (field) => Number(new RegExp(field + ':\\\\s+(\\\\d+)').exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
  const collected = async (enough) => {
    while (!enough()) {
      gc();
      await setImmediate();
    }
  };`;

test('after close, reads give zeros and writes reach nobody, 1,000 times, whatever is collected meanwhile', async () => {
  const script = `${PRELUDE}
    const stale = [];
    for (let round = 0; round < 1000; round++) {
      const memory = createSharedMemory('stale', 8192);
      const peer = openSharedMemory(process.pid, memory.descriptor, 8192);
      const ours = new Uint8Array(memory.buffer).fill(255);
      const theirs = new Uint8Array(peer.buffer);
      memory.close();
      if (ours.some((byte) => byte !== 0)) throw new Error('stale bytes');
      ours.fill(1);
      if (theirs.some((byte) => byte !== 255)) throw new Error('a stale write arrived');
      peer.close();
      stale.push(ours, theirs);
      if (round % 100 === 0) { gc(); await setImmediate(); }
    }
    gc();
    await setImmediate();
    gc();
    for (const view of stale) view.fill(3);
    console.log(stale.every((view) => view.every((byte) => byte === 3)));`;
  expect(await output(script)).toBe('true');
});

test('1,000 times opened and closed: descriptors and memory flat at once, addresses given back after gc', async () => {
  const script = `${PRELUDE}
    const once = () => {
      const memory = createSharedMemory('cycle', KIB_256);
      const peer = openSharedMemory(process.pid, memory.descriptor, KIB_256);
      new Uint8Array(memory.buffer).fill(1);
      new Uint8Array(peer.buffer).fill(2);
      memory.close();
      peer.close();
    };
    const size = status('VmSize');
    for (let i = 0; i < 20; i++) once();
    const before = { fds: descriptors(), shared: status('RssShmem'), resident: status('VmRSS') };
    for (let i = 0; i < 1000; i++) once();
    const after = { fds: descriptors(), shared: status('RssShmem'), resident: status('VmRSS') };
    // 500 MiB of addresses, were they kept.
    await collected(() => status('VmSize') < size + 100);
    console.log(JSON.stringify({
      descriptors: after.fds - before.fds,
      shared: after.shared - before.shared < 2,
      resident: after.resident - before.resident < 50,
    }));`;
  expect(JSON.parse(await output(script))).toEqual({ descriptors: 0, shared: true, resident: true });
});

test('a range is given back once its buffer is gone, not before', async () => {
  const script = `${PRELUDE}
    const closedView = () => {
      const memory = createSharedMemory('range', 64 * MIB);
      memory.close();
      return new Uint8Array(memory.buffer);
    };
    const views = Array.from({ length: 4 }, closedView);
    const size = status('VmSize');
    for (let i = 0; i < 5; i++) {
      gc();
      await setImmediate();
    }
    const kept = Math.abs(status('VmSize') - size) < 32;
    for (let i = 0; i < views.length; i++) views[i][64 * MIB - 1] = 1;
    views.length = 0;
    await collected(() => status('VmSize') < size - 200);
    console.log(kept);`;
  expect(await output(script)).toBe('true');
});
