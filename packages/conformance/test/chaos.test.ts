import { type ChaosOptions, chaos } from '@busbar/conformance/chaos';
import { linkStands, newParticipant } from '@busbar/conformance/control';
import { lane } from '@busbar/conformance/faults';
import {
  DONE,
  encodeFrame,
  HEADER_BYTES,
  KIND,
  OK,
  type PeerTransport,
  SEQUENCE_OFFSET,
  type Sender,
} from '@busbar/core/contract';
import { describe, expect, test } from 'vitest';

interface Arrival {
  readonly sequence: number;
  readonly length: number;
}

const FRAME_BYTES = HEADER_BYTES + 64;

/** Sends `count` frames through a chaotic lane; what arrived, in order, and what the sender was told in the end. */
async function send(options: ChaosOptions, count: number): Promise<{ arrived: Arrival[]; closed: string | undefined }> {
  const plugin = chaos(lane(), options);
  const [a, b] = [newParticipant('a'), newParticipant('b')];
  const [standA, standB] = linkStands(a, b, '/nonexistent');
  const from = (await plugin.create(standA.context)) as PeerTransport;
  const to = (await plugin.create(standB.context)) as PeerTransport;
  const receiver = await to.listen();
  const sender = await from.connect(receiver.address, [...standA.control.peers.values()][0]);
  let closed: string | undefined;
  sender.onClose((reason) => {
    closed = reason.code;
  });
  const arrived: Arrival[] = [];
  const poll = (): void => {
    receiver.poll((frame, offset, length) => {
      arrived.push({ sequence: frame.i32[(offset + SEQUENCE_OFFSET) >> 2], length });
      return DONE;
    }, count * 2);
  };
  for (let sequence = 0; sequence < count && commit(sender, sequence) === OK; sequence++) {
    if (sequence % 100 === 99) poll();
  }
  await sender.close();
  poll();
  await Promise.all([from.close(), to.close()]);
  return { arrived, closed };
}

function commit(sender: Sender, sequence: number): number {
  const result = sender.tryClaim(FRAME_BYTES);
  if (result !== OK) return result;
  const bytes = encodeFrame({ kind: KIND.EVENT, sequence, payload: new Uint8Array(64) });
  sender.frame.u8.set(bytes, sender.offset);
  sender.commit();
  return OK;
}

const sequences = (arrived: Arrival[]): number[] => arrived.map(({ sequence }) => sequence);

describe('chaos', () => {
  test('without options changes nothing', async () => {
    const { arrived } = await send({}, 1_000);
    expect(sequences(arrived)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
    expect(arrived.every(({ length }) => length === FRAME_BYTES)).toBe(true);
  });

  test('replays: the same seed, the same fate; another seed, another', async () => {
    const options = { seed: 5, drop: 0.1, duplicate: 0.1, reorder: 0.1, truncate: 0.1 };
    const first = await send(options, 2_000);
    expect(await send(options, 2_000)).toEqual(first);
    expect(await send({ ...options, seed: 6 }, 2_000)).not.toEqual(first);
  });

  test('drops about the share asked for', async () => {
    const { arrived } = await send({ drop: 0.25 }, 4_000);
    expect(arrived.length).toBeGreaterThan(2_800);
    expect(arrived.length).toBeLessThan(3_200);
    expect(new Set(sequences(arrived)).size).toBe(arrived.length);
  });

  test('duplicates', async () => {
    const { arrived } = await send({ duplicate: 0.5 }, 1_000);
    expect(new Set(sequences(arrived)).size).toBe(1_000);
    expect(arrived.length).toBeGreaterThan(1_300);
  });

  test('reorders without losing', async () => {
    const { arrived } = await send({ reorder: 0.2 }, 1_000);
    const order = sequences(arrived);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
    expect(order.some((sequence, i) => i > 0 && sequence < order[i - 1])).toBe(true);
  });

  test('truncates, never below a header', async () => {
    const { arrived } = await send({ truncate: 0.5 }, 1_000);
    const cut = arrived.filter(({ length }) => length < FRAME_BYTES);
    expect(cut.length).toBeGreaterThan(300);
    expect(cut.every(({ length }) => length >= HEADER_BYTES)).toBe(true);
  });

  test('delays without reordering, and holds nothing back for good', async () => {
    const { arrived } = await send({ delay: 3 }, 50);
    expect(sequences(arrived)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('breaks after so many frames', async () => {
    const { arrived, closed } = await send({ killAfter: 10 }, 100);
    expect(sequences(arrived)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(closed).toBe('TRANSPORT_FAILED');
  });

  test('says what it takes away', () => {
    const sound = lane().capabilities;
    expect(chaos(lane(), { drop: 0.1 }).capabilities).toEqual({ ...sound, lossless: false, confirms: 'none' });
    expect(chaos(lane(), { reorder: 0.1 }).capabilities).toEqual({ ...sound, ordered: false, confirms: 'none' });
    expect(chaos(lane(), { delay: 5 }).capabilities).toEqual({ ...sound, confirms: 'none' });
  });

  test('refuses shares and counts that are none', () => {
    expect(() => chaos(lane(), { drop: 1.5 })).toThrow(/INVALID_OPTION: drop is 1.5/);
    expect(() => chaos(lane(), { reorder: Number.NaN })).toThrow(/INVALID_OPTION/);
    expect(() => chaos(lane(), { killAfter: -1 })).toThrow(/INVALID_OPTION/);
  });
});
