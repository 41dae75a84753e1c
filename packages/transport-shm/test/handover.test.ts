import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { collectFrames } from '@busbar/conformance/control';
import type { Lease, RegionProvider, Slab } from '@busbar/core/contract';
import {
  connectHandover,
  createDoorbell,
  createSharedMemory,
  type Handover,
  openHandoverPoint,
  type SharedMemory,
} from '@busbar/native';
import { ringBytes } from '@busbar/ring';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { RING_BYTES } from '../src/capabilities.ts';
import { encodeHandshake, type Handshake } from '../src/handshake.ts';
import { shm } from '../src/index.ts';
import { descriptors, type End, fill, frameOf, mappedRings, openEnds, openPair, type Pass, send } from './pairs.ts';

/** A number under which no process has a descriptor: to the kernel, one that /proc does not show. */
const HIDDEN = 2 ** 31 - 1;

beforeAll(async () => {
  expect(await shm().probe()).toMatchObject({ available: true });
  // The first pipe of an event loop makes libuv open a spare descriptor.
  createDoorbell(() => {}).close();
});

/** As if the receiver could not see the sender, or the other way round. */
const BLIND: Record<'receiver' | 'sender', Pass> = {
  receiver: (_, message) => {
    if (message.op === 'open') message.bell = HIDDEN;
    return true;
  },
  sender: (_, message) => {
    if (message.op === 'ring') message.memory = HIDDEN;
    return true;
  },
};
const SIDES = ['receiver', 'sender'] as const;

/** The same, and `seen` gets each operation. */
function recording(side: keyof typeof BLIND, seen: unknown[]): Pass {
  return (from, message) => {
    seen.push(message.op);
    return BLIND[side](from, message);
  };
}

const files = (end: End): string[] => readdirSync(end.directory);

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('where /proc shows nothing', () => {
  test.each(SIDES)('to the %s, the ring is handed over, and nothing of that stays', async (side) => {
    const seen: unknown[] = [];
    const [one, two] = await openEnds(recording(side, seen));
    const before = [descriptors(), mappedRings()];
    const receiver = await two.transport.listen();
    const sender = await one.transport.connect(receiver.address, two.self);
    await turns(2);
    const first = side === 'receiver' ? ['open'] : ['open', 'ring', 'unreachable'];
    expect(seen).toEqual([...first, 'meet', 'met', 'handed', 'attached']);
    expect(files(one)).toEqual([]);
    // The two bells; the memory is mapped on both sides.
    expect([descriptors(), mappedRings()]).toEqual([before[0] + 2, before[1] + 2]);
    const { frames, until } = collectFrames(receiver);
    for (let i = 0; i < 3; i++) {
      send(sender, frameOf(i, 100));
      await until(i + 1);
      await turns(100);
    }
    expect(frames.map((frame) => frame.length)).toEqual([132, 132, 132]);
    await sender.close();
    await turns(100);
    expect([descriptors(), mappedRings()]).toEqual(before);
  });

  test.each(SIDES)('to the %s, both bells ring', async (side) => {
    const { sender, receiver } = await openPair(BLIND[side]);
    const rung = new Promise<void>((resolve) => receiver.onReadable(resolve));
    fill(sender, 1000);
    await rung;
    const room = new Promise<void>((resolve) => sender.onWritable(resolve));
    while (receiver.poll(() => 0, 100) > 0);
    await room;
  });

  test('nothing is lent to who could not open it', async () => {
    const lends = async (pass: Pass): Promise<boolean> => {
      const { one, two } = await openPair(pass);
      const { regions } = one.transport as unknown as { regions: RegionProvider };
      const slab = regions.tryAlloc(100) as Slab;
      const reference = regions.export(slab, two.self);
      const { regions: theirs } = two.transport as unknown as { regions: RegionProvider };
      if (reference !== undefined) (theirs.open(reference, one.self) as Lease).release();
      slab.release();
      one.control.lose(two.self.id, false);
      expect(regions.export(slab, two.self)).toBeUndefined();
      return reference !== undefined;
    };
    expect(await lends(() => true)).toBe(true);
    expect(await lends(BLIND.receiver)).toBe(false);
    // Here the receiver has opened the bell, and only the sender could open nothing.
    expect(await lends(BLIND.sender)).toBe(true);
  });
});

