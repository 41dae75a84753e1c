import { collectFrames } from '@busbar/conformance/control';
import { BACK_PRESSURED, CLOSED, OK, type Sender, TOO_LARGE } from '@busbar/core/contract';
import { openBell } from '@busbar/native';
import { describe, expect, test } from 'vitest';
import { CAPABILITIES } from '../src/capabilities.ts';
import { closed, descriptors, fill, frameOf, mappedRings, openPair, readable, send } from './pairs.ts';

describe('frames', () => {
  test('of all sizes arrive as they were written, around the end of the ring, too', async () => {
    const { sender, receiver } = await openPair();
    const { frames, until } = collectFrames(receiver);
    const sizes = [0, 1, 7, 8, 9, 100, 256, 257, 4096, 65_504, CAPABILITIES.maxFrameLength - 32, 3];
    const sent = Array.from({ length: 5 }, () => sizes)
      .flat()
      .map((bytes, index) => frameOf(index, bytes));
    for (const frame of sent) {
      while (send(sender, frame) !== OK) await new Promise<void>((resolve) => sender.onWritable(resolve));
    }
    await until(sent.length);
    for (const [index, frame] of frames.entries()) expect(Buffer.compare(frame, sent[index])).toBe(0);
    expect(sender.tryClaim(CAPABILITIES.maxFrameLength + 1)).toBe(TOO_LARGE);
  });

  test('a shortened commit and an abort leave no trace', async () => {
    const { sender, receiver } = await openPair();
    const { frames, until } = collectFrames(receiver);
    sender.tryClaim(5000);
    sender.frame.u8.fill(0xff, sender.offset, sender.offset + 5000);
    sender.frame.u8.set(frameOf(1, 1), sender.offset);
    sender.commit(33);
    sender.tryClaim(100);
    sender.abort();
    send(sender, frameOf(2, 2));
    await until(2);
    expect(frames).toEqual([frameOf(1, 1), frameOf(2, 2)]);
  });

  test('of a burst: the first is seen at once, small ones by sixteen, a large one with all before it, the rest when flushed', async () => {
    const { sender, receiver } = await openPair();
    const commit = (bytes: number): void => {
      sender.tryClaim(bytes);
      sender.commit();
    };
    const rung = readable(receiver);
    const seen = (): number => receiver.poll(() => 0, 100);
    commit(32);
    await rung;
    expect(seen()).toBe(1);
    for (let i = 0; i < 15; i++) commit(32);
    expect(seen()).toBe(0);
    commit(32);
    expect(seen()).toBe(16);
    commit(32);
    expect(seen()).toBe(0);
    commit(4096);
    expect(seen()).toBe(2);
    commit(32);
    sender.flush();
    expect(seen()).toBe(1);
    commit(32);
    expect(seen()).toBe(1);
  });

  test('a sender knows whether its receiver looks or sleeps; closed, nobody looks', async () => {
    const { sender, receiver } = await openPair();
    expect(receiver.prepareToSleep()).toBe(true);
    expect(sender.awake).toBe(false);
    const rung = readable(receiver);
    send(sender, frameOf(1, 8));
    await rung;
    expect(sender.awake).toBe(true);
    // It was about to sleep, and found something.
    expect(receiver.prepareToSleep()).toBe(false);
    expect(sender.awake).toBe(true);
    expect(receiver.poll(() => 0, 10)).toBe(1);
    expect(receiver.prepareToSleep()).toBe(true);
    expect(sender.awake).toBe(false);
    await sender.close();
    expect(sender.awake).toBe(false);
  });

  test('are copied: what the sender writes later changes nothing', async () => {
    const { sender, receiver } = await openPair();
    const rung = readable(receiver);
    send(sender, frameOf(1, 64));
    await rung;
    let checked = false;
    receiver.poll((frame, offset, length) => {
      sender.frame.u8.fill(0xee, 4096 + 8, 4096 + 8 + length);
      expect(frame.u8.slice(offset, offset + length)).toEqual(frameOf(1, 64));
      checked = true;
      return 0;
    }, 10);
    expect(checked).toBe(true);
  });

  test('a handler that polls gets nothing twice', async () => {
    const { sender, receiver } = await openPair();
    const rung = readable(receiver);
    for (let i = 0; i < 3; i++) send(sender, frameOf(i, 8));
    await rung;
    const lengths: number[] = [];
    const handler = (_frame: unknown, _offset: number, length: number): 0 => {
      lengths.push(length);
      expect(receiver.poll(handler, 10)).toBe(0);
      return 0;
    };
    expect(receiver.poll(handler, 10)).toBe(3);
    expect(lengths).toEqual([40, 40, 40]);
  });
});

