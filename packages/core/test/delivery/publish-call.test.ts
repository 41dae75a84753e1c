import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PeerInfo } from '../../src/contract/index.ts';
import { Deadlines } from '../../src/deadlines.ts';
import { PublishCall, type PublishCallHost } from '../../src/delivery/publish-call.ts';
import { OutMessage, type Target } from '../../src/link/out-message.ts';
import { OutTopic } from '../../src/link/out-topic.ts';
import { BUS_CLOSED, Counters, type Outcome, type ReasonText } from '../../src/outcomes.ts';
import { Diagnostics } from '../../src/stats/diagnostics.ts';
import { FailureTable } from '../../src/stats/failure-table.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Pair, turn } from '../support/pair.ts';

/** A peer whose messages end when the test says so. */
class Addressee implements Target {
  readonly peer: PeerInfo;
  readonly queuedBytes = 0;
  readonly counters = new Counters();
  readonly failures = new FailureTable();
  readonly diagnostics: Diagnostics;
  /** Reasons of the messages that were ended early. */
  readonly early: string[] = [];

  constructor(name: string) {
    this.peer = { id: name.repeat(16), name, pid: 1, uid: undefined, verified: false };
    this.diagnostics = new Diagnostics(this.peer, new VirtualClock());
  }

  submit(): void {}
  refuse(): void {}

  settleEarly(message: OutMessage, outcome: Outcome, reason: ReasonText): void {
    this.early.push(reason);
    message.end(this, outcome, reason);
  }
}

describe('one call', () => {
  let clock: VirtualClock;
  let controller: AbortController;
  let call: PublishCall;
  let target: Addressee;
  let ended: number;
  let host: PublishCallHost;

  beforeEach(() => {
    clock = new VirtualClock();
    controller = new AbortController();
    target = new Addressee('b');
    ended = 0;
    host = {
      deadlines: new Deadlines(clock),
      holdProcess: () => {},
      releaseProcess: () => {
        ended++;
      },
    };
    call = new PublishCall('t', host, controller.signal);
  });

  /** Opens `count` messages to the target, and submits the call. */
  function submit(count: number): OutMessage[] {
    const messages = Array.from({ length: count }, () => open(target));
    call.submitted(100);
    return messages;
  }

  function open(to: Target): OutMessage {
    const message = new OutMessage();
    message.target = to;
    message.topic = new OutTopic(1, 't', 0);
    message.settlement = call;
    call.opened(message);
    return message;
  }

  function end(message: OutMessage, outcome: Outcome, reason?: ReasonText): void {
    message.end(target, outcome, reason);
  }

  /** What is left of it elsewhere: listeners of the signal, an entry among the deadlines. */
  const traces = () => [getEventListeners(controller.signal, 'abort').length, call.lane === undefined ? 0 : 1];

  test('without targets resolves at once to an empty receipt', async () => {
    submit(0);
    expect(await call.promise).toEqual({ deliveries: [] });
    expect([ended, clock.pending, ...traces()]).toEqual([1, 0, 0, 0]);
  });

  test('settles with the last delivery, once, and leaves neither deadline nor listener', async () => {
    const [first, second] = submit(2);
    end(first, 'delivered');
    expect([ended, ...traces()]).toEqual([0, 1, 1]);
    end(second, 'delivered');
    expect([ended, ...traces()]).toEqual([1, 0, 0]);
    expect((await call.promise).deliveries).toHaveLength(2);
    end(second, 'expired', 'no credit');
    controller.abort();
    await clock.advance(1000);
    expect([ended, target.early]).toEqual([1, []]);
    expect((await call.promise).deliveries).toHaveLength(2);
  });

  test('settles no sooner than all messages are submitted', async () => {
    end(open(target), 'refused', 'too much queued');
    expect(ended).toBe(0);
    const last = open(target);
    end(last, 'delivered');
    expect(ended).toBe(0);
    call.submitted(100);
    expect([ended, clock.pending, ...traces()]).toEqual([1, 0, 0, 0]);
    expect((await call.promise).deliveries.map(({ outcome }) => outcome)).toEqual(['refused', 'delivered']);
  });

  test('resolves when some succeeded, with a line for each', async () => {
    const other = open(new Addressee('c'));
    const [first] = submit(1);
    first.carriedBy = 'red';
    end(first, 'delivered');
    end(other, 'peer-gone', 'the peer has left');
    expect(await call.promise).toEqual({
      deliveries: [
        { peer: 'b'.repeat(16), peerName: 'b', via: 'red', outcome: 'delivered' },
        { peer: 'c'.repeat(16), peerName: 'c', via: undefined, outcome: 'peer-gone', reason: 'the peer has left' },
      ],
    });
  });

  test.each<[string, Outcome, ReasonText]>([
    ['DEADLINE_EXCEEDED', 'expired', 'the deadline passed'],
    ['NO_ROUTE', 'refused', 'no route'],
    ['BACK_PRESSURED', 'dropped', 'no credit'],
    ['CLOSED', 'dropped', BUS_CLOSED],
    ['PEER_GONE', 'peer-gone', 'the peer has died'],
  ])('rejects with %s when all ended as %s: %s', async (code, outcome, reason) => {
    for (const message of submit(2)) end(message, outcome, reason);
    const line = { peer: target.peer.id, peerName: 'b', via: undefined, outcome, reason };
    await expect(call.promise).rejects.toMatchObject({
      code,
      where: 'publish t',
      what: `none of 2 deliveries succeeded: ${reason}`,
      outcome: code === 'PEER_GONE' ? 'not-sent' : undefined,
      data: { deliveries: [line, line] },
    });
    expect([ended, ...traces()]).toEqual([1, 0, 0]);
  });

  test.each([
    ['not-sent', [0, 0]],
    ['unknown', [0, 7]],
    ['unknown', [7, 0]],
  ])('PEER_GONE says %s after sequences %j', async (outcome, sequences) => {
    submit(2).forEach((message, i) => {
      message.sequence = sequences[i];
      end(message, 'peer-gone', 'the peer has died');
    });
    await expect(call.promise).rejects.toMatchObject({ code: 'PEER_GONE', outcome });
  });

  test('its deadline ends what is open, and only that', async () => {
    const [first] = submit(3);
    end(first, 'delivered');
    await clock.advance(99);
    expect([ended, target.early]).toEqual([0, []]);
    await clock.advance(1);
    expect([ended, target.early]).toEqual([1, ['the deadline passed', 'the deadline passed']]);
    const outcomes = (await call.promise).deliveries.map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['delivered', 'expired', 'expired']);
    expect(traces()).toEqual([0, 0]);
  });

  test('its deadline is DEADLINE_EXCEEDED, an abort ABORTED', async () => {
    submit(1);
    const late = expect(call.promise).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await clock.advance(100);
    await late;
    call = new PublishCall('t', host, controller.signal);
    submit(2);
    controller.abort();
    await expect(call.promise).rejects.toMatchObject({ code: 'ABORTED' });
    expect(traces()).toEqual([0, 0]);
    expect(target.early).toEqual(['the deadline passed', 'aborted by the caller', 'aborted by the caller']);
  });
});

