import { describe, expect, onTestFinished, test } from 'vitest';
import { allocateFrameBuffer, type FrameHandler, ReceiverBase } from '../../src/contract/index.ts';
import { Dispatcher } from '../../src/dispatcher/dispatcher.ts';
import { TurnEnd } from '../../src/link/turn-end.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { PLAIN } from '../support/candidates.ts';

/** A medium with frames of nobody: what the dispatcher does with it is seen in its calls. */
class Inbox extends ReceiverBase {
  readonly address = 'test:1';
  available = 0;
  polls = 0;
  sleeps = 0;
  largest = 0;
  onFrame = (): void => {};

  protected read(handler: FrameHandler, limit: number): number {
    this.polls++;
    const handed = Math.min(this.available, limit);
    this.available -= handed;
    this.largest = Math.max(this.largest, handed);
    const frame = allocateFrameBuffer(32);
    for (let i = 0; i < handed; i++) {
      this.onFrame();
      handler(frame, 0, 32, undefined);
    }
    return handed;
  }

  protected release(): void {}

  prepareToSleep(): boolean {
    this.sleeps++;
    return this.available === 0;
  }

  drain(): void {}

  ring(): void {
    this.becameReadable();
  }
}

function bench(wakeup: 'poll' | 'event') {
  const clock = new VirtualClock();
  const dispatcher = new Dispatcher(clock, new TurnEnd(), () => undefined, false);
  const inbox = new Inbox();
  dispatcher.add('test', inbox, { ...PLAIN, wakeup });
  return { clock, dispatcher, inbox };
}

const turn = () => new Promise(setImmediate);

describe('Dispatcher', () => {
  test('an event-driven medium is read when it calls, to its end', async () => {
    const { inbox } = bench('event');
    await turn();
    expect(inbox.polls).toBe(0);
    inbox.available = 300;
    inbox.ring();
    expect([inbox.available, inbox.frames]).toEqual([0, 300]);
  });

  test('a flood is read in bounded passes, the event loop has its turn between them', async () => {
    const { inbox } = bench('event');
    inbox.available = 10_000;
    inbox.ring();
    expect(inbox.frames).toBeLessThanOrEqual(2048);
    let turns = 0;
    while (inbox.available > 0) {
      await turn();
      turns++;
    }
    expect([inbox.frames, turns >= 4, inbox.largest <= 1024]).toEqual([10_000, true, true]);
  });

  test('a polled medium goes to sleep once the budget is used, and is polled again when it rings', async () => {
    const { clock, inbox } = bench('poll');
    await clock.advance(1);
    for (let i = 0; i < 5; i++) await turn();
    const asleep = inbox.polls;
    for (let i = 0; i < 5; i++) await turn();
    expect(inbox.polls).toBe(asleep);
    expect(inbox.sleeps).toBeGreaterThan(0);
    inbox.available = 1;
    inbox.ring();
    expect(inbox.frames).toBe(1);
  });

  test('after a long pause, a message earns polling again', async () => {
    const { clock, inbox } = bench('poll');
    await clock.advance(1);
    for (let i = 0; i < 3; i++) await turn();
    await clock.advance(5000);
    inbox.available = 1;
    inbox.ring();
    const before = inbox.polls;
    for (let i = 0; i < 5; i++) await turn();
    // The clock stands: the 50 us are not over.
    expect(inbox.polls - before).toBeGreaterThanOrEqual(4);
    await clock.advance(0.06);
    for (let i = 0; i < 3; i++) await turn();
    const parked = inbox.polls;
    for (let i = 0; i < 3; i++) await turn();
    expect(inbox.polls).toBe(parked);
  });

  test('a polled medium that has something when it should sleep is polled on', async () => {
    const { clock, inbox } = bench('poll');
    await clock.advance(1);
    for (let i = 0; i < 3; i++) await turn();
    inbox.available = 5000;
    inbox.ring();
    for (let i = 0; i < 20; i++) await turn();
    expect(inbox.frames).toBe(5000);
  });

  test('closed, it reads nothing more', async () => {
    const { dispatcher, inbox } = bench('event');
    dispatcher.close();
    inbox.available = 5;
    inbox.ring();
    await turn();
    expect(inbox.frames).toBe(0);
  });
});

/** A clock on which every look takes 10 us, so that a slice is ten of them. */
class PassingClock extends VirtualClock {
  #looks = 0;

  override now(): number {
    return ++this.#looks * 0.01;
  }
}

describe('a spinner', () => {
  function spinner(): { dispatcher: Dispatcher; inbox: Inbox; turnEnd: TurnEnd } {
    const turnEnd = new TurnEnd();
    const dispatcher = new Dispatcher(new PassingClock(), turnEnd, () => undefined, true);
    const inbox = new Inbox();
    dispatcher.add('test', inbox, { ...PLAIN, wakeup: 'poll' });
    onTestFinished(() => dispatcher.close());
    return { dispatcher, inbox, turnEnd };
  }

  test('polls many times in a turn, never sleeps, and lets the event loop have its turns', async () => {
    const { inbox } = spinner();
    for (let i = 0; i < 5; i++) await turn();
    expect(inbox.polls).toBeGreaterThan(5 * 50);
    expect(inbox.sleeps).toBe(0);
    inbox.available = 3000;
    await turn();
    await turn();
    expect([inbox.available, inbox.frames]).toEqual([0, 3000]);
  });

  test('ends its slice when a handler waits for a promise before more can be sent', async () => {
    const { inbox, turnEnd } = spinner();
    await turn();
    let sent = 0;
    inbox.available = 1;
    inbox.onFrame = () => {
      turnEnd.awaitContinuations();
      turnEnd.sendReceipts({ send: () => sent++ });
    };
    const before = inbox.polls;
    await turn();
    // A slice has ten looks at the clock, and eight polls before each.
    expect(inbox.polls - before).toBeLessThanOrEqual(8);
    expect(sent).toBe(1);
  });

  test('closed, it polls nothing more, and the process may end', async () => {
    const { dispatcher, inbox } = spinner();
    await turn();
    dispatcher.close();
    await turn();
    const polls = inbox.polls;
    await turn();
    expect(inbox.polls).toBe(polls);
  });

  test('one transport in the place of another: each turn has one slice, as before', async () => {
    const { dispatcher, inbox } = spinner();
    await turn();
    dispatcher.remove(inbox);
    const other = new Inbox();
    dispatcher.add('other', other, { ...PLAIN, wakeup: 'poll' });
    await turn();
    const before = other.polls;
    await turn();
    const inOneTurn = other.polls - before;
    expect(inOneTurn).toBeGreaterThan(0);
    // A slice has ten looks at the clock, and eight polls before each.
    expect(inOneTurn).toBeLessThanOrEqual(11 * 8);
  });

  test('event-driven media are read when they call', async () => {
    const { dispatcher } = spinner();
    const inbox = new Inbox();
    dispatcher.add('other', inbox, { ...PLAIN, wakeup: 'event' });
    inbox.available = 3000;
    inbox.ring();
    for (let i = 0; i < 10; i++) await turn();
    expect(inbox.frames).toBe(3000);
  });
});
