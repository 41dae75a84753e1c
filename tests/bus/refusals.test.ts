import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BusError, createBus, json } from '@busbar/core';
import { CONTRACT_VERSION } from '@busbar/core/contract';
import { uds } from '@busbar/transport-uds';
import { describe, expect, test } from 'vitest';
import { expectBalanced, open, Peer, refusal, scratch } from './harness.ts';
import { record } from './recorder.mjs';

const root = process.getuid?.() === 0;

/** Code, place and remedy: all three are promised. */
async function complete(promise: Promise<unknown> | (() => unknown), code: string): Promise<BusError> {
  const error = await refusal(promise, code);
  expect(error.where, 'where').toBeTruthy();
  expect(error.remedy, 'remedy').toBeTruthy();
  return error;
}

describe('a runtime directory that will not do', () => {
  test('one that group or others may write', async () => {
    for (const mode of [0o777, 0o770, 0o702]) {
      const directory = scratch();
      chmodSync(directory, mode);
      const error = await complete(open({ directory }), 'RUNTIME_DIR_UNSAFE');
      expect(error.where).toBe(directory);
      expect(readdirSync(directory).filter((name) => name !== 'default')).toEqual([]);
    }
  });

  test('one whose bus folder others may write, or that is a link, or a file', async () => {
    const directory = scratch();
    mkdirSync(path.join(directory, 'open'));
    chmodSync(path.join(directory, 'open'), 0o777);
    symlinkSync(scratch(), path.join(directory, 'link'));
    writeFileSync(path.join(directory, 'file'), '');
    for (const bus of ['open', 'link']) await complete(open({ directory, bus }), 'RUNTIME_DIR_UNSAFE');
    await refusal(open({ directory, bus: 'file' }), 'TRANSPORT_FAILED');
  });

  test.skipIf(!root)('one that belongs to somebody else (needs root)', async () => {
    const directory = scratch();
    chownSync(directory, 65534, 65534);
    await complete(open({ directory }), 'RUNTIME_DIR_UNSAFE');
  });

  test('a secret that is a link', async () => {
    const directory = scratch();
    mkdirSync(path.join(directory, 'default'), { mode: 0o700 });
    symlinkSync('/dev/null', path.join(directory, 'default', 'secret'));
    await complete(open({ directory }), 'RUNTIME_DIR_UNSAFE');
  });

  test('a path too long for a socket, and nothing is left there', async () => {
    const directory = path.join(scratch(), 'x'.repeat(90));
    await complete(open({ directory }), 'PATH_TOO_LONG');
    expect(new Set(readdirSync(path.join(directory, 'default')))).toEqual(new Set(['participants', 'secret']));
    expect(readdirSync(path.join(directory, 'default', 'participants'))).toEqual([]);
  });

  test('a path long enough for the control socket only: the transport is left out, and says why', async () => {
    // Control socket: 16 + 6 bytes after the folder; the data socket's temporary name has 14 more.
    const base = scratch();
    const directory = path.join(base, 'y'.repeat(107 - base.length - '//default/'.length - 16 - 6 - 4));
    const bus = await open({ directory });
    expect(bus.unavailable).toMatchObject([{ transport: 'uds', code: 'PATH_TOO_LONG', fix: expect.any(String) }]);
  });
});

