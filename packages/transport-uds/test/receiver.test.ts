import { once } from 'node:events';
import { collectFrames, numberedFrame, sendFrame } from '@busbar/conformance/control';
import { BACK_PRESSURED, DONE, type PeerInfo } from '@busbar/core/contract';
import { expect, test } from 'vitest';
import { openPair, openRaw } from './pairs.ts';

const padded = (frame: Uint8Array): Uint8Array => frame.subarray(0, new DataView(frame.buffer).getUint32(0, true));

test('frames survive a split into single bytes, and tell whose they are', async () => {
  const { receiver, socket, from } = await openRaw();
  const sent = [0, 1, 7, 8, 33].map((bytes, i) => numberedFrame(i, bytes));
  const origins: (PeerInfo | undefined)[] = [];
  const got: Uint8Array[] = [];
  receiver.onReadable(() => {
    receiver.poll((frame, offset, length, peer) => {
      got.push(frame.u8.slice(offset, offset + length));
      origins.push(peer);
      return DONE;
    }, 10);
  });
  for (const byte of Buffer.concat(sent)) {
    await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve));
    await new Promise(setImmediate);
  }
  while (got.length < sent.length) await new Promise(setImmediate);
  expect(got).toEqual(sent.map(padded));
  expect(origins.every((peer) => peer === from)).toBe(true);
});

test.each([
  ['under a header', 31],
  ['zero', 0],
  ['over the limit', 2_097_153],
  ['negative', 0xffff_ffff],
])('a length %s cuts that connection after the frames before it', async (_what, length) => {
  const { receiver, socket, context } = await openRaw();
  const { frames, until } = collectFrames(receiver);
  const bad = new Uint8Array(64);
  new DataView(bad.buffer).setUint32(0, length, true);
  const closed = once(socket, 'close');
  socket.write(Buffer.concat([numberedFrame(1, 5), bad, numberedFrame(2, 5)]));
  await Promise.all([until(1), closed]);
  expect(frames).toEqual([padded(numberedFrame(1, 5))]);
  expect(context.counts.get('uds_protocol_errors')).toBe(1);
  expect(context.counts.get('PROTOCOL_ERROR')).toBe(1);
  expect(receiver.prepareToSleep()).toBe(true);
});

test.each([
  ['small frames', 100, 13],
  ['frames larger than a read', 20, 13_000],
])('what the bus does not take stays, in order, and is announced as unread: %s', async (_what, count, step) => {
  const { receiver, socket } = await openRaw();
  const sent = Array.from({ length: count }, (_, i) => numberedFrame(i, i * step));
  const got: Uint8Array[] = [];
  const take = (limit: number): number =>
    receiver.poll((frame, offset, length) => {
      got.push(frame.u8.slice(offset, offset + length));
      return DONE;
    }, limit);
  const readable = new Promise<void>((resolve) => receiver.onReadable(resolve));
  socket.write(Buffer.concat(sent));
  await readable;
  await new Promise(setImmediate);
  while (got.length < sent.length) {
    expect(take(2)).toBeLessThanOrEqual(2);
    if (receiver.prepareToSleep()) await new Promise(setImmediate);
  }
  expect(got).toEqual(sent.map(padded));
});

test('a receiver that is not polled stops the sender, within the bound of the capabilities', async () => {
  const { sender, receiver } = await openPair();
  const frame = numberedFrame(0, 1_000);
  let committed = 0;
  const fill = async (): Promise<void> => {
    for (let idle = 0; idle < 20; ) {
      if (sendFrame(sender, frame) === 0) {
        committed++;
        idle = 0;
      } else {
        idle++;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  };
  await fill();
  expect(sendFrame(sender, frame)).toBe(BACK_PRESSURED);
  expect(committed * frame.length).toBeLessThanOrEqual(262_144 + 262_144 + 65_536);
  expect(receiver.prepareToSleep()).toBe(false);
  let calls = 0;
  const writable = new Promise<void>((resolve) =>
    sender.onWritable(() => {
      calls++;
      resolve();
    }),
  );
  const { frames, until } = collectFrames(receiver);
  receiver.poll(() => DONE, 0);
  let polled = 0;
  while (!receiver.prepareToSleep()) polled += receiver.poll(() => DONE, 64);
  await writable;
  await until(committed - polled);
  expect(frames.length).toBe(committed - polled);
  expect(calls).toBe(1);
});

test.each([100, 200_000])('a torn frame of %i bytes at the end is not handed over, and counted', async (bytes) => {
  const { receiver, socket, context } = await openRaw();
  const { frames, until } = collectFrames(receiver);
  socket.end(Buffer.concat([numberedFrame(1, 100), numberedFrame(2, bytes).subarray(0, bytes - 50)]));
  await Promise.all([until(1), once(socket, 'close')]);
  while (!context.counts.has('uds_torn_frames')) await new Promise(setImmediate);
  expect(frames).toHaveLength(1);
});

test('drain asks a living peer to close and still reads what it committed', async () => {
  const { sender, receiver, contextA } = await openPair();
  const { until } = collectFrames(receiver);
  const told = new Promise((resolve) => sender.onClose(resolve));
  for (let i = 0; i < 10; i++) sendFrame(sender, numberedFrame(i, 64));
  sender.flush();
  receiver.drain(contextA.self);
  expect(await told).toMatchObject({ code: 'PEER_GONE' });
  await until(10);
});
