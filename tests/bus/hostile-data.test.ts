import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Bus, BusError } from '@busbar/core';
import { encodeFrame, FLAG, KIND } from '@busbar/core/contract';
import { beforeEach, describe, expect, test } from 'vitest';
import { errorsOf, next, open, scratch, until } from './harness.ts';
import { Hostile } from './hostile.ts';
import { type Recorder, record } from './recorder.mjs';

const BY_REF = FLAG.FIRST | FLAG.LAST | FLAG.BY_REF;
const HELLO_THERE = Buffer.from([0xab, ...Buffer.from('hello there')]); // msgpack: a string of 11 bytes

let bus: Bus;
let directory: string;
let errors: BusError[];
let heard: Recorder;

beforeEach(async () => {
  directory = scratch();
  const limits = { topicsPerPeer: 8, heldBytes: 1000, maxMessageBytes: 1_000_000, assemblyBytes: 1_500_000 };
  bus = await open({ name: 'target', directory, limits, transports: ['uds', 'shm'] });
  errors = errorsOf(bus);
  heard = record(bus, '>');
});

async function attached() {
  const hostile = await new Hostile(bus, path.join(directory, 'default')).join();
  return { hostile, inbox: await hostile.intoInbox() };
}

/** A frame of a flow: topic id 1 is `t`. */
function event(sequence: number, more: object = {}) {
  return {
    kind: KIND.EVENT,
    codec: 1,
    priority: 2,
    flow: 0,
    sequence,
    messageId: sequence,
    topicId: 1,
    topicName: 't',
    payload: HELLO_THERE,
    ...more,
  };
}

/** The link is cut, once, with a typed error that says where; another participant is served as before. */
async function expectCut(hostile: Hostile, code = 'PROTOCOL_ERROR'): Promise<void> {
  await until(() => bus.peers.length === 0);
  await hostile.control.ended;
  expect(errors.map((error) => error.code)).toEqual([code]);
  expect(errors[0]?.where).toBeTruthy();
  expect(bus.counters.protocolErrors).toBe(1);
  await expectAlive();
}

async function expectAlive(): Promise<void> {
  const other = await open({ directory });
  const count = heard.messages.length;
  await other.publish('alive', 'yes');
  await heard.reach(count + 1);
  expect(heard.messages.at(-1)?.data).toBe('yes');
}