describe('ended in the middle', () => {
  const STEPS = ['meet', 'met', 'handed'] as const;
  type Ending = 'the receiver is lost' | 'the sender is lost' | 'the connect is given up' | 'one closes' | 'two closes';
  const CASES = STEPS.flatMap((step) =>
    (
      [
        ['the receiver is lost', 'PEER_GONE'],
        ['the sender is lost', 'PEER_GONE'],
        ['the connect is given up', 'ABORTED'],
        ['one closes', 'CLOSED'],
        ['two closes', 'PEER_GONE'],
      ] as [Ending, string][]
    ).map(([end, code]) => ({ step, end, code })),
  );

  test.each(CASES)('at $step: $end', async ({ step, end, code }) => {
    let reached: () => void;
    const there = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const [one, two] = await openEnds((from, message) => {
      if (message.op === step) reached();
      // A peer that is killed says no more.
      if (message.op === step && end !== 'the connect is given up') return false;
      return BLIND.receiver(from, message);
    });
    const before = [descriptors(), mappedRings()];
    const receiver = await two.transport.listen();
    const abort = new AbortController();
    const connect = one.transport.connect(receiver.address, two.self, abort.signal);
    const refused = expect(connect).rejects.toMatchObject({ code });
    await there;
    if (end === 'the connect is given up') abort.abort();
    if (end === 'one closes') await one.transport.close();
    if (end === 'two closes') {
      await two.transport.close();
      expect(files(two)).toEqual([]);
    }
    if (code !== 'ABORTED') {
      one.control.lose(two.self.id, true);
      two.control.lose(one.self.id, true);
      // The ring of a sender that is gone goes when it has been read empty.
      receiver.drain(one.self);
      receiver.poll(() => 0, 1);
    }
    await refused;
    await turns(10);
    expect(files(one)).toEqual([]);
    const doorbells = end === 'one closes' || end === 'two closes' ? 2 : 0;
    expect([descriptors(), mappedRings()]).toEqual([before[0] - doorbells, before[1]]);
  });
});

/** What a hostile `from` would send over the link. */
function say(to: End, from: End, message: Handshake): void {
  to.control.deliver(from.self.id, encodeHandshake(message));
}

describe('a hostile sender', () => {
  const RING = 7;

  /** It has asked for a ring, and is expected; `refused` is the reason it is told later. */
  async function expected(): Promise<{ one: End; two: End; path: string; key: number; answer: Promise<unknown> }> {
    const answers: ((message: Record<string, unknown>) => void)[] = [];
    const next = () => new Promise<Record<string, unknown>>((resolve) => answers.push(resolve));
    const [one, two] = await openEnds((from, message) => {
      if (from === 'two') answers.shift()?.(message);
      return false;
    });
    await two.transport.listen();
    const meet = next();
    say(two, one, { op: 'open', ring: RING, bell: HIDDEN });
    const { op, key } = await meet;
    expect(op).toBe('meet');
    expect(files(two)).toHaveLength(1);
    return { one, two, path: join(two.directory, files(two)[0]), key: key as number, answer: next() };
  }

  const BAD: Record<string, (hostile: Handover, key: number, bell: number, memory: number) => void> = {
    'brings nothing': () => {},
    'brings no descriptor': (hostile, key) => hostile.send(key, []),
    'brings too many': (hostile, key, bell) => hostile.send(key, [bell, bell]),
    'brings 253': (hostile, key, bell) =>
      hostile.send(
        key,
        Array.from({ length: 253 }, () => bell),
      ),
    'brings memory for a bell': (hostile, key, _, memory) => hostile.send(key, [memory]),
    'does not know the key': (hostile, key, bell) => hostile.send(key ^ 1, [bell]),
    'leaves again': (hostile) => hostile.close(),
    'leaves before it is answered': (hostile, key, bell) => {
      hostile.send(key, [bell]);
      hostile.close();
    },
  };

  test.each(Object.keys(BAD))('that %s is refused, and leaves nothing', async (name) => {
    const doorbell = createDoorbell(() => {});
    const memory = createSharedMemory('hostile', 4096);
    onTestFinished(() => {
      doorbell.close();
      memory.close();
    });
    const { one, two, path, key, answer } = await expected();
    const hostile = connectHandover(path, process.pid);
    BAD[name](hostile, key, doorbell.descriptor, memory.descriptor);
    hostile.close();
    const before = descriptors();
    const rings = mappedRings();
    say(two, one, { op: 'met', ring: RING });
    expect(await answer).toMatchObject({ op: 'refused', reason: expect.stringMatching(/PROTOCOL_ERROR|FAILED/) });
    // The socket that was listened at.
    expect([descriptors(), mappedRings(), files(two)]).toEqual([before - 1, rings, []]);
  });

  test('that says it has come and has not, twice', async () => {
    const { one, two, answer } = await expected();
    const before = descriptors();
    say(two, one, { op: 'met', ring: RING });
    expect(await answer).toMatchObject({ op: 'refused', reason: expect.stringContaining('has not connected') });
    say(two, one, { op: 'met', ring: RING });
    expect([descriptors(), files(two)]).toEqual([before - 1, []]);
  });

  test('that is expected for as many rings as there may be, and never comes', async () => {
    const { one, two } = await expected();
    for (let ring = 100; ring < 300; ring++) say(two, one, { op: 'open', ring, bell: HIDDEN });
    expect(files(two)).toHaveLength(64);
    say(two, one, { op: 'abandoned', ring: RING });
    expect(files(two)).toHaveLength(63);
    two.control.lose(one.self.id, false);
    expect(files(two)).toEqual([]);
  });
});