describe('publish', () => {
  let pair: Pair;
  let red: Fabric;

  beforeEach(async () => {
    red = new Fabric('red');
    pair = await Pair.create([red], { limits: { topicCredit: 1000 } });
  });
  afterEach(() => pair.close());

  const publish = (options?: object) => pair.a.bus.publish('t', new Uint8Array(400), options);

  test.each([
    ['unknown', false],
    ['not-sent', true],
  ])('to a peer that leaves is PEER_GONE, %s', async (outcome, unreachable) => {
    pair.b.bus.subscribe('t', () => {});
    await turn();
    red.closed = unreachable;
    const gone = expect(publish()).rejects.toMatchObject({ code: 'PEER_GONE', outcome });
    await turn();
    await pair.b.bus.close();
    await gone;
  });

  test('resolves when one of two targets is gone', async () => {
    pair.a.bus.subscribe('t', () => {});
    pair.b.bus.subscribe('t', () => {});
    await turn();
    const published = publish();
    await turn();
    await pair.b.bus.close();
    const { deliveries } = await published;
    expect(deliveries.map(({ via, outcome }) => [via, outcome])).toEqual([
      ['local', 'delivered'],
      ['red', 'peer-gone'],
    ]);
  });

  test('best-effort without credit is BACK_PRESSURED', async () => {
    pair.a.bus.subscribe('t');
    await Promise.all([publish(), publish()]);
    await expect(publish({ reliability: 'best-effort' })).rejects.toMatchObject({ code: 'BACK_PRESSURED' });
  });

  test.each(['aborted', 'expired'])('one %s while it waits for credit is never sent', async (how) => {
    const messages = pair.b.bus.subscribe('t')[Symbol.asyncIterator]();
    await turn();
    const sent = [publish(), publish()];
    const controller = new AbortController();
    const rejected = expect(publish({ deadline: 50, signal: controller.signal })).rejects.toMatchObject({
      code: how === 'aborted' ? 'ABORTED' : 'DEADLINE_EXCEEDED',
      data: { deliveries: [{ via: undefined, outcome: 'expired' }] },
    });
    await flow(red);
    if (how === 'aborted') controller.abort();
    else await pair.clock.advance(50);
    await rejected;
    await Promise.all(sent);
    for (let i = 0; i < 2; i++) await messages.next();
    await flow(red);
    expect(pair.b.engine.counters.received).toBe(2);
  });

  test('what waits when the bus closes is CLOSED', async () => {
    pair.b.bus.subscribe('t', () => {});
    await turn();
    red.closed = true;
    const closed = expect(publish()).rejects.toMatchObject({ code: 'CLOSED' });
    await Promise.all([pair.a.bus.close({ timeout: 5 }), pair.clock.advance(10)]);
    await closed;
  });
});
