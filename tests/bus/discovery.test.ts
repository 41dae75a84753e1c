import { once } from 'node:events';
import { existsSync, lstatSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { available } from '@busbar/native';
import { describe, expect, test } from 'vitest';
import { atEnd, joined, next, open, Peer, refusal, scratch, until } from './harness.ts';
import { record } from './recorder.mjs';

const native = (await available()).available;
const WITHOUT_NATIVE = ['--import', new URL('./peers/without-native.mjs', import.meta.url).href];

function files(directory: string, bus = 'default'): string[] {
  const folder = path.join(directory, bus);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

describe('discovery', () => {
  test('whoever comes later finds all who are there: 6 processes at once, a full mesh', async () => {
    const directory = scratch();
    const peers = await Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        const peer = await Peer.start();
        await peer.run((context, options) => context.open(options), { name: `p${n}`, directory });
        return peer;
      }),
    );
    for (const peer of peers)
      await until(async () => (await peer.run(({ bus }) => new Set(bus.peers.map(({ id }) => id)).size)) === 5);
    for (const peer of peers) expect(await peer.run(({ bus }) => bus.peers.length)).toBe(5);
  });

  test('everything in the runtime directory is its owner’s alone, and close leaves nothing but the secret', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const folder = path.join(directory, 'default');
    for (const file of [folder, ...files(directory).map((name) => path.join(folder, name))]) {
      const { mode, uid } = lstatSync(file);
      expect(`${file} ${(mode & 0o077).toString(8)}`).toBe(`${file} 0`);
      expect(uid).toBe(process.getuid?.());
    }
    expect(statSync(path.join(folder, `${bus.self.id}.sock`)).isSocket()).toBe(true);
    await bus.close();
    expect(files(directory)).toEqual(['participants', 'secret']);
  });

  test('what killed participants left behind is cleared away: records and sockets', async () => {
    const directory = scratch();
    const peers = await Promise.all(['a', 'b', 'c'].map((name) => Peer.open({ name, directory })));
    for (const peer of peers) await peer.kill();
    expect(files(directory).filter((name) => name.endsWith('.json'))).toHaveLength(3);
    const bus = await open({ directory });
    expect(bus.peers).toEqual([]);
    const mine = (name: string) => name.includes(bus.self.id) || name === 'participants' || name === 'secret';
    await until(() =>
      files(directory)
        .filter((name) => name.endsWith('.json'))
        .every(mine),
    );
    await until(() => files(directory).every(mine));
  });

  test('records that make no sense, or lead elsewhere, do no harm', async () => {
    const directory = scratch();
    const first = await open({ name: 'first', directory });
    const participants = path.join(directory, 'default', 'participants');
    const garbage: Record<string, string> = {
      '0000000000000000.0.json': '',
      '1111111111111111.9999999999999999.json': 'null',
      '2222222222222222.1.json': '{"id":"2222222222222222","name":7,"pid":"x"}',
      [`${first.self.id}.1.json`]: '{"id":"3333333333333333"}',
      '4444444444444444.json': '{}',
      '5555555555555555.x.json': '{}',
      '6666666666666666..json': '{}',
      'not-an-id.json': '{}',
      '.hidden': '{}',
    };
    for (const [name, text] of Object.entries(garbage)) writeFileSync(path.join(participants, name), text);
    const second = await open({ name: 'second', directory });
    await joined(first, 'second');
    expect(second.peers.map(({ name }) => name)).toEqual(['first']);
  });

  test('two buses by name do not meet; nor do two directories', async () => {
    const directory = scratch();
    const buses = await Promise.all([
      open({ directory, bus: 'red' }),
      open({ directory, bus: 'blue' }),
      open({ directory: scratch(), bus: 'red' }),
    ]);
    const heard = buses.map((bus) => record(bus, 't'));
    for (const [n, bus] of buses.entries()) {
      expect(bus.peers).toEqual([]);
      expect((await bus.publish('t', n)).deliveries).toHaveLength(1);
    }
    expect(heard.map(({ data }) => data)).toEqual([[0], [1], [2]]);
    await refusal(open({ directory, bus: '../red' }), 'INVALID_NAME');
    await refusal(open({ directory, name: 'a.b' }), 'INVALID_NAME');
  });

  test.each(['uds', 'memory', 'shm', 'uds memory shm'])('two instances in one process meet: %s', async (installed) => {
    const transports = installed.split(' ');
    const directory = scratch();
    const [one, two] = [await open({ directory, transports }), await open({ directory, transports })];
    const via = transports.includes('memory') ? 'memory' : transports[0];
    two.serve('echo', (input) => input);
    const heard = record(two, 't');
    await heard.subscription.ready;
    const { deliveries } = await one.publish('t', 1);
    expect(deliveries).toMatchObject([{ via, outcome: 'delivered' }]);
    expect(heard.messages[0]).toMatchObject({ via, from: { pid: process.pid } });
    expect(await one.request('echo', 'x')).toBe('x');
    expect(one.explain('t', 1)).toMatchObject([{ transport: via }]);
  });

  test.each(['uds', 'memory', 'shm', 'uds memory shm'])('worker threads take part: %s', async (installed) => {
    const transports = installed.split(' ');
    const directory = scratch();
    const bus = await open({ directory, transports });
    const heard = record<{ data: number; via: string }>(bus, 'from.worker');
    const worker = new Worker(fileURLToPath(new URL('./peers/worker.mjs', import.meta.url)), {
      workerData: { directory, transports },
    });
    atEnd(() => worker.terminate());
    await once(worker, 'message');
    await joined(bus, 'worker');
    const via = transports.includes('memory') ? 'memory' : transports[0];
    for (let n = 0; n < 300; n++) void bus.publish('to.worker', n);
    await heard.reach(300);
    expect(heard.data).toEqual(Array.from({ length: 300 }, (_, n) => ({ data: n, via })));
    expect(await bus.request('double', 21)).toBe(42);
    const [left, exit] = [next(bus, 'leave'), once(worker, 'exit')];
    worker.postMessage('close');
    await left;
    expect(await exit).toEqual([0]);
  });

  test('a worker that is terminated is lost, though its process lives', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const worker = new Worker(fileURLToPath(new URL('./peers/worker.mjs', import.meta.url)), {
      workerData: { directory, transports: ['uds'] },
    });
    await once(worker, 'message');
    await joined(bus, 'worker');
    const lost = next(bus, 'lost');
    await worker.terminate();
    expect((await lost).name).toBe('worker');
  });

  test('a participant without a transport in common is seen, and told apart in the refusal', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const other = await open({ name: 'deaf', directory, transports: [] });
    const heard = record(other, 't');
    await heard.subscription.ready;
    const error = await refusal(bus.publish('t', 1), 'NO_ROUTE');
    expect(error.message).toContain('no transport in common with deaf (uds: the peer does not have it)');
    expect(bus.counters.outcomes.refused).toBe(1);
  });
});

