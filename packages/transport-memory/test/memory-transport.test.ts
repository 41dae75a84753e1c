import { linkStands, newParticipant } from '@busbar/conformance/control';
import {
  BACK_PRESSURED,
  type BusError,
  CLOSED,
  DONE,
  OK,
  type PeerInfo,
  type PeerTransport,
  type Receiver,
  type Sender,
} from '@busbar/core/contract';
import { afterEach, describe, expect, test } from 'vitest';
import { memory } from '../src/index.ts';

const opened: PeerTransport[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
});

interface Pair {
  readonly from: PeerTransport;
  readonly to: PeerTransport;
  /** The receiving participant, as the sending one knows it. */
  readonly peer: PeerInfo;
  readonly lose: () => void;
}

async function open(): Promise<Pair> {
  const [a, b] = [newParticipant('a'), newParticipant('b')];
  const [standA, standB] = linkStands(a, b, '/nonexistent');
  const from = (await memory().create(standA.context)) as PeerTransport;
  const to = (await memory().create(standB.context)) as PeerTransport;
  opened.push(from, to);
  return { from, to, peer: [...standA.control.peers.values()][0], lose: () => standA.control.lose(b.id, true) };
}

async function connected(): Promise<Pair & { sender: Sender; receiver: Receiver }> {
  const pair = await open();
  const receiver = await pair.to.listen();
  return { ...pair, receiver, sender: await pair.from.connect(receiver.address, pair.peer) };
}

function commit(sender: Sender, length = 64): number {
  const result = sender.tryClaim(length);
  if (result === OK) sender.commit();
  return result;
}

const closed = (sender: Sender): Promise<BusError> => new Promise((resolve) => sender.onClose(resolve));

describe('connect', () => {
  test("refuses another process's address at once", async () => {
    const { from, peer } = await open();
    const foreign = from.connect('memory:1-2-3/0123456789abcdef', peer);
    await expect(foreign).rejects.toMatchObject({ code: 'TRANSPORT_FAILED', where: 'memory:1-2-3/0123456789abcdef' });
  });

  test('refuses a peer without an open inbox', async () => {
    const { from, to, peer } = await open();
    const receiver = await to.listen();
    await receiver.close();
    await expect(from.connect(receiver.address, peer)).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
  });

  test('gives up when its signal aborts, before or while it waits', async () => {
    const { from, to, peer } = await open();
    const { address } = await to.listen();
    await expect(from.connect(address, peer, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
    const abort = new AbortController();
    const waiting = from.connect(address, peer, abort.signal);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('fails when the link ends while it waits, and without a link', async () => {
    const { from, to, peer, lose } = await open();
    const { address } = await to.listen();
    const waiting = from.connect(address, peer);
    lose();
    await expect(waiting).rejects.toMatchObject({ code: 'PEER_GONE' });
    await expect(from.connect(address, peer)).rejects.toMatchObject({ code: 'PEER_GONE' });
  });

  test('fails when the transport closes while it waits', async () => {
    const { from, to, peer } = await open();
    const { address } = await to.listen();
    const waiting = from.connect(address, peer);
    const settled = expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    await from.close();
    await settled;
  });
});

describe('one thread', () => {
  test('commit never calls the receiver; the event loop does, once', async () => {
    const { sender, receiver } = await connected();
    let calls = 0;
    receiver.onReadable(() => calls++);
    for (let i = 0; i < 10; i++) expect(commit(sender)).toBe(OK);
    await Promise.resolve();
    expect(calls).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBe(1);
    expect(receiver.prepareToSleep()).toBe(false);
    expect(receiver.poll(() => DONE, 100)).toBe(10);
    expect(receiver.prepareToSleep()).toBe(true);
    expect(sender.confirmed('copied')).toBe(10);
  });

  test('a handler that polls gets nothing, one that publishes is not handed its own frame in the same breath', async () => {
    const { sender, receiver } = await connected();
    commit(sender);
    const nested: number[] = [];
    const handed = receiver.poll(() => {
      nested.push(receiver.poll(() => DONE, 10));
      if (nested.length === 1) commit(sender);
      return DONE;
    }, 1);
    expect([handed, nested]).toEqual([1, [0]]);
    expect(receiver.poll(() => DONE, 10)).toBe(1);
  });

  test('two participants that answer each other leave timers their turn', async () => {
    const one = await connected();
    const two = await connected();
    let rounds = 0;
    const answer = (sender: Sender) => (): typeof DONE => {
      rounds++;
      commit(sender);
      return DONE;
    };
    one.receiver.onReadable(() => one.receiver.poll(answer(two.sender), 1));
    two.receiver.onReadable(() => two.receiver.poll(answer(one.sender), 1));
    commit(one.sender);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(rounds).toBeGreaterThan(0);
  });

  test('sources take turns', async () => {
    const { from, to, peer } = await open();
    const receiver = await to.listen();
    const senders = [await from.connect(receiver.address, peer), await from.connect(receiver.address, peer)];
    for (let i = 0; i < 4; i++) for (const sender of senders) commit(sender, i === 0 ? 64 : 72);
    const poll = (): number => receiver.poll(() => DONE, 2);
    poll();
    poll();
    expect(senders.map((sender) => sender.confirmed('copied'))).toEqual([2, 2]);
  });

  test('what was committed before the sender closed is still read', async () => {
    const { sender, receiver } = await connected();
    commit(sender);
    await sender.close();
    expect(receiver.poll(() => DONE, 10)).toBe(1);
  });

  test('a sender is told that the inbox closed, and that the peer is gone', async () => {
    const first = await connected();
    await first.receiver.close();
    expect(await closed(first.sender)).toMatchObject({ code: 'PEER_GONE' });
    expect(first.sender.tryClaim(64)).toBe(CLOSED);
    const second = await connected();
    second.lose();
    expect(await closed(second.sender)).toMatchObject({ code: 'PEER_GONE' });
  });

  test('room comes back after the pass that made it', async () => {
    const { sender, receiver } = await connected();
    while (commit(sender, 4_096) === OK);
    expect(commit(sender, 4_096)).toBe(BACK_PRESSURED);
    let polling = false;
    const writable = new Promise<boolean>((resolve) => sender.onWritable(() => resolve(polling)));
    polling = true;
    receiver.poll(() => DONE, 1_000);
    polling = false;
    expect(await writable).toBe(false);
    expect(commit(sender, 4_096)).toBe(OK);
  });
});
