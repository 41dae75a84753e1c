import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Answers } from '../../src/calls/many-answers.ts';
import type { RequestContext } from '../../src/calls/running.ts';
import type { RequestManyOptions } from '../../src/options.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Desk, nothingPending, type Read, read } from '../support/many.ts';
import { Mesh } from '../support/mesh.ts';
import { type Participant, turn } from '../support/pair.ts';

let red: Fabric;
let mesh: Mesh;
/** Asks. */
let a: Participant;
let b: Participant;
let c: Participant;

beforeEach(async () => {
  red = new Fabric('red');
  mesh = await Mesh.create(3, red);
  [a, b, c] = mesh.members;
});
afterEach(async () => {
  await mesh.close();
  expect(a.engine.requests.askers.size).toBe(0);
});

async function ask(options?: RequestManyOptions): Promise<Read> {
  const result = read(a.bus.requestMany('work', 1, options));
  await flow(red);
  return result;
}

describe('it ends before all have answered', () => {
  test('by `max` values: the rest is told to stop', async () => {
    a.bus.serve('work', () => {
      throw new Error('does not count');
    });
    const desks = [new Desk(red, b), new Desk(red, c)];
    await turn();
    const result = await ask({ max: 1 });
    expect(result).toEqual({ items: ['a: REMOTE_ERROR'], end: undefined });
    await desks[1].answer('C');
    expect(result).toEqual({ items: ['a: REMOTE_ERROR', 'c: C'], end: 'done' });
    expect(desks.map(({ aborted }) => aborted)).toEqual([[true], [false]]);
    nothingPending(a);
    await desks[0].answer('nobody’s');
    expect(result.items).toHaveLength(2);
  });

  test('when it was `quiet` for so long after a value; before the first, the deadline alone counts', async () => {
    a.bus.serve('work', () => {
      throw new Error('does not count');
    });
    const desks = [new Desk(red, b), new Desk(red, c)];
    await turn();
    const result = await ask({ quiet: 20, deadline: 1000 });
    await mesh.clock.advance(100);
    expect(result.end).toBe(undefined);
    await desks[0].answer('B');
    await mesh.clock.advance(19);
    expect(result.end).toBe(undefined);
    await mesh.clock.advance(1);
    expect(result).toEqual({ items: ['a: REMOTE_ERROR', 'b: B'], end: 'done' });
    await flow(red);
    expect(desks.map(({ aborted }) => aborted)).toEqual([[false], [true]]);
    nothingPending(a);
  });

  test('and each value begins the quiet time anew', async () => {
    const desks = [new Desk(red, a), new Desk(red, b), new Desk(red, c)];
    await turn();
    const result = await ask({ quiet: 20 });
    for (const [i, desk] of desks.entries()) {
      await desk.answer(i);
      await mesh.clock.advance(15);
    }
    expect(result).toEqual({ items: ['a: 0', 'b: 1', 'c: 2'], end: 'done' });
    expect(desks.flatMap(({ aborted }) => aborted)).toEqual([false, false, false]);
  });

  test.each<[string, (answers: Answers) => unknown]>([
    ['leaving the loop', () => 'break'],
    ['return()', (answers) => answers.return()],
    ['disposing', (answers) => answers[Symbol.asyncDispose]()],
  ])('by %s: open requests are told to stop', async (_, leave) => {
    b.bus.serve('work', () => 'B');
    const desk = new Desk(red, c);
    await turn();
    const answers = a.bus.requestMany('work', 1);
    const loop = (async () => {
      for await (const { value } of answers) {
        expect(value).toBe('B');
        if (leave(answers) === 'break') break;
      }
    })();
    await flow(red);
    await loop;
    expect(desk.aborted).toEqual([true]);
    nothingPending(a);
    expect(await answers.next()).toEqual({ done: true, value: undefined });
  });

  test('by return() while somebody waits for the next', async () => {
    const desk = new Desk(red, b);
    await turn();
    const answers = a.bus.requestMany('work', 1);
    const next = answers.next();
    await flow(red);
    await answers.return();
    expect(await next).toEqual({ done: true, value: undefined });
    await flow(red);
    expect(desk.aborted).toEqual([true]);
  });

  test('takes back what was not sent', async () => {
    const desk = new Desk(red, b);
    await turn();
    red.closed = true;
    const answers = a.bus.requestMany('work', 1);
    await turn();
    await answers.return();
    nothingPending(a);
    red.closed = false;
    for (let i = 0; i < 20; i++) {
      await mesh.clock.advance(50);
      await flow(red);
    }
    expect([desk.asked, a.engine.counters.outcomes.expired]).toEqual([[], 1]);
  });
});

describe('the iterator throws', () => {
  test('ABORTED when the signal fires, with what was not read discarded; all are told to stop', async () => {
    b.bus.serve('work', () => 'B');
    const desk = new Desk(red, c);
    await turn();
    const controller = new AbortController();
    const answers = a.bus.requestMany('work', 1, { signal: controller.signal });
    await flow(red);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    const reason = new Error('changed my mind');
    controller.abort(reason);
    await expect(answers.next()).rejects.toMatchObject({ code: 'ABORTED', where: 'requestMany work', cause: reason });
    expect(await answers.next()).toEqual({ done: true, value: undefined });
    await flow(red);
    expect(desk.aborted).toEqual([true]);
    nothingPending(a);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test.each<[string, string, (controller: AbortController) => unknown]>([
    ['is given up', 'ABORTED', (controller) => controller.abort()],
    ['is too late', 'DEADLINE_EXCEEDED', () => mesh.clock.advance(50)],
  ])('when the request it is made for %s: %s', async (_, code, end) => {
    const desks = [new Desk(red, a), new Desk(red, c)];
    let result: Read | undefined;
    let context: RequestContext | undefined;
    a.bus.serve('outer', (_, within) => {
      context = within;
      result = read(a.bus.requestMany('work', 1, { within }));
      return new Promise(() => {});
    });
    const controller = new AbortController();
    await turn();
    const outer = b.bus.request('outer', 1, { deadline: 50, signal: controller.signal }).catch((error) => error.code);
    await flow(red);
    await end(controller);
    expect(await outer).toBe(code);
    await flow(red);
    expect(result).toEqual({ items: [], end: code });
    expect(desks.map(({ aborted }) => aborted)).toEqual([[true], [true]]);
    expect(getEventListeners(context?.signal as AbortSignal, 'abort')).toEqual([]);
    nothingPending(a);
  });

  test('CLOSED when the bus closes; the process is held until then and no longer', async () => {
    const holds = vi.spyOn(a.engine, 'holdProcess');
    const releases = vi.spyOn(a.engine, 'releaseProcess');
    const held = () => holds.mock.calls.length - releases.mock.calls.length;
    new Desk(red, b);
    new Desk(red, c);
    await turn();
    const result = await ask();
    expect(held()).toBe(1);
    await Promise.all([a.bus.close({ timeout: 5 }), mesh.clock.advance(5)]);
    expect(result).toEqual({ items: [], end: 'CLOSED' });
    expect([a.engine.requests.pending, held()]).toEqual([0, 0]);
    expect(() => a.bus.requestMany('work', 1)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});
