import { expect } from 'vitest';
import type { Message } from '../../src/message.ts';
import type { PublishOptions } from '../../src/options.ts';
import { OUTCOMES, type Receipt } from '../../src/outcomes.ts';
import { Fabric } from './fabric.ts';
import { flow } from './flow.ts';
import { Mesh } from './mesh.ts';
import type { PairOptions, Participant } from './pair.ts';

/** Three buses, of which the first publishes what must be processed. */
export class Office {
  readonly mesh: Mesh;
  readonly fabric: Fabric;
  readonly a: Participant;
  readonly b: Participant;
  readonly c: Participant;

  private constructor(mesh: Mesh, fabric: Fabric) {
    this.mesh = mesh;
    this.fabric = fabric;
    [this.a, this.b, this.c] = mesh.members;
  }

  static async open(options: PairOptions = {}, fabric = new Fabric('red')): Promise<Office> {
    const limits = { deadlineMs: 60_000, ...options.limits };
    return new Office(await Mesh.create(3, fabric, { ...options, limits }), fabric);
  }

  /** Checks that every delivery has had one outcome. */
  async close(): Promise<void> {
    for (const { bus } of this.mesh.members) {
      const { counters } = bus;
      expect(OUTCOMES.reduce((sum, outcome) => sum + counters.outcomes[outcome], 0)).toBe(counters.targets);
    }
    await this.mesh.close();
  }

  /** A publish of `t`, and how it stands. */
  publish(value: unknown, options: PublishOptions = {}) {
    const state: { receipt?: Receipt; error?: { code: string; message: string } } = {};
    this.a.bus.publish('t', value, { reliability: 'acknowledged', ...options }).then(
      (receipt) => {
        state.receipt = receipt;
      },
      (error: { code: string; message: string }) => {
        state.error = error;
      },
    );
    return state;
  }

  /** Everything that is on its way arrives; the clock stands. */
  flow(): Promise<void> {
    return flow(this.fabric);
  }

  async pass(ms: number): Promise<void> {
    await this.mesh.clock.advance(ms);
    await this.flow();
  }
}

/** Messages that a subscription was given, with what ends the work on each. */
export function worker({ bus }: Participant, group?: string) {
  const seen: { readonly message: Message; readonly done: () => void; readonly fail: (error: unknown) => void }[] = [];
  const subscription = bus.subscribe(
    't',
    (message) => new Promise<void>((done, fail) => seen.push({ message, done, fail })),
    { group, concurrency: 100 },
  );
  return { seen, subscription, marks: () => seen.map(({ message }) => message.redelivered) };
}