describe('waiting', () => {
  test('a full ring refuses; room returns, once, when half of it is free; what was read is confirmed', async () => {
    const { sender, receiver } = await openPair();
    const rung = readable(receiver);
    const count = fill(sender, 1000);
    await rung;
    expect(sender.tryClaim(1032)).toBe(BACK_PRESSURED);
    let rooms = 0;
    const room = new Promise<void>((resolve) =>
      sender.onWritable(() => {
        rooms++;
        resolve();
      }),
    );
    receiver.poll(() => 0, 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect([rooms, sender.confirmed('copied'), sender.confirmed('stored')]).toEqual([0, 1, 0]);
    while (receiver.poll(() => 0, 100) > 0);
    await room;
    expect(rooms).toBe(1);
    expect(sender.confirmed('copied')).toBe(count);
    expect(sender.writableBytes).toBeGreaterThanOrEqual(CAPABILITIES.maxFrameLength);
  });

  test('who waits for room and for confirmation is told of each in its time', async () => {
    const { sender, receiver } = await openPair();
    const rung = readable(receiver);
    fill(sender, 1000);
    await rung;
    let room = false;
    const roomy = new Promise<void>((resolve) => {
      sender.onWritable(() => {
        room = true;
        resolve();
      });
    });
    for (let i = 1; i <= 3; i++) {
      const confirmed = new Promise<void>((resolve) => sender.onConfirmed(resolve));
      receiver.poll(() => 0, 1);
      await confirmed;
      expect([sender.confirmed('copied'), room]).toEqual([i, false]);
    }
    while (receiver.poll(() => 0, 100) > 0) {}
    await roomy;
  });

  test('a burst that fills the ring is seen whole, flushed or not', async () => {
    const { sender, receiver } = await openPair();
    let count = 0;
    for (; sender.tryClaim(1000) === OK; count++) sender.commit();
    const { until, frames } = collectFrames(receiver);
    await until(count);
    expect(frames).toHaveLength(count);
  });

  test('a sender whose own inbox is polled hears of progress without a bell', async () => {
    const { one, sender, receiver } = await openPair();
    const inbox = await one.transport.listen();
    inbox.poll(() => 0, 1);
    const rung = readable(receiver);
    send(sender, frameOf(1, 8));
    await rung;
    let confirmed = false;
    sender.onConfirmed(() => {
      confirmed = true;
    });
    // No wish is announced, so the receiver cannot ring.
    expect(sender.frame.i32[384 >> 2]).toBe(0);
    receiver.poll(() => 0, 1);
    expect(confirmed).toBe(false);
    inbox.poll(() => 0, 1);
    expect(confirmed).toBe(true);
  });

  test('a sender that waits keeps its own inbox from falling asleep on news, and is woken later', async () => {
    const { one, sender, receiver } = await openPair();
    const inbox = await one.transport.listen();
    inbox.poll(() => 0, 1);
    const rung = readable(receiver);
    send(sender, frameOf(1, 8));
    await rung;
    const confirmed = new Promise<void>((resolve) => sender.onConfirmed(resolve));
    receiver.poll(() => 0, 1);
    expect(inbox.prepareToSleep()).toBe(false);
    inbox.poll(() => 0, 1);
    await confirmed;
    send(sender, frameOf(2, 8));
    const again = new Promise<void>((resolve) => sender.onConfirmed(resolve));
    expect(inbox.prepareToSleep()).toBe(true);
    receiver.poll(() => 0, 1);
    await again;
  });

  test.each([
    [5, 'sleep by themselves, all but a few', false],
    [1, 'are polled on: so few cost less than a doorbell', true],
  ])('%i quiet rings beside a busy one %s', async (quiet, _, polled) => {
    const { one, two, sender, receiver } = await openPair();
    const connect = (): Promise<Sender> => one.transport.connect(receiver.address, two.self);
    const others = await Promise.all(Array.from({ length: quiet - 1 }, connect));
    const busy = await connect();
    const lengths: number[] = [];
    const take = (_frame: unknown, _offset: number, length: number): 0 => {
      lengths.push(length);
      return 0;
    };
    const rung = readable(receiver);
    for (const one of [sender, ...others]) send(one, frameOf(1, 8));
    await rung;
    for (let i = 0; i < 200; i++) {
      send(busy, frameOf(i, 16));
      await new Promise((resolve) => setImmediate(resolve));
      receiver.poll(take, 10);
    }
    const woken = readable(receiver);
    for (const one of [sender, ...others]) send(one, frameOf(2, 24));
    if (!polled) await woken;
    receiver.poll(take, 10);
    expect(lengths.filter((length) => length !== 48)).toEqual([...Array(quiet).fill(40), ...Array(quiet).fill(56)]);
  });

  test('a wake-up that comes late, for what is read, costs no later one', async () => {
    let doorbell = -1;
    const { sender, receiver } = await openPair((_, message) => {
      const { op, bell } = message as { op: string; bell: number };
      if (op === 'ring') doorbell = bell;
      return true;
    });
    const bell = openBell(process.pid, doorbell);
    const late = readable(receiver);
    // As the sender does that finds its receiver asleep, having read the frame by itself before.
    sender.frame.i32[256 >> 2] = 0;
    bell.ring();
    await late;
    const rung = readable(receiver);
    send(sender, frameOf(1, 8));
    await rung;
    expect(receiver.poll(() => 0, 10)).toBe(1);
    bell.close();
  });

  test('a wake-up for a sender that waits for something else now costs no later one', async () => {
    let doorbell = -1;
    const { one, sender, receiver } = await openPair((_, message) => {
      const { op, bell } = message as { op: string; bell: number };
      if (op === 'open') doorbell = bell;
      return true;
    });
    const bell = openBell(process.pid, doorbell);
    const rung = readable(receiver);
    send(sender, frameOf(1, 8));
    await rung;
    const confirmed = new Promise<void>((resolve) => sender.onConfirmed(resolve));
    sender.frame.i32[384 >> 2] = 0;
    const late = readable(await one.transport.listen());
    bell.ring();
    await late;
    receiver.poll(() => 0, 10);
    await confirmed;
    bell.close();
  });
});

describe('ends', () => {
  test('an orderly close: everything committed arrives, and both sides let go', async () => {
    const { sender, receiver } = await openPair();
    const before = mappedRings();
    const count = fill(sender, 1000);
    await sender.close();
    expect(mappedRings()).toBe(before - 1);
    const { until } = collectFrames(receiver);
    await until(count);
    await new Promise((resolve) => setImmediate(resolve));
    expect(mappedRings()).toBe(before - 2);
    expect(sender.tryClaim(32)).toBe(CLOSED);
    expect(sender.writableBytes).toBe(0);
  });

  test('the sender learns that the inbox closed', async () => {
    const { sender, receiver } = await openPair();
    const told = closed(sender);
    await receiver.close();
    expect(await told).toMatchObject({ code: 'PEER_GONE', outcome: 'unknown' });
    expect(sender.tryClaim(32)).toBe(CLOSED);
  });

  test('a lost link: the sender is told, and what had been committed is read before the ring goes', async () => {
    const { one, two, sender, receiver } = await openPair();
    const told = closed(sender);
    for (let i = 0; i < 10; i++) send(sender, frameOf(i, 8));
    one.control.lose(two.self.id, true);
    expect(await told).toMatchObject({ code: 'PEER_GONE' });
    const before = mappedRings();
    receiver.drain(one.self);
    let handed = 0;
    for (let polls = 0; polls < 3; polls++) handed += receiver.poll(() => 0, 100);
    expect(handed).toBe(10);
    expect(mappedRings()).toBe(before - 1);
  });

  test('close ends everything, twice, and leaves neither memory nor descriptor', async () => {
    const before = descriptors();
    const rings = mappedRings();
    const { one, two, sender, receiver } = await openPair();
    await Promise.all([one.transport.close(), two.transport.close(), one.transport.close()]);
    await new Promise((resolve) => setImmediate(resolve));
    expect([descriptors(), mappedRings()]).toEqual([before, rings]);
    expect(sender.tryClaim(32)).toBe(CLOSED);
    expect(receiver.poll(() => 0, 1)).toBe(0);
    await expect(one.transport.connect(receiver.address, two.self)).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(two.transport.listen()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('a connect under way when its transport closes, its peer is lost or its signal aborts is settled', async () => {
    let answers = true;
    const { one, two, receiver } = await openPair((from) => from === 'one' || answers);
    answers = false;
    const connect = (signal?: AbortSignal) => one.transport.connect(receiver.address, two.self, signal);
    const abort = new AbortController();
    const aborted = expect(connect(abort.signal)).rejects.toMatchObject({ code: 'ABORTED' });
    abort.abort();
    await aborted;
    await expect(connect(AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
    const lost = expect(connect()).rejects.toMatchObject({ code: 'PEER_GONE', outcome: 'not-sent' });
    one.control.lose(two.self.id, true);
    await lost;
    await expect(connect()).rejects.toMatchObject({ code: 'PEER_GONE', outcome: 'not-sent' });
    one.control.link(two.self);
    const cut = expect(connect()).rejects.toMatchObject({ code: 'CLOSED' });
    await one.transport.close();
    await cut;
  });

  test('a ring that comes too late is given back', async () => {
    let late = false;
    const { one, two, receiver } = await openPair(() => true);
    const before = mappedRings();
    const abort = new AbortController();
    const connect = one.transport.connect(receiver.address, two.self, abort.signal);
    abort.abort();
    await connect.catch(() => {
      late = true;
    });
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    expect([late, mappedRings()]).toEqual([true, before]);
  });
});
