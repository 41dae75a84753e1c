import { once } from 'node:events';
import type { BusError, ServerAnswer } from '@busbar/core';
import { describe, expect, test } from 'vitest';
import { expectBalanced, open, Peer, refusal, scratch, until } from './harness.ts';

/** A peer that serves `work`: `quick` answers at once, `stuck` when told; it tells when it begins and when its signal fires. */
async function server(directory: string, name: string, pace: 'quick' | 'stuck'): Promise<Peer> {
  const peer = await Peer.open({ name, directory });
  await peer.run(async ({ bus, kept }, pace) => {
    kept.begun = 0;
    kept.aborted = 0;
    const service = bus.serve('work', (input, { signal }) => {
      kept.begun++;
      const answer = `${bus.self.name} ${String(input)}`;
      if (pace === 'quick') return answer;
      signal.addEventListener('abort', () => kept.aborted++);
      return new Promise((resolve) => {
        kept.answer = () => resolve(answer);
      });
    });
    await service.ready;
  }, pace);
  return peer;
}

const begun = (peer: Peer): Promise<number> => peer.run(({ kept }) => kept.begun as number);
const aborted = (peer: Peer): Promise<number> => peer.run(({ kept }) => kept.aborted as number);
const shown = ({ from, value, error }: ServerAnswer): string => `${from.name}: ${error?.code ?? String(value)}`;

describe('requestMany over uds', () => {
  test('every process that serves the call answers, this one too, and is named', async () => {
    const directory = scratch();
    const bus = await open({ name: 'asker', directory });
    bus.serve('work', (input) => `asker ${String(input)}`);
    const peers = [await server(directory, 'one', 'quick'), await server(directory, 'two', 'quick')];
    for (let round = 0; round < 50; round++) {
      const items: ServerAnswer[] = [];
      for await (const item of bus.requestMany('work', round)) items.push(item);
      const expected = ['asker', 'one', 'two'].map((name) => `${name}: ${name} ${round}`);
      expect(items.map(shown).sort()).toEqual(expected);
      const pids = items.map(({ from }) => from.pid).sort((x, y) => x - y);
      expect(pids).toEqual([process.pid, ...peers.map(({ pid }) => pid)].sort((x, y) => x - y));
    }
    expectBalanced(bus.counters);
  });

  test('nobody there is NO_RESPONDERS at once', async () => {
    const bus = await open({ directory: scratch() });
    await refusal(() => bus.requestMany('work', 1), 'NO_RESPONDERS');
  });

  test('one that is killed meanwhile is PEER_GONE, the others go on', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    await server(directory, 'quick', 'quick');
    const [dying, late] = [await server(directory, 'dying', 'stuck'), await server(directory, 'late', 'stuck')];
    const items: string[] = [];
    const errors: BusError[] = [];
    const reading = (async () => {
      for await (const item of bus.requestMany('work', 1, { deadline: 3_600_000 })) {
        items.push(shown(item));
        if (item.error !== undefined) errors.push(item.error);
      }
    })();
    await until(async () => (await begun(dying)) + (await begun(late)) + items.length === 3);
    await dying.kill();
    await until(() => items.length === 2);
    expect(items).toEqual(['quick: quick 1', 'dying: PEER_GONE']);
    expect(errors[0]?.outcome).toBe('unknown');
    await late.run(({ kept }) => kept.answer());
    await reading;
    expect(items.slice(2)).toEqual(['late: late 1']);
    expectBalanced(bus.counters);
  });

  test('who has not answered by the deadline is DEADLINE_EXCEEDED, and told to stop', async () => {
    const directory = scratch();
    const bus = await open({ name: 'asker', directory });
    bus.serve('work', () => 'here');
    const late = await server(directory, 'late', 'stuck');
    const items: string[] = [];
    for await (const item of bus.requestMany('work', 1, { deadline: 200 })) items.push(shown(item));
    expect(items).toEqual(['asker: here', 'late: DEADLINE_EXCEEDED']);
    await until(async () => (await begun(late)) === (await aborted(late)));
    expectBalanced(bus.counters);
  });

  test.each(['break', 'max', 'abort'] as const)('%s fires the signals of handlers that are at work', async (how) => {
    const directory = scratch();
    const bus = await open({ directory });
    const stuck = [await server(directory, 'one', 'stuck'), await server(directory, 'two', 'stuck')];
    const told = await server(directory, 'told', 'stuck');
    const controller = new AbortController();
    const options = how === 'max' ? { max: 1 } : how === 'abort' ? { signal: controller.signal } : {};
    const loop = (async () => {
      for await (const item of bus.requestMany('work', 1, options)) {
        expect(shown(item)).toBe('told: told 1');
        if (how === 'break') break;
        if (how === 'abort') controller.abort();
      }
    })();
    // It may be over before the peer says that it has answered.
    const over = how === 'abort' ? refusal(loop, 'ABORTED') : loop;
    await until(async () => (await Promise.all([...stuck, told].map(begun))).every((count) => count === 1));
    await told.run(({ kept }) => kept.answer());
    await over;
    await until(async () => (await Promise.all(stuck.map(aborted))).every((count) => count === 1));
    expectBalanced(bus.counters);
  });

  test('a script that has its answers exits by itself, with the rest of them cancelled', async () => {
    const directory = scratch();
    const stuck = await server(directory, 'stuck', 'stuck');
    await server(directory, 'quick', 'quick');
    const asker = await Peer.open({ directory });
    const exit = once(asker.process, 'exit');
    const values = await asker.run(async ({ bus }) => {
      const given: unknown[] = [];
      for await (const { value } of bus.requestMany('work', 1, { max: 1 })) given.push(value);
      return given;
    });
    expect(values).toEqual(['quick 1']);
    await asker.run(() => {
      process.removeAllListeners('disconnect');
      setImmediate(() => process.disconnect());
    });
    expect(await exit).toEqual([0, null]);
    await until(async () => (await begun(stuck)) === (await aborted(stuck)));
  });
});
