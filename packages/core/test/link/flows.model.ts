import { afterEach, expect, test, vi } from 'vitest';
import { PRIORITIES, type Priority } from '../../src/contract/index.ts';
import { flowHash } from '../../src/interest/topic-entry.ts';
import type { Message } from '../../src/message.ts';
import type { Policy } from '../../src/selector/policy.ts';
import { Fabric, type Lane } from '../support/fabric.ts';
import { Pair, type Participant, turn } from '../support/pair.ts';
import { Random } from '../support/random.ts';

/**
 * Two buses over two or three media that delay, jam, break with or without what they carried, and refuse connections,
 * by seed; the third also loses frames. Whatever happens: each reliable message is delivered exactly once and in the
 * order of its flow, best-effort is never reordered or duplicated, every delivery has one outcome, and all credit comes
 * back. Messages with a deadline arrive once or not at all, and once when they are said to be delivered.
 */
const SEEDS = 150;
const ACTIONS = 250;
const TOPIC_CREDIT = 8192;
const LINK_CREDIT = 32_768;
/** Payload bytes: small ones travel on red, large ones on blue, the largest in fragments. */
const SIZES = [8, 8, 40, 150, 300, 1000, 3000, 7000];

const bySize: Policy = {
  name: 'small on red, large on blue',
  borders: [60, 200],
  prefer: ({ bytes }) => ({
    prefer: bytes <= 60 ? ['green', 'red', 'blue'] : bytes <= 200 ? ['red', 'blue'] : ['blue', 'red'],
    reason: 'by size',
  }),
};

/** Order keys whose flows are all the same one: the streams of a crowded world share it. */
function crowdedKey(topic: string, random: Random): string {
  for (;;) {
    const key = `key-${random.below(10_000)}`;
    if (flowHash(topic, key) === 7) return key;
  }
}

interface Sent {
  readonly reliable: boolean;
  readonly hasDeadline: boolean;
  outcome: string;
}

/** One publisher's stream of one flow: what it sent, what became of it, what arrived. */
interface Stream {
  readonly from: Participant;
  readonly topic: string;
  readonly orderKey: string;
  readonly priority: Priority;
  readonly sent: Sent[];
  readonly arrived: number[];
}

class World {
  readonly random: Random;
  readonly red: Fabric;
  readonly blue: Fabric;
  /** Loses frames; only lossy worlds have it. */
  readonly green: Fabric;
  readonly #fabrics: Fabric[];
  readonly #crowded: boolean;
  readonly streams: Stream[] = [];
  readonly #handlers: (() => void)[] = [];
  pair!: Pair;
  open = 0;

  constructor(seed: number, lossy: boolean) {
    this.random = new Random(seed);
    this.red = new Fabric('red', { confirms: this.random.chance(0.5) ? 'copied' : 'none' });
    this.blue = new Fabric('blue');
    this.green = new Fabric('green', { lossless: false });
    this.#fabrics = lossy ? [this.green, this.red, this.blue] : [this.red, this.blue];
    this.#crowded = this.random.chance(0.3);
  }

  async start(): Promise<void> {
    const limits = { topicCredit: TOPIC_CREDIT, linkCredit: LINK_CREDIT, deadlineMs: 2 ** 30 };
    this.pair = await Pair.create(this.#fabrics, { limits, policy: bySize });
    const { a, b } = this.pair;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ]) {
      const name = from.engine.self.name;
      to.bus.subscribe(`${name}.>`, (message) => this.#arrived(message));
      for (let i = 0; i < 6; i++) {
        const topic = `${name}.${this.random.below(3)}`;
        this.streams.push({
          from,
          topic,
          orderKey: this.#crowded ? crowdedKey(topic, this.random) : `key-${i}`,
          priority: this.#crowded ? 'normal' : this.random.pick(PRIORITIES),
          sent: [],
          arrived: [],
        });
      }
    }
    await turn();
  }

  #arrived(message: Message): Promise<void> | undefined {
    const words = new Uint32Array((message.data as Uint8Array).slice(0, 8).buffer);
    this.streams[words[0]].arrived.push(words[1]);
    if (this.random.chance(0.7)) return undefined;
    return new Promise((resolve) => this.#handlers.push(resolve));
  }

  publish(stream: Stream, bytes: number, reliable: boolean, deadline?: number): void {
    const payload = new Uint8Array(bytes);
    new Uint32Array(payload.buffer, 0, 2).set([this.streams.indexOf(stream), stream.sent.length]);
    const record = { reliable, hasDeadline: deadline !== undefined, outcome: 'open' };
    stream.sent.push(record);
    this.open++;
    const { topic, orderKey, priority } = stream;
    const reliability = reliable ? 'reliable' : 'best-effort';
    stream.from.bus.publish(topic, payload, { orderKey, priority, reliability, ...(deadline && { deadline }) }).then(
      ({ deliveries }) => this.#settled(record, deliveries.map(({ outcome }) => outcome).join()),
      (error) => this.#settled(record, error.code),
    );
  }