describe('values and sizes', () => {
  test('what the codec cannot carry: function, symbol, cycle, BigInt where it has none', async () => {
    const directory = scratch();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const [codec, bad] of [
      [undefined, [() => 1, Symbol('s'), cycle, { deep: [{ f() {} }] }, 2n ** 70n, { s: Symbol('t') }]],
      [json, [() => 1, Symbol('s'), cycle, 1n, { deep: [{ f() {} }] }, Number.NaN]],
    ] as const) {
      const bus = await open({ directory, ...(codec === undefined ? {} : { codec }) });
      const heard = record(bus, 't');
      bus.serve('echo', (input) => input);
      for (const value of bad) {
        await complete(bus.publish('t', value), 'NOT_SERIALIZABLE');
        await complete(() => bus.publisher('t').send(value), 'NOT_SERIALIZABLE');
        await complete(bus.request('echo', value), 'NOT_SERIALIZABLE');
      }
      await bus.publish('t', 'fine');
      expect(heard.data).toEqual(['fine']);
      expectBalanced(bus.counters);
    }
  });

  test('a payload over the limit is TOO_LARGE before anything is sent, in publish, send, request and answer', async () => {
    const directory = scratch();
    const bus = await open({ directory, limits: { maxMessageBytes: 10_000 } });
    const other = await open({ directory, limits: { maxMessageBytes: 10_000 } });
    const heard = record(other, 't');
    await heard.subscription.ready;
    await other.serve('big', () => new Uint8Array(10_001)).ready;
    for (const value of [new Uint8Array(10_001), 'x'.repeat(10_001)]) {
      await complete(bus.publish('t', value), 'TOO_LARGE');
      await complete(() => bus.publisher('t').send(value), 'TOO_LARGE');
      await complete(bus.request('big', value), 'TOO_LARGE');
    }
    await refusal(bus.request('big', 1), 'TOO_LARGE');
    await bus.publish('t', new Uint8Array(10_000));
    expect(heard.messages).toHaveLength(1);
    await complete(bus.publish('t', 1, { headers: { big: 'x'.repeat(20_000) } }), 'TOO_LARGE');
    expectBalanced(bus.counters);
  });

  test('a message that the receiver’s limit forbids ends with a typed error, not with a link that breaks again and again', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const other = await open({ directory, limits: { maxMessageBytes: 100_000 } });
    const heard = record(other, 't');
    await heard.subscription.ready;
    const outcome = await bus.publish('t', new Uint8Array(200_000), { deadline: 3000 }).then(
      () => 'delivered',
      (error: BusError) => error.code,
    );
    expect(['NO_ROUTE', 'PEER_GONE', 'TOO_LARGE']).toContain(outcome);
    expect(heard.messages).toEqual([]);
    expectBalanced(bus.counters);
  });

  test('topics, patterns, names, options and qos that are none', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    for (const topic of [
      '',
      'a..b',
      '.a',
      'a.',
      'a.*',
      '>',
      'a b',
      'ä',
      'x'.repeat(65),
      `${'x.'.repeat(127)}xx`,
      7 as never,
      null as never,
    ])
      await refusal(bus.publish(topic, 1), 'INVALID_TOPIC').then(({ remedy }) => expect(remedy).toBeTruthy());
    for (const pattern of ['', 'a.>.b', 'a*', '**', '>.a', undefined as never])
      await complete(() => bus.subscribe(pattern), 'INVALID_PATTERN');
    await complete(bus.publish('t', 1, { priority: 'urgent' as never }), 'INVALID_OPTION');
    await complete(bus.publish('t', 1, { reliability: 'mostly' as never }), 'INVALID_OPTION');
    await complete(bus.publish('t', 1, { headers: { n: 1 as never } }), 'INVALID_OPTION');
    await complete(() => bus.subscribe('t', { concurrency: 0 }), 'INVALID_OPTION');
    await complete(() => bus.serve('t', () => 1, { concurrency: 1.5 }), 'INVALID_OPTION');
    await complete(open({ directory, name: 'no spaces' }), 'INVALID_NAME');
    await complete(open({ directory, limits: { topicCredit: -1 } }), 'INVALID_OPTION');
    await complete(open({ directory, spin: 'always' as never }), 'INVALID_OPTION');
    await complete(open({ directory, limits: { nonsense: 1 } as never }), 'INVALID_OPTION');
  });

  test('what no installed transport can honour is UNSUPPORTED_QOS, with the reason of each', async () => {
    const bus = await open({ directory: scratch() });
    for (const qos of [{ durability: 'disk' }, { durability: 'process' }] as const) {
      const error = await complete(bus.publish('t', 1, qos), 'UNSUPPORTED_QOS');
      expect(error.message).toContain('uds:');
      await complete(() => bus.publisher('t', qos), 'UNSUPPORTED_QOS');
    }
    expect(bus.counters.published).toBe(0);
  });

  test('a transport that is not there, or is forced and cannot: NO_ROUTE with each candidate’s reason', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const other = await open({ directory });
    const heard = record(other, 't');
    await heard.subscription.ready;
    const error = await refusal(bus.publish('t', 1, { via: 'shm' }), 'NO_ROUTE');
    expect(error.message).toContain('uds');
    expect(bus.explain('t', 1, { via: 'shm' })).toMatchObject([
      { transport: undefined, rejected: [{ transport: 'uds' }] },
    ]);
    expectBalanced(bus.counters);
  });

  test('a plugin of another contract, and two of one name', async () => {
    const directory = scratch();
    const old = { ...uds(), contractVersion: '0.1' };
    const error = await complete(createBus({ directory, plugins: [old] }), 'VERSION_MISMATCH');
    expect(error.message).toContain('0.1');
    expect(error.message).toContain(CONTRACT_VERSION);
    await complete(createBus({ directory, plugins: [uds(), uds()] }), 'DUPLICATE_TRANSPORT');
    expect(readdirSync(directory)).toEqual([]);
  });

  test('more topics to one peer than its quota: the publisher is told, and the link stays', async () => {
    const directory = scratch();
    const limits = { topicsPerPeer: 16 };
    const bus = await open({ directory, limits });
    const other = await open({ directory, limits });
    const heard = record(other, '>');
    await heard.subscription.ready;
    const lost: string[] = [];
    bus.on('lost', ({ name }) => lost.push(name));
    for (let n = 0; n < 16; n++) await bus.publish(`topic.n${n}`, n);
    await refusal(bus.publish('topic.n16', 16), 'NO_ROUTE');
    await bus.publish('topic.n3', 3);
    expect(lost).toEqual([]);
    expect(heard.messages).toHaveLength(17);
    expectBalanced(bus.counters);
  });
});

