import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OK } from '../../src/contract/index.ts';
import { OUTCOMES } from '../../src/outcomes.ts';
import * as channels from '../../src/stats/channels.ts';
import { Fabric } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, type PairOptions, turn } from '../support/pair.ts';

const NAMES = Object.values(channels).map(({ name }) => String(name));
const documented = readFileSync(new URL('../../../../docs/diagnostics.md', import.meta.url), 'utf8');

interface Told {
  readonly channel: string;
  readonly notice: Record<string, unknown> & { readonly bus: { readonly name: string } };
}

let told: Told[];
let pair: Pair;
/** Pairs to be closed. */
const opened: Pair[] = [];
let red: Fabric;
const watchers: { name: string; listener: (notice: unknown, name: string | symbol) => void }[] = [];

function watch(name: string, listener: (notice: never, name: string) => void): void {
  watchers.push({ name, listener: listener as never });
  subscribe(name, listener as never);
}

function watchAll(): void {
  for (const name of NAMES) watch(name, (notice, channel) => told.push({ channel, notice }));
}

beforeEach(() => {
  told = [];
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  for (const { name, listener } of watchers.splice(0)) unsubscribe(name, listener);
});

async function start(options: PairOptions = {}): Promise<void> {
  red = new Fabric('red');
  pair = await Pair.create([red], options);
  opened.push(pair);
}

/** What `bus` has told of messages, in one word each. */
function wayOf(bus: string): string[] {
  return told
    .filter(({ notice }) => notice.bus.name === bus && 'topic' in notice)
    .map(({ channel, notice }) => {
      const detail = notice.waitsFor ?? notice.outcome ?? notice.via ?? notice.targets;
      return [channel.replace('busbar.', ''), notice.id, detail].join(' ');
    });
}

/** A link that is made, suspended and resumed; messages delivered, queued, replayed, expired; an end. */
async function eventful(): Promise<void> {
  await start({ limits: { topicCredit: 1000 } });
  const { a, b } = pair;
  b.bus.subscribe('t', () => {});
  b.bus.subscribe('slow', () => new Promise(() => {}));
  b.bus.serve('double', (n: number) => n * 2);
  a.bus.subscribe('t', () => {});
  await turn();
  a.bus.publish('t', 1).catch(() => {});
  const answer = a.bus.request('double', 4);
  await flow(red);
  expect(await answer).toBe(8);
  for (let i = 0; i < 3; i++) a.bus.publish('slow', new Uint8Array(400), { deadline: 50 }).catch(() => {});
  await turn();
  laneOf(red, 'a').break(true);
  await turn();
  await pair.clock.advance(100);
  await flow(red);
  pair.link(a).suspend();
  pair.link(a).resume(b.engine.self);
  await Promise.all([b.bus.close({ timeout: 1 }), pair.clock.advance(10)]);
  while (a.bus.peers.length > 0) await turn();
}

describe('documents and code', () => {
  /** First cells of the table with this head, from `start` on. */
  function fields(head: string, start = 0): string[] {
    const [table] = documented.slice(documented.indexOf(`| ${head} |`, start)).split('\n\n');
    return [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, field]) => field);
  }

  test('name the same channels', () => {
    const sections = [...documented.matchAll(/^### (busbar\.\w+)$/gm)].map(([, name]) => name);
    expect(sections.toSorted()).toEqual(NAMES.toSorted());
  });

  test('and the same fields, in every notice of an eventful life', async () => {
    watchAll();
    await eventful();
    for (const name of NAMES) {
      const own = fields('own field', documented.indexOf(`### ${name}\n`));
      const ofMessage = ['busbar.route', 'busbar.link'].includes(name) ? [] : fields('message field');
      const expected = [...fields('field'), ...ofMessage, ...own].sort();
      const found = told.filter(({ channel }) => channel === name);
      expect(found.length, name).toBeGreaterThan(0);
      for (const { notice } of found) expect(Object.keys(notice).sort(), name).toEqual(expected);
    }
  });
});