  #settled(record: { outcome: string }, outcome: string): void {
    expect(record.outcome).toBe('open');
    record.outcome = outcome;
    this.open--;
  }

  get lanes(): Lane[] {
    return this.#fabrics.flatMap(({ lanes }) => [...lanes]);
  }

  async act(): Promise<void> {
    const { random, lanes } = this;
    const lane = lanes.length > 0 ? random.pick(lanes) : undefined;
    const dice = random.below(100);
    if (dice < 40) {
      for (let i = random.below(8); i >= 0; i--)
        this.publish(
          random.pick(this.streams),
          random.pick(SIZES),
          random.chance(0.75),
          random.chance(0.1) ? 1 + random.below(80) : undefined,
        );
    } else if (dice < 75) lane?.deliver(1 + random.below(6));
    else if (dice < 84) this.finishHandlers(1 + random.below(4));
    else if (dice < 88) await this.pair.clock.advance(random.below(60));
    else if (dice < 91 && lane !== undefined) lane.jammed = true;
    else if (dice < 94) lane?.unjam();
    else if (dice < 97) lane?.break(random.chance(0.5));
    else if (dice < 98 && lane !== undefined) lane.breaksAtCommit = true;
    else random.pick(this.#fabrics).closed = random.chance(0.5);
    for (const lossy of this.green.lanes) if (random.chance(0.1)) lossy.lose();
    if (random.chance(0.6)) await turn();
  }

  finishHandlers(count: number): void {
    for (const finish of this.#handlers.splice(0, count)) finish();
  }

  /** No more faults: everything that can happen happens. */
  async settle(): Promise<void> {
    for (const fabric of this.#fabrics) fabric.closed = false;
    for (let quiet = 0, rounds = 0; quiet < 4 && rounds < 2000; rounds++) {
      const flying = this.lanes.some((lane) => lane.flying > 0);
      quiet = this.open === 0 && !flying && this.#handlers.length === 0 ? quiet + 1 : 0;
      for (const lane of this.lanes) {
        lane.breaksAtCommit = false;
        lane.unjam();
        lane.deliver(100);
      }
      this.finishHandlers(100);
      await this.pair.clock.advance(50);
      await turn();
    }
  }

  check(): void {
    const { a, b } = this.pair;
    expect([...a.errors, ...b.errors]).toEqual([]);
    for (const { sent, arrived, topic, orderKey } of this.streams) {
      const where = `${topic} ${orderKey}`;
      expect(arrived, `order of ${where}`).toEqual([...new Set(arrived)].sort((x, y) => x - y));
      const due = sent.flatMap(({ reliable, outcome }, i) => (reliable && outcome === 'delivered' ? [i] : []));
      expect(
        arrived.filter((i) => sent[i].reliable && sent[i].outcome === 'delivered'),
        `reliable of ${where}`,
      ).toEqual(due);
      for (const { reliable, hasDeadline, outcome } of sent) {
        const possible = ['delivered'];
        if (!reliable) possible.push('BACK_PRESSURED');
        if (hasDeadline) possible.push('DEADLINE_EXCEEDED');
        expect(possible, where).toContain(outcome);
      }
    }
    for (const { engine } of [a, b]) {
      const { targets, outcomes } = engine.counters;
      expect(Object.values(outcomes).reduce((sum, n) => sum + n)).toBe(targets);
      expect(engine.local.queued).toBe(0);
    }
    for (const from of [a, b]) {
      const { outbound } = this.pair.link(from);
      expect([outbound.queued, outbound.queuedBytes]).toEqual([0, 0]);
    }
  }
}

afterEach(() => {
  vi.restoreAllMocks();
});

async function run(seed: number, lossy: boolean): Promise<void> {
  const world = new World(seed, lossy);
  // Only the jitter of retries uses it.
  vi.spyOn(Math, 'random').mockImplementation(world.random.next);
  await world.start();
  for (let i = 0; i < ACTIONS; i++) await world.act();
  await world.settle();
  world.check();
  // All credit is back: a message that needs a whole window passes at once on every flow.
  for (const stream of world.streams) {
    world.publish(stream, TOPIC_CREDIT - 64, true);
    await world.settle();
  }
  world.check();
  await world.pair.close();
}

test.each([
  ['delay, jam and break', false],
  ['also lose frames', true],
])('flows keep their promises over media that %s', async (_, lossy) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await run(seed, lossy);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
});
