import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message } from '../../src/message.ts';
import { OUTCOMES } from '../../src/outcomes.ts';
import type { Subscription } from '../../src/subscription.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Mesh } from '../support/mesh.ts';
import { type Participant, turn } from '../support/pair.ts';

/**
 * One sender, a group of members that come, work, leave and die, on a medium that moves when a step says so. Whatever
 * happens: each message has one outcome; what was delivered to a member that lives was worked on once, by that member,
 * and nothing by two; of one order key the work begins in the order it was published. No work begins on what is too old.
 */
const KEYS = 4;
const MEMBERS = 4;

type Step =
  | { readonly do: 'publish'; readonly key: number; readonly bytes: number; readonly ttl: number | null }
  | { readonly do: 'join' | 'leave' | 'die'; readonly member: number }
  | { readonly do: 'finish' | 'move'; readonly count: number }
  | { readonly do: 'wait'; readonly ms: number };

const anyMember = fc.nat(MEMBERS - 1);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      key: fc.nat(KEYS),
      bytes: fc.integer({ min: 8, max: 300 }),
      ttl: fc.option(fc.integer({ min: 1, max: 100 }), { freq: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), member: anyMember }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'die' as const), member: anyMember }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('finish' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('move' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 }) }) },
);

interface Sent {
  readonly key: number;
  /** When it is too old. */
  readonly until: number;
  outcome: string;
  /** Who is said to have it. */
  peer: string;
  /** Who began to work on it. */
  readonly workers: string[];
}

class World {
  readonly fabric = new Fabric('red');
  readonly sent: Sent[] = [];
  readonly dead = new Set<string>();
  /** Numbers by order key, as work on them began. */
  readonly begun: number[][] = Array.from({ length: KEYS + 1 }, () => []);
  readonly #subscriptions = new Map<Participant, Subscription[]>();
  readonly #running: (() => void)[] = [];
  mesh!: Mesh;

  async start(): Promise<void> {
    this.mesh = await Mesh.create(MEMBERS, this.fabric, { limits: { topicCredit: 1024, deadlineMs: 2 ** 30 } });
  }

  async step(step: Step): Promise<void> {
    const one = 'member' in step ? this.mesh.members[step.member] : this.mesh.members[0];
    if (this.dead.has(one.engine.self.id)) return;
    const own = this.#subscriptions.get(one) ?? [];
    this.#subscriptions.set(one, own);
    if (step.do === 'publish') this.#publish(step.key, step.bytes, step.ttl ?? undefined);
    else if (step.do === 'wait') await this.mesh.clock.advance(step.ms);
    else if (step.do === 'join') {
      own.push(
        one.bus.subscribe('t', (message) => this.#work(one, message), { group: 'g', concurrency: 1 + own.length }),
      );
      await turn();
    } else if (step.do === 'die') {
      // The sender stays.
      if (one === this.mesh.members[0]) return;
      this.dead.add(one.engine.self.id);
      await this.mesh.kill(one);
    } else if (step.do === 'leave') own.pop()?.close();
    else if (step.do === 'finish') this.#running.splice(0, step.count).map((finish) => finish());
    else if (step.do === 'move') {
      for (const lane of this.fabric.lanes) lane.deliver(step.count);
      await turn();
    }
  }

  #publish(key: number, bytes: number, ttl: number | undefined): void {
    const payload = new Uint8Array(bytes);
    new DataView(payload.buffer).setUint32(0, this.sent.length);
    const until = this.mesh.clock.now() + (ttl ?? Number.POSITIVE_INFINITY);
    const record: Sent = { key, until, outcome: 'open', peer: '', workers: [] };
    this.sent.push(record);
    const orderKey = key === KEYS ? undefined : `key-${key}`;
    const settled = (outcome: string, peer = ''): void => {
      expect(record.outcome).toBe('open');
      Object.assign(record, { outcome, peer });
    };
    this.mesh.members[0].bus.publish('t', payload, { orderKey, ttl }).then(
      ({ deliveries }) => settled(deliveries[0]?.outcome ?? 'unrouted', deliveries[0]?.peer),
      ({ data }) => settled(data.deliveries[0].outcome),
    );
  }

  #work(one: Participant, { data }: Message): Promise<void> | undefined {
    const { id } = one.engine.self;
    // What the dead do is nobody's.
    if (this.dead.has(id)) return undefined;
    const number = new DataView((data as Uint8Array).slice().buffer).getUint32(0);
    expect(this.mesh.clock.now()).toBeLessThan(this.sent[number].until);
    this.sent[number].workers.push(id);
    this.begun[this.sent[number].key].push(number);
    if (number % 3 === 0) return undefined;
    return new Promise((resolve) => this.#running.push(resolve));
  }

  /** All members that live work off what there is. */
  async finish(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      await flow(this.fabric);
      const running = this.#running.splice(0);
      quiet = running.length > 0 ? 0 : quiet + 1;
      for (const finish of running) finish();
    }
  }
}

async function expectPromisesKept(world: World, hasLeft: boolean): Promise<void> {
  await world.finish();
  const { counters } = world.mesh.members[0].bus;
  expect(OUTCOMES.reduce((sum, outcome) => sum + counters.outcomes[outcome], 0)).toBe(counters.targets);
  const sum = (counter: 'unclaimed' | 'expired'): number =>
    world.mesh.members.reduce((all, { bus }) => all + bus.counters[counter], 0);
  let missing = 0;
  for (const { outcome, peer, workers } of world.sent) {
    expect(outcome).not.toBe('open');
    expect(workers.length).toBeLessThanOrEqual(1);
    if (outcome === 'expired') expect(workers).toEqual([]);
    if (outcome !== 'delivered' || world.dead.has(peer)) continue;
    if (workers.length === 0) missing++;
    else expect(workers).toEqual([peer]);
  }
  expect(missing).toBeLessThanOrEqual(sum('unclaimed') + sum('expired'));
  if (!hasLeft) {
    expect(sum('unclaimed')).toBe(0);
    for (const numbers of world.begun.slice(0, KEYS)) expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
  }
}

test('each message to one living member, keys in order, one outcome each', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { minLength: 5, maxLength: 120, size: 'max' }),
      fc.boolean(),
      async (steps, mayLeave) => {
        const world = new World();
        await world.start();
        try {
          for (const member of [1, 2]) await world.step({ do: 'join', member });
          for (const step of steps) if (mayLeave || step.do !== 'leave') await world.step(step);
          await expectPromisesKept(world, mayLeave);
        } finally {
          await world.mesh.close();
        }
      },
    ),
    { numRuns: 60 },
  );
});
