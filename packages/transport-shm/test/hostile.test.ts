import { collectFrames } from '@busbar/conformance/control';
import { OK } from '@busbar/core/contract';
import { createSharedMemory } from '@busbar/native';
import { ringBytes } from '@busbar/ring';
import { describe, expect, test } from 'vitest';
import { RING_BYTES } from '../src/capabilities.ts';
import { encodeHandshake } from '../src/handshake.ts';
import { closed, descriptors, fill, frameOf, mappedRings, openEnds, openPair, readable, send } from './pairs.ts';

describe('refusals', () => {
  test('a peer that does not listen, an address that is not its own, a peer nobody vouches for', async () => {
    const [one, two] = await openEnds();
    const address = `shm:${two.self.id}`;
    await expect(one.transport.connect(address, two.self)).rejects.toMatchObject({
      code: 'TRANSPORT_FAILED',
      what: expect.stringContaining('does not listen'),
    });
    await expect(one.transport.connect('shm:elsewhere', two.self)).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
    await expect(one.transport.connect(address, { ...two.self, verified: false })).rejects.toMatchObject({
      code: 'TRANSPORT_FAILED',
      remedy: expect.stringContaining('@busbar/native'),
    });
    await two.transport.listen();
    two.control.link({ ...one.self, verified: false });
    await expect(one.transport.connect(address, two.self)).rejects.toMatchObject({
      code: 'TRANSPORT_FAILED',
      what: expect.stringContaining('which process'),
    });
  });

  test('more rings than a peer may have', async () => {
    const { one, two, receiver } = await openPair();
    const connect = () => one.transport.connect(receiver.address, two.self);
    await Promise.all(Array.from({ length: 63 }, connect));
    await expect(connect()).rejects.toMatchObject({ code: 'TRANSPORT_FAILED', what: expect.stringContaining('64') });
  });

  test.each([
    ['of another process and descriptor', { memory: 2 ** 31 - 1 }, 'TRANSPORT_FAILED'],
    ['that are no shared memory', { memory: 0 }, 'PROTOCOL_ERROR'],
    ['with another nonce', { nonce: 1 }, 'PROTOCOL_ERROR'],
    ['whose bell is none', { bell: 2 ** 31 - 1 }, 'TRANSPORT_FAILED'],
  ])('rings %s are not attached, and leave nothing', async (_, change, code) => {
    const [one, two] = await openEnds();
    const before = descriptors();
    const rings = mappedRings();
    const real = createSharedMemory('test', ringBytes(RING_BYTES));
    const deliver = two.control.deliver.bind(two.control);
    two.control.deliver = (from, bytes) => {
      const { op, ring } = JSON.parse(Buffer.from(bytes).toString());
      if (op !== 'open') return deliver(from, bytes);
      const answer = { op: 'ring' as const, ring, memory: real.descriptor, nonce: 0, bell: 1, ...change };
      one.control.deliver(two.self.id, encodeHandshake(answer));
    };
    await expect(one.transport.connect(`shm:${two.self.id}`, two.self)).rejects.toMatchObject({ code });
    real.close();
    expect([descriptors(), mappedRings()]).toEqual([before, rings]);
  });
});

describe('hostile peers', () => {
  test('a sender that writes nonsense is cut off, and the others go on', async () => {
    const { one, two, sender, receiver } = await openPair();
    const honest = await one.transport.connect(receiver.address, two.self);
    const rung = readable(receiver);
    send(sender, frameOf(1, 8));
    send(sender, frameOf(1, 8));
    // The second record: what came before it is delivered.
    sender.frame.i32[(4096 + 48) >> 2] = 0x7fff_fff0;
    send(honest, frameOf(2, 16));
    const lengths: number[] = [];
    await rung;
    let handed = 0;
    for (let i = 0; i < 3; i++) {
      handed += receiver.poll((_frame, _offset, length) => {
        lengths.push(length);
        return 0;
      }, 10);
    }
    expect(lengths.sort((a, b) => a - b)).toEqual([40, 48]);
    expect([handed, two.control.violations]).toEqual([2, 1]);
  });

  test.each([
    ['head', 128, 2 ** 31 - 1],
    ['framesRead', 132, 2 ** 30],
  ])('a receiver that writes an impossible %s loses its sender', async (_, offset, value) => {
    const { one, sender } = await openPair();
    const told = closed(sender);
    fill(sender, 1000);
    sender.frame.i32[offset >> 2] = value;
    sender.confirmed('copied');
    send(sender, frameOf(1, 1000));
    if (offset === 128) sender.onWritable(() => {});
    expect(await told).toMatchObject({ code: 'PROTOCOL_ERROR' });
    expect(one.control.violations).toBe(1);
  });

  test('a sender that goes on writing after its link was lost is read no longer than a ring is', async () => {
    const { one, sender, receiver } = await openPair();
    const before = mappedRings();
    receiver.drain(one.self);
    let polls = 0;
    let handed = 0;
    for (; mappedRings() === before && handed <= RING_BYTES / 16; polls++) {
      while (send(sender, frameOf(polls, 8)) === OK) {}
      handed += receiver.poll(() => 0, 10_000);
    }
    expect(polls).toBeGreaterThan(1);
    expect(handed).toBeLessThanOrEqual(RING_BYTES / 16);
  });

  test('control messages that make no sense are counted and change nothing', async () => {
    const { one, two, sender, receiver } = await openPair();
    for (const text of [
      '',
      'null',
      '{"op":"attached","ring":9}',
      '{"op":"abandoned","ring":9}',
      '{"op":"refused","ring":9,"reason":""}',
    ])
      two.control.deliver(one.self.id, Buffer.from(text));
    expect(send(sender, frameOf(1, 8))).toBe(OK);
    await collectFrames(receiver).until(1);
  });
});