describe('frames of a participant that misbehaves, on the data socket', () => {
  test('a well-formed one is heard: the handshake of this test is right', async () => {
    const { inbox } = await attached();
    inbox.send(event(1));
    await heard.reach(1);
    expect(heard.messages[0]).toMatchObject({ topic: 't', data: 'hello there', via: 'uds', from: { name: 'hostile' } });
  });

  test.each([
    ['random bytes', randomBytes(512)],
    ['a length of 2^32 - 1', Buffer.alloc(64, 0xff)],
    ['a length under a header', Buffer.alloc(64)],
  ])('%s: PROTOCOL_ERROR, counted, link cut, process alive', async (_, bytes) => {
    const { hostile, inbox } = await attached();
    inbox.send(event(1));
    await heard.reach(1);
    inbox.raw(bytes);
    await expectCut(hostile);
  });

  test.each([
    ['a priority that does not exist', event(1, { priority: 9 })],
    ['a flow that does not exist', event(1, { flow: 64 })],
    ['a topic id never announced', event(1, { topicId: 3, topicName: undefined })],
    ['a topic with wildcards', event(1, { topicName: 'a.*' })],
    ['a topic that is none', event(1, { topicName: '../etc' })],
    ['topic id 0', event(1, { topicId: 0 })],
    ['a topic id far out', event(1, { topicId: 4_000_000_000 })],
    ['a fragment beyond its message', event(1, { flags: FLAG.FIRST, total: 4, fragmentOffset: 0 })],
    ['a message over the limit', event(1, { flags: FLAG.FIRST, total: 1_000_001, fragmentOffset: 0 })],
    ['a checksum that is wrong', event(1, { flags: FLAG.FIRST | FLAG.LAST | FLAG.CHECKSUM, checksum: 1 })],
    ['a reference to nothing', event(1, { flags: BY_REF, payload: Buffer.alloc(0) })],
    ['a reference that is cut off', event(1, { flags: BY_REF, payload: Buffer.from('\x03shm\0\0\0\0') })],
    [
      'a reference to memory of a transport without any',
      event(1, { flags: BY_REF, payload: Buffer.from('\x03uds\0\0\0\0here') }),
    ],
    [
      'a reference to memory that shm does not find',
      event(1, { flags: BY_REF, payload: Buffer.from('\x03shm\0\0\0\0here') }),
    ],
  ])('%s: the link is cut', async (_, frame) => {
    const { hostile, inbox } = await attached();
    inbox.send(frame);
    await expectCut(hostile);
    expect(heard.messages).toHaveLength(1);
  });

  test('more unfinished messages than the assembly budget', async () => {
    const { hostile, inbox } = await attached();
    for (const flow of [1, 2]) inbox.send(event(1, { flow, flags: FLAG.FIRST, total: 900_000, fragmentOffset: 0 }));
    await expectCut(hostile);
  });

  test('more topics than the quota', async () => {
    const { hostile, inbox } = await attached();
    for (let n = 1; n <= 9; n++) inbox.send(event(n, { topicId: n, topicName: `t${n}` }));
    await expectCut(hostile);
    expect(heard.messages).toHaveLength(9);
  });

  test('more bytes ahead of their turn than the quota', async () => {
    const { hostile, inbox } = await attached();
    for (let n = 2; n <= 40; n++) inbox.send(event(n));
    await expectCut(hostile);
    expect(heard.messages).toHaveLength(1);
  });

  test('announced losses without end are bounded, too', async () => {
    const { hostile, inbox } = await attached();
    const pair = (key: number, value: number) => {
      const bytes = Buffer.alloc(16);
      bytes.writeUInt32LE(key, 0);
      bytes.writeUInt32LE(value, 8);
      return bytes;
    };
    const ranges = (from: number) =>
      Buffer.concat(Array.from({ length: 2000 }, (_, n) => [pair(0, from + 2 * n), pair(0, from + 2 * n)]).flat());
    for (let n = 1; n < 20; n++) inbox.send({ kind: KIND.SKIP, payload: ranges(n * 10_000) });
    await expectCut(hostile);
  });

  test('frames ahead of a gap wait for it, and then come in order', async () => {
    const { inbox } = await attached();
    for (const sequence of [3, 2, 4, 1]) inbox.send(event(sequence));
    await heard.reach(4);
    expect(heard.messages.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  });

  test('a frame that comes twice is delivered once and counted', async () => {
    const { inbox } = await attached();
    for (const sequence of [1, 1, 2, 1, 2, 3]) inbox.send(event(sequence));
    await heard.reach(3);
    expect(heard.messages.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(bus.counters.duplicates).toBe(3);
  });

  test('a repeated first fragment discards the partial: replay restarts at 0', async () => {
    const { inbox } = await attached();
    const payload = Buffer.concat([Buffer.from([0xc5, 0x01, 0x00]), Buffer.alloc(256, 7)]); // msgpack: 256 bytes
    const piece = (start: number, end: number, last = false) =>
      event(1, {
        flags: (start === 0 ? FLAG.FIRST : 0) | (last ? FLAG.LAST : 0),
        total: payload.length,
        fragmentOffset: start,
        payload: payload.subarray(start, end),
        ...(start === 0 ? {} : { topicName: undefined }),
      });
    inbox.send(piece(0, 64));
    inbox.send(piece(64, 128));
    inbox.send(piece(0, 200));
    inbox.send(piece(200, payload.length, true));
    await heard.reach(1);
    expect(new Uint8Array(heard.data[0])).toEqual(new Uint8Array(256).fill(7));
  });

  test('a fragment that continues nothing is left over from a lost route: passed over, the flow goes on', async () => {
    const { inbox } = await attached();
    inbox.send(event(1, { flags: FLAG.LAST, total: 100, fragmentOffset: 88, topicName: undefined }));
    inbox.send(event(1));
    await heard.reach(1);
    expect(heard.data).toEqual(['hello there']);
  });

  test('unknown kinds: answered below 128, skipped from 128 on, both counted, the link kept', async () => {
    const { hostile, inbox } = await attached();
    inbox.send({ kind: 200, messageId: 1 });
    inbox.send({ kind: 100, messageId: 2 });
    const outbox = await hostile.outOfBus();
    const answer = await outbox.frame(KIND.ERROR);
    expect(answer.id).toBe(2);
    expect(JSON.parse(answer.payload.toString())).toMatchObject({ code: 'UNSUPPORTED_KIND' });
    inbox.send(event(1));
    await heard.reach(1);
    expect(outbox.seen.filter(({ kind }) => kind === KIND.ERROR)).toHaveLength(1);
    expect(bus.counters.protocolErrors).toBe(2);
    expect(bus.peers).toHaveLength(1);
  });

  test('a ping is answered, also the first thing that is ever said', async () => {
    const { hostile, inbox } = await attached();
    inbox.send({ kind: KIND.PING, messageId: 77 });
    expect((await (await hostile.outOfBus()).frame(KIND.RECEIPT)).id).toBe(77);
  });

  test('a frame of another version is counted and skipped; the next one is heard', async () => {
    const { inbox } = await attached();
    inbox.send(event(1, { version: 9 }));
    inbox.send(event(1));
    await heard.reach(1);
    expect(bus.counters.protocolErrors).toBe(1);
    expect(bus.peers).toHaveLength(1);
  });

  test('values that hurt the reader are refused, counted, and cost the next message nothing', async () => {
    const { inbox } = await attached();
    const bombs = [
      Buffer.alloc(100, 0x91), // nesting over 64
      Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]), // an array of 2^32 - 1
      Buffer.from([0xd4, 0x78, 0x00]), // extension 'x': msgpackr's regular expression
      Buffer.from([0xc1]),
      Buffer.alloc(0),
    ];
    for (const [n, payload] of bombs.entries()) inbox.send(event(n + 1, { payload }));
    inbox.send(event(bombs.length + 1, { codec: 2, payload: Buffer.from('{"open":') }));
    inbox.send(event(bombs.length + 2, { codec: 9 }));
    inbox.send(event(bombs.length + 3));
    await heard.reach(1);
    expect(heard.data).toEqual(['hello there']);
    expect(errors.map(({ code }) => code)).toEqual(Array(bombs.length + 2).fill('DECODE_FAILED'));
    for (const { where } of errors) expect(where).toBeTruthy();
    expect(bus.counters.invalid).toBe(bombs.length + 2);
    expect(bus.peers).toHaveLength(1);
  });

  test('__proto__ keys pollute nothing', async () => {
    const { inbox } = await attached();
    inbox.send(event(1, { codec: 2, payload: Buffer.from('{"__proto__":{"polluted":1},"a":1}') }));
    const map = Buffer.concat([
      Buffer.from([0x81, 0xa9]),
      Buffer.from('__proto__'),
      Buffer.from([0x81, 0xa1, 0x70, 0x01]),
    ]);
    inbox.send(event(2, { payload: map }));
    await heard.reach(2);
    expect(({} as { polluted?: number; p?: number }).polluted).toBeUndefined();
    expect(({} as { p?: number }).p).toBeUndefined();
    for (const data of heard.data) expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
  });

  test('confirmations and credit for what was never sent free nothing', async () => {
    heard.subscription.close();
    const hostile = await new Hostile(bus, path.join(directory, 'default')).join({ patterns: ['out'] });
    const inbox = await hostile.intoInbox();
    const lie = Buffer.alloc(64);
    for (let pair = 0; pair < 4; pair++) {
      lie.writeUInt32LE(pair * 100, pair * 16);
      lie.writeUInt32LE(0xffffffff, pair * 16 + 8);
    }
    for (const kind of [KIND.CONFIRM, KIND.CREDIT, KIND.SKIP]) inbox.send({ kind, payload: lie });
    const publisher = bus.publisher('out');
    let sent = 0;
    while (sent < 10_000 && publisher.send(new Uint8Array(1000)) === 0) sent++;
    expect(sent).toBeLessThan(400);
    const outbox = await hostile.outOfBus();
    await outbox.frame(KIND.EVENT);
    expect(bus.counters.outcomes.delivered).toBe(0);
    hostile.control.socket.destroy();
    await next(bus, 'lost');
    expect(bus.counters.outcomes['peer-gone']).toBe(sent);
  });

  test('an inbox full of frames before HELLO’s answer, then silence: nothing breaks', async () => {
    const { hostile, inbox } = await attached();
    inbox.raw(encodeFrame(event(1)).subarray(0, 40));
    hostile.control.socket.destroy();
    inbox.socket.destroy();
    await next(bus, 'lost');
    expect(heard.messages).toEqual([]);
    await expectAlive();
  });

  test('answers and cancels that nobody asked for do nothing', async () => {
    const { inbox } = await attached();
    bus.serve('call', () => 'answer');
    inbox.send({ kind: KIND.CANCEL, messageId: 5 });
    inbox.send(event(1, { kind: KIND.REPLY, messageId: 99 }));
    inbox.send(event(2, { kind: KIND.ERROR, messageId: 99, payload: Buffer.from([0xc0]) }));
    inbox.send(event(3));
    await heard.reach(1);
    expect(await bus.request('call', 1)).toBe('answer');
    expect(errors).toEqual([]);
  });

  test('an error answer of the wrong shape rejects the request it is for, and no more', async () => {
    const hostile = await new Hostile(bus, path.join(directory, 'default')).join({ services: ['trap'] });
    const inbox = await hostile.intoInbox();
    const asked = [1, 2, 3].map((n) => bus.request('trap', n).catch((error) => error));
    const outbox = await hostile.outOfBus();
    await until(() => outbox.seen.filter(({ kind }) => kind === KIND.REQUEST).length === 3);
    const ids = outbox.seen.filter(({ kind }) => kind === KIND.REQUEST).map(({ id }) => id);
    const answers = [Buffer.from([0xc0]), Buffer.from([0x01]), Buffer.from([0xc1])];
    for (const [n, payload] of answers.entries()) {
      inbox.send({ ...event(n + 1), kind: KIND.ERROR, messageId: ids[n] ?? 0, topicName: 'trap', payload });
    }
    for (const error of await Promise.all(asked))
      expect(error).toMatchObject({ name: 'BusError', code: expect.any(String) });
  });
});
