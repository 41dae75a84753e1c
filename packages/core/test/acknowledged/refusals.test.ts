import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { DeadLetter } from '../../src/acknowledged/dead-letters.ts';
import { KIND } from '../../src/contract/index.ts';
import { topic } from '../../src/contracts.ts';
import { NO_BYTES, ON_FULL } from '../../src/link/out-message.ts';
import { Office, worker } from '../support/acknowledging.ts';
import { type Participant, turn } from '../support/pair.ts';

let office: Office;
let a: Participant;
let b: Participant;
let c: Participant;
let letters: DeadLetter[];

async function start(limits = {}): Promise<void> {
  office = await Office.open({ limits });
  ({ a, b, c } = office);
  letters = [];
  a.bus.on('deadLetter', (letter) => letters.push(letter));
}

beforeEach(() => start());
afterEach(() => office.close());

/** b says about message `id`, which a has sent to it, what no bus would say. */
function say(kind: number, id: number, value: unknown): void {
  const { engine } = b;
  const link = engine.membership.member(a.engine.self.id)?.link;
  if (link === undefined) throw new Error('b does not know a');
  const entry = engine.interest.entry('t');
  const shipment = {
    payload: NO_BYTES,
    start: 0,
    size: 0,
    codec: 0,
    priority: 1,
    reliable: true,
    acknowledged: undefined,
    flow: entry.hash,
    keyed: false,
    headers: undefined,
    expiry: 0,
    via: undefined,
    onFull: ON_FULL.WAIT,
    lent: undefined,
    value: undefined,
    byReference: false,
  };
  engine.encoder.into(shipment, value, 'test');
  engine.outgoing.sendTo(link.outbound, link.outbound.topic('t', entry.hash), kind, id, shipment, undefined);
}

describe('a refusal by a peer that says what it likes', () => {
  test.each([
    ['a pause that is text', { reason: 'the handler refused it', retryIn: 'never' }],
    ['a negative pause', { retryIn: -5000 }],
    ['a pause without end', { retryIn: Number.POSITIVE_INFINITY }],
    ['a pause that is no number', { retryIn: Number.NaN }],
    ['a pause of years', { retryIn: 1e12 }],
    ['nothing', undefined],
    ['null', null],
    ['a list', [1, 2]],
    ['bytes that are no message', new Uint8Array([0xc1])],
  ])('%s: the usual pause', async (_, said) => {
    const { seen } = worker(b);
    await turn();
    const state = office.publish('x');
    await office.flow();
    say(KIND.NACK, seen[0].message.id, said);
    await office.flow();
    // What b has at work is known there; it says nothing of the second copy.
    const before = b.bus.counters.duplicates;
    await office.pass(99);
    expect(b.bus.counters.duplicates - before).toBe(0);
    await office.pass(1);
    expect(b.bus.counters.duplicates - before).toBe(1);
    seen[0].done();
    await office.flow();
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 2 });
  });

  test.each([
    [{ reason: 'the handler failed: disk full' }, 'the handler failed: disk full'],
    [{ reason: 'all your messages are mine' }, 'the handler refused it'],
    [{ reason: 'the handler failedly' }, 'the handler refused it'],
    [{ reason: 7 }, 'the handler refused it'],
  ])('%j is told as "%s"', async ({ reason }, told) => {
    const { seen } = worker(b);
    await turn();
    const state = office.publish('x', { maxDeliveries: 1 });
    await office.flow();
    say(KIND.NACK, seen[0].message.id, { reason });
    await office.flow();
    expect([state.error?.code, letters.map((letter) => letter.reason)]).toEqual(['DEAD_LETTERED', [told]]);
    seen[0].done();
  });

  test('about messages of others, or of nobody, changes nothing', async () => {
    const { seen } = worker(c);
    await turn();
    const state = office.publish('x', { maxDeliveries: 1 });
    await office.flow();
    say(KIND.NACK, seen[0].message.id, {});
    say(KIND.NACK, 999_999, {});
    say(KIND.RECEIPT, 0, new Uint8Array(new BigUint64Array([BigInt(seen[0].message.id), 999_999n]).buffer));
    say(KIND.RECEIPT, 0, new Uint8Array(5));
    await office.flow();
    expect([state, letters, a.errors]).toEqual([{}, [], []]);
    seen[0].done();
    await office.flow();
    expect(state.receipt?.deliveries).toMatchObject([{ peerName: 'c', outcome: 'processed' }]);
  });
});

describe('why it was not processed', () => {
  test('a message that its subscriber cannot read', async () => {
    b.bus.subscribe(topic('t', z.object({ n: z.number() })), () => {});
    await turn();
    office.publish({ n: 'x' }, { maxDeliveries: 1 });
    await office.flow();
    expect(letters.map(({ reason }) => reason)).toEqual([expect.stringMatching(/^it cannot be read: .+/)]);
  });

  test('a long story is cut: the sender keeps that of every attempt', async () => {
    b.bus.subscribe('t', () => {
      throw new Error('x'.repeat(100_000));
    });
    await turn();
    office.publish(1, { maxDeliveries: 1 });
    await office.flow();
    expect(letters[0].reason).toMatch(/^the handler failed: x{400}/);
    expect(letters[0].reason.length).toBeLessThan(1000);
  });

  test('what a codec or a limit does not let pass is refused all the same, without words', async () => {
    await office.close();
    await start({ maxMessageBytes: 40 });
    b.bus.subscribe('t', () => {
      throw new Error('a reason that takes more than forty bytes to tell');
    });
    await turn();
    office.publish(1, { maxDeliveries: 1 });
    await office.flow();
    expect(letters.map(({ reason }) => reason)).toEqual(['the handler refused it']);
  });
});

test('a hundred receipts of one turn pass any limit of a message', async () => {
  await office.close();
  await start({ maxMessageBytes: 100 });
  const { seen } = worker(b);
  await turn();
  const publisher = a.bus.publisher('t', { reliability: 'acknowledged' });
  for (let n = 0; n < 100; n++) publisher.send(n);
  await office.flow();
  for (const { done } of seen) done();
  await office.flow();
  expect(await publisher.flush()).toEqual({ delivered: 100, failed: [] });
});