describe('exclusive names', () => {
  test.skipIf(!native)('exactly one owner in every raced start; kill -9 frees the name at once', async () => {
    const directory = scratch();
    const peers = await Promise.all(Array.from({ length: 5 }, () => Peer.start()));
    const claim = (peer: Peer) =>
      peer.run(
        (context, options) =>
          context.open(options).then(
            () => 'owner',
            (error: { code: string }) => error.code,
          ),
        { name: 'leader', exclusive: true, directory },
      );
    let racers = peers;
    for (let round = 0; round < 4; round++) {
      const results = await Promise.all(racers.map(claim));
      expect(results.filter((result) => result === 'owner')).toHaveLength(1);
      expect(results.filter((result) => result === 'NAME_TAKEN')).toHaveLength(racers.length - 1);
      const owner = racers[results.indexOf('owner')] as Peer;
      await owner.kill();
      racers = racers.filter((peer) => peer !== owner);
    }
  });

  test.skipIf(!native)('a refused claim leaves nothing, and close frees the name', async () => {
    const directory = scratch();
    const owner = await open({ name: 'leader', exclusive: true, directory });
    const before = files(directory);
    const error = await refusal(open({ name: 'leader', exclusive: true, directory }), 'NAME_TAKEN');
    expect(error.where).toBeTruthy();
    expect(error.remedy).toBeTruthy();
    expect(files(directory)).toEqual(before);
    await owner.close();
    await open({ name: 'leader', exclusive: true, directory });
  });

  test('without native: NEEDS_NATIVE; everything else works, and peers are unverified', async () => {
    const directory = scratch();
    const peer = await Peer.start(WITHOUT_NATIVE);
    const failure = await peer.run(
      (context, options) =>
        context.open(options).then(
          () => undefined,
          ({ code, message }) => ({ code, message }),
        ),
      { name: 'leader', exclusive: true, directory },
    );
    expect(failure).toMatchObject({ code: 'NEEDS_NATIVE', message: expect.stringContaining('install @busbar/native') });
    await peer.run((context, options) => context.open(options), { name: 'plain', directory });
    const bus = await open({ directory });
    bus.serve('who', (_, { from }) => from.verified);
    expect(
      await peer.run(async ({ bus }) => {
        while (bus.peers.length === 0) await new Promise((resolve) => setImmediate(resolve));
        return [bus.peers[0]?.verified, await bus.request('who', 1)];
      }),
    ).toEqual([false, native]);
    expect(existsSync(path.join(directory, 'default', 'names'))).toBe(false);
  });
});
