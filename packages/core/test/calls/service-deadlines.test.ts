import { describe, expect, test } from 'vitest';
import { turn } from '../support/pair.ts';
import { desk, serve } from '../support/service-desk.ts';

describe('a deadline', () => {
  test('that passes fires the signal, frees the place, and the answer is nobody’s', async () => {
    const { host, service, signals, begun, answer } = desk(1);
    host.ask(1, undefined, 50);
    host.ask(2);
    await host.clock.advance(49);
    expect([signals.get(1)?.aborted, begun]).toEqual([false, [1]]);
    await host.clock.advance(1);
    expect(signals.get(1)?.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED', where: 'call work' });
    expect([begun, service.active]).toEqual([[1, 2], 1]);
    await answer(1);
    await answer(2);
    expect(host.answers.map(({ id }) => id)).toEqual([2]);
  });

  test('that passes in the queue keeps the request from beginning; its credit goes back', async () => {
    const { host, service, begun, answer } = desk(1);
    host.ask(1);
    for (const id of [2, 3]) host.ask(id, undefined, 50);
    host.ask(4, undefined, 51);
    await host.clock.advance(50);
    await answer(1);
    expect([begun, service.active, service.queued, host.credit]).toEqual([[1, 4], 1, 0, 40]);
  });

  test('sets no timer for a handler that does not look, and none stays after the answer', async () => {
    const host = serve(() => 1);
    host.ask(1, undefined, 50);
    expect(host.clock.pending).toBe(0);
    const late: AbortSignal[] = [];
    const aborts: unknown[] = [];
    const other = serve((id, context) => {
      if (id === 1) context.signal.addEventListener('abort', (event) => aborts.push(event));
      setImmediate(() => late.push(context.signal));
      return 1;
    });
    for (const id of [1, 2]) other.ask(id, undefined, 50);
    await turn();
    await other.clock.advance(100);
    expect([aborts, late.map(({ aborted }) => aborted)]).toEqual([[], [false, false]]);
  });

  test('counts down on the clock of the bus, and stops at 0', async () => {
    const left: number[] = [];
    const host = serve(async (_, context) => {
      for (const ms of [20, 40]) {
        left.push(context.deadline);
        await host.clock.advance(ms);
      }
      left.push(context.deadline);
    });
    host.ask(1, undefined, 50);
    for (let i = 0; i < 3; i++) await turn();
    expect(left).toEqual([50, 30, 0]);
    const open = serve((_, { deadline }) => String(deadline));
    open.ask(1);
    expect(open.answers[0].value).toBe('Infinity');
  });
});