describe('the way of a message', () => {
  test('is told in order, at both ends, with one settlement a target', async () => {
    watchAll();
    await start();
    pair.b.bus.subscribe('t', () => {});
    pair.a.bus.subscribe('t', () => {});
    await turn();
    await Promise.all([pair.a.bus.publish('t', 'x'), flow(red)]);
    expect(wayOf('a')).toEqual([
      'publish 1 2',
      'queued 1 route',
      'received 1 local',
      'settled 1 delivered',
      'sent 1 red',
      'settled 1 delivered',
    ]);
    expect(wayOf('b')).toEqual(['received 1 red']);
    const [{ notice }] = told.filter(({ channel }) => channel === 'busbar.publish');
    expect(notice).toMatchObject({ bus: pair.a.engine.self, topic: 't', kind: 'event', bytes: 2, priority: 'normal' });
    expect(notice).not.toHaveProperty('data');
  });

  test('every target that was begun is settled once, whatever happened', async () => {
    watchAll();
    await eventful();
    const { counters } = pair.a.engine;
    const of = (channel: string) =>
      told.filter((one) => one.channel === channel && one.notice.bus.name === 'a').map(({ notice }) => notice);
    const targets = of('busbar.publish').reduce((sum, notice) => sum + (notice.targets as number), 0);
    expect(targets).toBe(counters.targets);
    for (const outcome of OUTCOMES) {
      const settled = of('busbar.settled').filter((notice) => notice.outcome === outcome);
      expect(settled.length, outcome).toBe(counters.outcomes[outcome]);
    }
    expect(of('busbar.queued').map(({ waitsFor }) => waitsFor)).toEqual(
      expect.arrayContaining(['credit', 'route', 'replay']),
    );
    expect(of('busbar.link').map(({ state }) => state)).toEqual(['connected', 'suspended', 'resumed', 'ended']);
    const [first, second, third] = of('busbar.route').map(({ state }) => state);
    expect([first, second, third]).toEqual(['connecting', 'up', 'down']);
  });
});

describe('watching changes nothing', () => {
  test('nobody watches: nothing is made', async () => {
    await eventful();
    watchAll();
    await turn();
    expect(told).toEqual([]);
  });

  test('the same life, watched and not watched, has the same counters and frames', async () => {
    const lives: unknown[] = [];
    for (const watched of [false, true]) {
      if (watched) watchAll();
      await start();
      pair.b.bus.subscribe('t', () => {});
      await turn();
      const publisher = pair.a.bus.publisher('t', { reliability: 'best-effort' });
      for (let i = 0; i < 200; i++) publisher.send(new Uint8Array(500));
      await flow(red);
      lives.push([pair.a, pair.b].map(({ bus }) => bus.stats()));
    }
    expect(lives[1]).toEqual(lives[0]);
    expect(told.length).toBeGreaterThan(200);
  });

  test('a subscriber that publishes, by the publisher it watches too, disturbs neither order nor outcome', async () => {
    await start();
    const received: number[] = [];
    pair.b.bus.subscribe('t', ({ data }) => received.push(data as number));
    await turn();
    const publisher = pair.a.bus.publisher('t');
    let own = 1000;
    for (const name of ['busbar.publish', 'busbar.sent', 'busbar.received', 'busbar.settled']) {
      watch(name, () => {
        if (own < 1200) expect(publisher.send(own++)).toBe(OK);
      });
    }
    for (let i = 0; i < 50; i++) publisher.send(i);
    await flow(red);
    // Each in the order it was sent, and nothing sent in the stead of another.
    const from = (start: number, count: number) => Array.from({ length: count }, (_, i) => start + i);
    expect(received.filter((n) => n < 1000)).toEqual(from(0, 50));
    expect(received.filter((n) => n >= 1000)).toEqual(from(1000, 200));
    const { counters } = pair.a.engine;
    expect([counters.targets, counters.outcomes.delivered]).toEqual([250, 250]);
  });

  test('a subscriber that publishes for ever leaves the event loop its turns', async () => {
    await start();
    pair.a.bus.subscribe('t', () => {});
    const publisher = pair.a.bus.publisher('t');
    let rounds = 0;
    watch('busbar.publish', () => {
      rounds++;
      publisher.send(rounds);
    });
    publisher.send(0);
    for (let i = 0; i < 10; i++) await turn();
    expect(rounds).toBeGreaterThan(10);
    expect(rounds).toBeLessThan(100);
  });

  test('a subscriber that throws is reported by Node, after the bus and the other subscribers have gone on', async () => {
    await start();
    const received: unknown[] = [];
    pair.b.bus.subscribe('t', ({ data }) => received.push(data));
    await turn();
    // The test runner's own would call the test failed.
    const others = process.rawListeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const uncaught = vi.fn();
    process.on('uncaughtException', uncaught);
    try {
      watch('busbar.publish', () => {
        throw new Error('in the subscriber');
      });
      watchAll();
      const [receipt] = await Promise.all([pair.a.bus.publish('t', 'x'), flow(red)]);
      expect(receipt.deliveries).toMatchObject([{ outcome: 'delivered' }]);
    } finally {
      process.off('uncaughtException', uncaught);
      for (const listener of others) process.on('uncaughtException', listener as () => void);
    }
    expect(uncaught.mock.calls).toMatchObject([[{ message: 'in the subscriber' }, 'uncaughtException']]);
    expect(received).toEqual(['x']);
    expect(wayOf('a')[0]).toBe('publish 1 1');
    expect(pair.a.errors).toEqual([]);
  });
});