describe('a system that has no more', () => {
  test('EMFILE: every attempt ends typed or well, leaks no descriptor, and works once there is room', async () => {
    const directory = scratch();
    const helper = await Peer.open({ name: 'helper', directory });
    await helper.run(async ({ bus }) => {
      await bus.serve('echo', (input) => input).ready;
    });
    const script = fileURLToPath(new URL('./peers/starved.mjs', import.meta.url));
    const child = spawn('bash', ['-c', `ulimit -n 128 && exec ${process.execPath} ${script} ${directory}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    expect(await once(child, 'exit')).toEqual([0, null]);
    const { attempts, answer } = JSON.parse(output);
    expect(attempts.length).toBeGreaterThan(1);
    for (const { code, where, remedy, descriptors } of attempts) {
      expect(code).toBe('RESOURCE_EXHAUSTED');
      expect(where).toBeTruthy();
      expect(remedy).toContain('ulimit');
      expect(descriptors).toBe(0);
    }
    expect(answer).toBe('hello');
    expect(await helper.run(({ bus }) => bus.request('echo', 'alive'))).toBe('alive');
  });

  test.skipIf(!root || !mountable())(
    'ENOSPC: a full file system is a typed refusal (needs root and mount)',
    async () => {
      const directory = scratch();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k,mode=700', 'tmpfs', directory]);
      try {
        try {
          writeFileSync(path.join(directory, 'fill'), Buffer.alloc(1 << 20));
        } catch {
          // Full is what it should be.
        }
        await complete(open({ directory }), 'RESOURCE_EXHAUSTED');
      } finally {
        execFileSync('umount', [directory]);
      }
    },
  );
});

function mountable(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