describe('a hostile receiver', () => {
  const KEY = 99;

  /** Its answer to `open` is to expect the sender at a socket; `hand` is what it does when that has come. */
  async function attacked(hand: (handover: Handover, memory: SharedMemory, bell: number) => void): Promise<unknown> {
    const doorbell = createDoorbell(() => {});
    const memory = createSharedMemory('hostile', ringBytes(RING_BYTES));
    const [one, two] = await openEnds((from, message) => {
      if (from === 'two') return false;
      if (message.op === 'open') {
        setImmediate(() => say(one, two, { op: 'meet', ring: message.ring as number, key: KEY }));
      } else if (message.op === 'met') {
        const handover = point.accept(process.pid);
        // Who leaves something unread behind resets the connection.
        handover.receive(KEY, 1).close();
        hand(handover, memory, doorbell.descriptor);
        handover.close();
        setImmediate(() => say(one, two, { op: 'handed', ring: message.ring as number, nonce: 1 }));
      }
      return false;
    });
    const point = openHandoverPoint(join(two.directory, `${two.self.id}.${KEY.toString(16)}.fds`));
    onTestFinished(() => {
      for (const each of [doorbell, memory, point]) each.close();
    });
    const before = [descriptors(), mappedRings()];
    const outcome = await one.transport.connect(`shm:${two.self.id}`, two.self).then(
      () => 'connected',
      (error: { code: string }) => error.code,
    );
    expect([descriptors(), mappedRings()]).toEqual(before);
    return outcome;
  }

  test.each<[string, (handover: Handover, memory: SharedMemory, bell: number) => void, string]>([
    ['hands over nothing and leaves', () => {}, 'TRANSPORT_FAILED'],
    ['hands over the memory alone', (to, memory) => to.send(KEY, [memory.descriptor]), 'PROTOCOL_ERROR'],
    ['hands over what is no ring', (to, memory, bell) => to.send(KEY, [memory.descriptor, bell]), 'PROTOCOL_ERROR'],
    ['hands over two bells', (to, _, bell) => to.send(KEY, [bell, bell]), 'PROTOCOL_ERROR'],
    ['hands over two memories', (to, memory) => to.send(KEY, [memory.descriptor, memory.descriptor]), 'PROTOCOL_ERROR'],
    ['does not know the key', (to, memory, bell) => to.send(1, [memory.descriptor, bell]), 'PROTOCOL_ERROR'],
  ])('that %s', async (_, hand, code) => {
    expect(await attacked(hand)).toBe(code);
  });

  test('that hands over what nobody has come for, or expects who has come', async () => {
    for (const messages of [
      [{ op: 'handed', nonce: 1 }],
      [
        { op: 'meet', key: KEY },
        { op: 'meet', key: KEY },
      ],
      [{ op: 'meet', key: KEY + 1 }],
    ]) {
      const [one, two] = await openEnds((from, message) => {
        if (from === 'one' && message.op === 'open') {
          for (const each of messages) say(one, two, { ...each, ring: message.ring } as Handshake);
        }
        return false;
      });
      const point = openHandoverPoint(join(two.directory, `${two.self.id}.${KEY.toString(16)}.fds`));
      const before = descriptors();
      const connect = one.transport.connect(`shm:${two.self.id}`, two.self);
      await expect(connect).rejects.toMatchObject({ code: expect.stringMatching(/PROTOCOL_ERROR|TRANSPORT_FAILED/) });
      expect(descriptors()).toBe(before);
      point.close();
    }
  });
});
