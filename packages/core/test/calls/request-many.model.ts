import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ServerAnswer } from '../../src/calls/many-answers.ts';
import { OUTCOMES } from '../../src/outcomes.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Mesh } from '../support/mesh.ts';
import { type Participant, turn } from '../support/pair.ts';

/**
 * One asker and servers that answer, throw, die or say nothing, in any order, on a medium that moves when a step says
 * so. However it ends: each server gives one item at most, the right one; who gives none was told to stop; without an
 * end of the asker's own, each gives one.
 */
const SERVERS = 5;
const DEADLINE_MS = 1000;

type Fate = 'answers' | 'throws' | 'dies' | 'is silent';
type End = { readonly by: 'all' | 'leaving' | 'abort' } | { readonly by: 'max' | 'quiet'; readonly value: number };

const anyFate = fc.constantFrom<Fate>('answers', 'throws', 'dies', 'is silent');
const anyEnd: fc.Arbitrary<End> = fc.oneof(
  fc.record({ by: fc.constantFrom('all' as const, 'leaving' as const, 'abort' as const) }),
  fc.record({ by: fc.constant('max' as const), value: fc.integer({ min: 1, max: SERVERS }) }),
  fc.record({ by: fc.constant('quiet' as const), value: fc.integer({ min: 1, max: 50 }) }),
);
/** Whose fate comes next, how many frames move before it, how much time passes after it. */
const anyMoment = fc.record({ server: fc.nat(SERVERS - 1), frames: fc.nat(8), ms: fc.nat(60) });

const CODES: Record<Fate, string> = {
  answers: 'value',
  throws: 'REMOTE_ERROR',
  dies: 'PEER_GONE',
  'is silent': 'DEADLINE_EXCEEDED',
};

class Server {
  readonly participant: Participant;
  readonly fate: Fate;
  signal: AbortSignal | undefined;
  dead = false;
  #due = false;
  #settle: (() => void) | undefined;

  constructor(participant: Participant, fate: Fate) {
    this.participant = participant;
    this.fate = fate;
    participant.bus.serve('work', (_, { signal }) => {
      this.signal = signal;
      return new Promise((resolve, reject) => {
        this.#settle = () => (fate === 'answers' ? resolve(participant.bus.self.id) : reject(new Error('as fated')));
        if (this.#due) this.#settle();
      });
    });
  }

  async meetFate(mesh: Mesh): Promise<void> {
    if (this.fate === 'dies') {
      if (!this.dead) await mesh.kill(this.participant);
      this.dead = true;
    } else if (this.fate !== 'is silent') {
      this.#due = true;
      this.#settle?.();
      await turn();
    }
  }
}

test('each server gives one item, or was told to stop', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyFate, { minLength: SERVERS, maxLength: SERVERS }),
      fc.array(anyMoment, { maxLength: 12 }),
      anyEnd,
      async (fates, moments, end) => {
        const fabric = new Fabric('red');
        const mesh = await Mesh.create(SERVERS, fabric);
        try {
          const [asker] = mesh.members;
          // The asker serves, too; it stays.
          const servers = mesh.members.map(
            (one, i) => new Server(one, i === 0 && fates[i] === 'dies' ? 'is silent' : fates[i]),
          );
          await turn();
          const controller = new AbortController();
          const answers = asker.bus.requestMany<number, string>('work', 1, {
            deadline: DEADLINE_MS,
            signal: controller.signal,
            ...(end.by === 'max' ? { max: end.value } : end.by === 'quiet' ? { quiet: end.value } : {}),
          });
          const items: ServerAnswer<string>[] = [];
          const reading = (async () => {
            for await (const item of answers) items.push(item);
          })();
          const ended = reading.then(
            () => 'done',
            ({ code }) => code as string,
          );
          for (const { server, frames, ms } of moments) {
            for (const lane of fabric.lanes) lane.deliver(frames);
            await turn();
            await servers[server].meetFate(mesh);
            await mesh.clock.advance(ms);
          }
          if (end.by === 'leaving') await answers.return();
          if (end.by === 'abort') controller.abort();
          await flow(fabric);
          for (const server of servers) await server.meetFate(mesh);
          await flow(fabric);
          await mesh.clock.advance(DEADLINE_MS);
          const how = await ended;
          await flow(fabric);

          expect(how === 'done' || (how === 'ABORTED' && end.by === 'abort')).toBe(true);
          expect(new Set(items.map(({ from }) => from.id)).size).toBe(items.length);
          for (const { participant, fate, signal, dead } of servers) {
            const { id } = participant.bus.self;
            const item = items.find(({ from }) => from.id === id);
            if (item !== undefined) {
              expect([CODES[fate], 'DEADLINE_EXCEEDED']).toContain(item.error?.code ?? 'value');
              expect(item.value ?? id).toBe(id);
            } else
              expect([end.by === 'all', dead || fate !== 'is silent' || (signal?.aborted ?? true)]).toEqual([
                false,
                true,
              ]);
          }
          const values = items.filter(({ error }) => error === undefined).length;
          if (end.by === 'max') expect(values).toBeLessThanOrEqual(end.value);
          if (end.by === 'all' || (end.by === 'max' && values < end.value)) expect(items).toHaveLength(SERVERS);
          const { counters, requests } = asker.engine;
          expect([requests.pending, requests.askers.size]).toEqual([0, 0]);
          expect(OUTCOMES.reduce((sum, outcome) => sum + counters.outcomes[outcome], 0)).toBe(counters.targets);
        } finally {
          await mesh.close();
        }
      },
    ),
    { numRuns: 150 },
  );
});
