import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Pair, type Participant, turn } from '../support/pair.ts';

let pair: Pair;
let red: Fabric;
/** Asks. */
let a: Participant;
/** Serves, and closes the service while its handlers run. */
let b: Participant;

beforeEach(async () => {
  red = new Fabric('red');
  pair = await Pair.create([red]);
  ({ a, b } = pair);
});
afterEach(() => pair.close());

/** A service whose last handler answers, and hears of being given up, when the test says so. */
function serve() {
  const last: { answer(value: unknown): void; signal: AbortSignal } = {
    answer() {},
    signal: new AbortController().signal,
  };
  const service = b.bus.serve('work', (_, { signal }) => {
    last.signal = signal;
    return new Promise((resolve) => {
      last.answer = resolve;
    });
  });
  return { service, last };
}

test.each<[string, () => Promise<unknown>]>([
  ['deadline of the asker', () => pair.clock.advance(50)],
  ['end of the asker', () => Promise.all([a.bus.close({ timeout: 1 }), pair.clock.advance(1)])],
])('its handlers hear the %s', async (_, giveUp) => {
  const { service, last } = serve();
  await turn();
  const given = expect(a.bus.request('work', 1, { deadline: 50 })).rejects.toThrow();
  await flow(red);
  service.close();
  expect([last.signal.aborted, b.engine.ownServices.unretired.size]).toEqual([false, 1]);
  await giveUp();
  await given;
  await flow(red);
  expect([last.signal.aborted, b.engine.ownServices.unretired.size]).toEqual([true, 0]);
});

test.each(['own', 'other'])('its handlers hear the abort of an asker on the %s bus', async (whose) => {
  const { service, last } = serve();
  await turn();
  const controller = new AbortController();
  const asker = whose === 'own' ? b : a;
  const given = expect(asker.bus.request('work', 1, { signal: controller.signal })).rejects.toMatchObject({
    code: 'ABORTED',
  });
  await flow(red);
  service.close();
  controller.abort();
  await given;
  await flow(red);
  expect([last.signal.aborted, b.engine.ownServices.unretired.size]).toEqual([true, 0]);
});

test('the bus that closes waits for its handlers, as for those of an open one', async () => {
  const { service, last } = serve();
  await turn();
  const asked = a.bus.request('work', 1);
  await flow(red);
  service.close();
  const closed = vi.fn();
  const closing = b.bus.close().then(closed);
  await flow(red);
  expect(closed).not.toHaveBeenCalled();
  last.answer('done');
  await flow(red);
  expect(await asked).toBe('done');
  await pair.clock.advance(10);
  await closing;
});

test('is forgotten with its last answer; its name is free at once', async () => {
  const first = serve();
  await turn();
  const requests = [a.bus.request('work', 1)];
  await flow(red);
  first.service.close();
  const second = serve();
  await flow(red);
  requests.push(a.bus.request('work', 2));
  await flow(red);
  expect([first.service.active, second.service.active, b.engine.ownServices.unretired.size]).toEqual([1, 1, 2]);
  first.last.answer('first');
  await flow(red);
  expect([...b.engine.ownServices.unretired]).toEqual([second.service]);
  second.last.answer('second');
  await flow(red);
  expect(await Promise.all(requests)).toEqual(['first', 'second']);
  second.service.close();
  expect(b.engine.ownServices.unretired.size).toBe(0);
});
