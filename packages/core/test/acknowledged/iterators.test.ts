import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Message } from '../../src/message.ts';
import { Office } from '../support/acknowledging.ts';
import { type Participant, turn } from '../support/pair.ts';

let office: Office;
let a: Participant;
let b: Participant;

beforeEach(async () => {
  office = await Office.open();
  ({ a, b } = office);
});
afterEach(() => office.close());

async function nextOf(reader: AsyncIterator<Message>): Promise<Message> {
  const { value } = await reader.next();
  return value as Message;
}

describe('an iterator of acknowledged messages', () => {
  test('speaks for its own reader: what another one works on is not processed by that', async () => {
    const subscription = b.bus.subscribe('t');
    const [one, two] = [subscription[Symbol.asyncIterator](), subscription[Symbol.asyncIterator]()];
    await turn();
    const states = [1, 2, 3].map((n) => office.publish(n));
    await office.flow();
    expect([(await nextOf(one)).data, (await nextOf(two)).data, (await nextOf(two)).data]).toEqual([1, 2, 3]);
    await office.flow();
    expect(states.map(({ receipt }) => receipt?.deliveries[0].outcome)).toEqual([undefined, 'processed', undefined]);
    void one.next();
    await office.flow();
    expect(states[0].receipt?.deliveries[0].outcome).toBe('processed');
    subscription.close();
    await office.flow();
    // It is tried once more, after a pause.
    await office.pass(1000);
    await office.flow();
    expect(states[2].error?.code).toBe('DEAD_LETTERED');
  });

  test('that waits gets each message as it comes; two that wait get one each', async () => {
    const subscription = b.bus.subscribe('t');
    const [one, two] = [subscription[Symbol.asyncIterator](), subscription[Symbol.asyncIterator]()];
    await turn();
    const waiting = [nextOf(one), nextOf(two)];
    const states = [office.publish(1), office.publish(2)];
    await office.flow();
    expect((await Promise.all(waiting)).map(({ data }) => data)).toEqual([1, 2]);
    await office.flow();
    expect(states).toEqual([{}, {}]);
    void one.next();
    void two.next();
    await office.flow();
    expect(states.map(({ receipt }) => receipt?.deliveries[0].outcome)).toEqual(['processed', 'processed']);
  });

  test('may say so itself: then leaving the loop changes nothing, and neither does a refusal', async () => {
    const subscription = b.bus.subscribe('t');
    await turn();
    const [one, two] = [office.publish(1), office.publish(2, { maxDeliveries: 1 })];
    await office.flow();
    for await (const message of subscription) {
      if (message.data === 1) message.ack();
      else {
        message.nack({ reason: 'no' });
        break;
      }
    }
    await office.flow();
    expect(one.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 1 });
    expect(two.error?.message).toContain('the handler refused it: no');
  });
});

describe('a subscription that is closed', () => {
  test('has nothing more to do with what it has read: another one’s credit stays with that', async () => {
    const [one, two] = [b.bus.subscribe('t'), b.bus.subscribe('t')];
    await turn();
    const bytes = new Uint8Array(200_000);
    for (let n = 0; n < 2; n++) office.publish(bytes, { reliability: 'reliable' });
    await office.flow();
    await one[Symbol.asyncIterator]().next();
    one.close();
    await office.flow();
    expect(two.queued).toBe(1);
    await two[Symbol.asyncIterator]().next();
    await office.flow();
    expect(two.queued).toBe(1);
    two.close();
  });

  test('by its own handler: this message is processed, those behind it are not', async () => {
    const subscription = b.bus.subscribe('t', async () => {
      await turn();
      subscription.close();
    });
    await turn();
    const states = [office.publish(1), office.publish(2)];
    await office.flow();
    expect(states[0].receipt?.deliveries[0]).toMatchObject({ outcome: 'processed' });
    expect(states[1].error?.message).toContain('the subscription was closed');
    expect(a.bus.deadLetters.list()).toMatchObject([{ data: 2, path: [{ reason: 'the subscription was closed' }] }]);
  });
});
