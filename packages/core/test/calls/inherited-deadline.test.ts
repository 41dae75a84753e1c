import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RequestContext } from '../../src/calls/running.ts';
import type { BusError } from '../../src/contract/index.ts';
import type { RequestOptions } from '../../src/options.ts';
import { Fabric } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, type Participant, turn } from '../support/pair.ts';

let pair: Pair;
let red: Fabric;
/** Asks, and serves `deep`. */
let a: Participant;
/** Serves `work`. */
let b: Participant;

beforeEach(async () => {
  red = new Fabric('red', { preferredFragment: 128 });
  pair = await Pair.create([red], { limits: { topicCredit: 1000 } });
  ({ a, b } = pair);
});
afterEach(async () => {
  expect([...a.errors, ...b.errors]).toEqual([]);
  await pair.close();
});

/** Serves `name` with a handler that never ends; its contexts. */
function hanging(to: Participant, name: string, concurrency = 16): RequestContext[] {
  const contexts: RequestContext[] = [];
  const handler = (_: unknown, context: RequestContext) => {
    contexts.push(context);
    return new Promise(() => {});
  };
  to.bus.serve(name, handler, { concurrency });
  return contexts;
}

describe('a request', () => {
  test.each([
    ['in one frame', 1],
    ['in fragments', 1000],
  ])('%s brings its deadline: the handler sees what is left', async (_, bytes) => {
    const contexts = hanging(b, 'work');
    await turn();
    const late = expect(a.bus.request('work', new Uint8Array(bytes), { deadline: 50 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await turn();
    await pair.clock.advance(20);
    await flow(red);
    const [{ deadline, signal }] = contexts;
    expect([deadline, signal.aborted]).toEqual([30, false]);
    // By the server's own clock: no cancel has arrived.
    await pair.clock.advance(30);
    expect(signal.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await late;
    await flow(red);
  });

  test('without one has the default', async () => {
    const contexts = hanging(b, 'work');
    await turn();
    a.bus.request('work', 1).catch(() => {});
    await flow(red);
    expect(contexts[0].deadline).toBe(30_000);
  });

  test('that arrives too late is not begun, and its credit goes back', async () => {
    const contexts = hanging(b, 'work');
    await turn();
    const late = expect(a.bus.request('work', new Uint8Array(400), { deadline: 50 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await turn();
    await pair.clock.advance(50);
    await late;
    await flow(red);
    expect([contexts.length, b.engine.counters.expired, b.engine.counters.received]).toEqual([0, 1, 1]);
    const { inFlight, outstanding } = pair.link(a).outbound.topic('work', a.engine.interest.entry('work').hash);
    expect([inFlight, outstanding]).toEqual([0, 0]);
  });

  test('that waits too long for a handler is not begun, though no cancel came', async () => {
    const contexts = hanging(b, 'work', 1);
    await turn();
    const settled = [1, 2].map((n) => a.bus.request('work', n, { deadline: n * 50 }).catch(({ code }) => code));
    await flow(red);
    // Nothing of a arrives any more: b goes by its clock alone.
    laneOf(red, 'a').jammed = true;
    void contexts[0].signal;
    const third = a.bus.request('work', 3, { deadline: 200 }).catch(({ code }) => code);
    await pair.clock.advance(49);
    expect(contexts.length).toBe(1);
    const now = vi.spyOn(pair.clock, 'now').mockReturnValue(150);
    b.engine.ownServices.cancelled(pair.link(b), 1);
    now.mockRestore();
    expect([contexts.length, b.engine.counters.expired]).toEqual([1, 1]);
    await pair.clock.advance(200);
    expect(await Promise.all([...settled, third])).toEqual(new Array(3).fill('DEADLINE_EXCEEDED'));
  });

  test('that is found too late while it waits to be sent, the timer being later still, fails at once', async () => {
    const contexts = hanging(b, 'work');
    await turn();
    const first = a.bus.request('work', 1).catch(() => {});
    await flow(red);
    const lane = laneOf(red, 'a');
    lane.jammed = true;
    const late = expect(a.bus.request('work', 2, { deadline: 20 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await turn();
    const now = vi.spyOn(pair.clock, 'now').mockReturnValue(20);
    lane.unjam();
    now.mockRestore();
    await late;
    await flow(red);
    expect([contexts.length, a.engine.requests.pending]).toEqual([1, 1]);
    await pair.clock.advance(30_000);
    await first;
  });

  test('that expired before it could be sent fails then, and is not cancelled at the server', async () => {
    hanging(b, 'work');
    await turn();
    red.closed = true;
    const late = expect(a.bus.request('work', 1, { deadline: 20 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      where: 'request work to b',
    });
    await pair.clock.advance(20);
    await late;
    expect([a.engine.requests.pending, a.engine.counters.outcomes.expired]).toEqual([0, 1]);
  });
});

describe('a request within another', () => {
  /** b's `work` asks a's `deep` within its own request. */
  async function nested(options: RequestOptions, deadline = 100) {
    const deep = hanging(a, 'deep');
    const seen: { context?: RequestContext; error?: BusError } = {};
    b.bus.serve('work', async (_, context) => {
      seen.context = context;
      await pair.clock.advance(0);
      return b.bus.request('deep', 1, { ...options, within: context }).catch((error: BusError) => {
        seen.error = error;
        return error.code;
      });
    });
    await turn();
    const controller = new AbortController();
    const outer = a.bus.request('work', 1, { deadline, signal: controller.signal }).catch(({ code }) => code);
    await turn();
    await pair.clock.advance(30);
    await flow(red);
    return { deep, seen, outer, controller };
  }

  test.each([
    [undefined, 70],
    [500, 70],
    [20, 20],
  ])('with a deadline of %s has the lesser of that and what is left', async (deadline, left) => {
    const { deep, seen, outer } = await nested(deadline === undefined ? {} : { deadline });
    expect(deep[0].deadline).toBe(left);
    await pair.clock.advance(left);
    await flow(red);
    expect(seen.error).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect([deep[0].signal.aborted, b.engine.requests.pending]).toEqual([true, 0]);
    await pair.clock.advance(100);
    expect(await outer).toBe('DEADLINE_EXCEEDED');
    expect(getEventListeners(seen.context?.signal as AbortSignal, 'abort')).toEqual([]);
  });

  test('is given up with it, all the way down', async () => {
    const { deep, seen, outer, controller } = await nested({});
    const { signal } = deep[0];
    controller.abort();
    expect(await outer).toBe('ABORTED');
    await flow(red);
    expect(signal.reason).toMatchObject({ code: 'ABORTED', what: 'the asking side has given up' });
    expect(seen.error).toMatchObject({ code: 'ABORTED', what: 'the request it is made for was given up' });
    expect(seen.error?.cause).toBe(seen.context?.signal.reason);
  });

  test('has its own signal beside', async () => {
    const own = new AbortController();
    const { deep, seen, outer } = await nested({ signal: own.signal });
    const { signal } = deep[0];
    own.abort();
    await flow(red);
    expect([signal.aborted, seen.context?.signal.aborted]).toEqual([true, false]);
    expect(seen.error).toMatchObject({ code: 'ABORTED', what: 'aborted by the caller' });
    expect(await outer).toBe('ABORTED');
  });

  test.each<[string, (controller: AbortController) => unknown]>([
    ['DEADLINE_EXCEEDED', () => pair.clock.advance(100)],
    ['ABORTED', (controller) => controller.abort()],
  ])('that is over is %s, and is not sent', async (code, end) => {
    const contexts = hanging(b, 'work');
    await turn();
    const controller = new AbortController();
    a.bus.request('work', 1, { deadline: 100, signal: controller.signal }).catch(() => {});
    await flow(red);
    void contexts[0].signal;
    await end(controller);
    await flow(red);
    const { targets } = b.engine.counters;
    const refused = b.bus.request('deep', 1, { within: contexts[0] });
    await expect(refused).rejects.toMatchObject({ code, where: 'request deep' });
    expect(b.engine.counters.targets).toBe(targets);
  });

  test.each([null, {}, 5, { deadline: 5, signal: {} }, { deadline: '5', signal: new AbortController().signal }])(
    'that is %j is INVALID_OPTION',
    async (within) => {
      hanging(b, 'work');
      const refused = a.bus.request('work', 1, { within: within as never });
      await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION', where: 'request work' });
    },
  );
});

test('on the own bus a request has the same deadline', async () => {
  const contexts = hanging(a, 'self');
  const late = expect(a.bus.request('self', 1, { deadline: 50 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  await turn();
  const [{ deadline, signal }] = contexts;
  expect([deadline, signal.aborted]).toEqual([50, false]);
  await pair.clock.advance(50);
  await late;
  expect(signal.aborted).toBe(true);
});
