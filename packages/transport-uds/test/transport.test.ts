import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { collectFrames, numberedFrame, sendFrame } from '@busbar/conformance/control';
import { CLOSED, type PeerTransport, TOO_LARGE } from '@busbar/core/contract';
import { expect, onTestFinished, test } from 'vitest';
import { type Dial, decodeControl, encodeDial, encodeHello } from '../src/handshake.ts';
import { uds } from '../src/index.ts';
import { linkedContexts } from './contexts.ts';
import { openPair } from './pairs.ts';

test('frames of all sizes arrive as they were written', async () => {
  const { sender, receiver } = await openPair();
  const { frames, until } = collectFrames(receiver, 7);
  const sizes = [0, 1, 7, 8, 9, 100, 4_096, 65_504, 65_536, 262_144, 1_000_000, 2_097_120, 3];
  const sent = sizes.map((bytes, i) => numberedFrame(i, bytes));
  for (const frame of sent) {
    while (sendFrame(sender, frame) !== 0) await new Promise<void>((resolve) => sender.onWritable(resolve));
    sender.flush();
  }
  await until(sent.length);
  for (const [i, frame] of frames.entries()) {
    expect(Buffer.compare(frame, sent[i].subarray(0, 32 + sizes[i]))).toBe(0);
  }
  expect(sender.tryClaim(2_097_153)).toBe(TOO_LARGE);
});

test('a shortened commit and an abort leave no trace', async () => {
  const { sender, receiver } = await openPair();
  const { frames, until } = collectFrames(receiver);
  sender.tryClaim(5_000);
  sender.frame.u8.fill(0xff, sender.offset, sender.offset + 5_000);
  sender.frame.u8.set(numberedFrame(1, 1), sender.offset);
  sender.commit(33);
  sender.tryClaim(100);
  sender.abort();
  sendFrame(sender, numberedFrame(2, 2));
  sender.flush();
  await until(2);
  expect(frames).toEqual([numberedFrame(1, 1).subarray(0, 33), numberedFrame(2, 2).subarray(0, 34)]);
});

test('the pad after a frame is zero, whatever the memory held before', async () => {
  const { a, contextA, contextB } = await openPair();
  const dialled = new Promise<Dial>((resolve) => {
    contextA.link = (_peer, message) => {
      resolve(decodeControl(message) as Dial);
      return true;
    };
  });
  const connected = a.connect(`uds:/${contextB.self.id}.uds.sock`, contextB.self);
  const { number, token, path } = await dialled;
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  socket.write(encodeHello(number, token));
  const sender = await connected;
  const write = async (length: number): Promise<Buffer> => {
    sender.tryClaim(length);
    sender.frame.u8.fill(0xff, sender.offset, sender.offset + length);
    sender.commit();
    sender.flush();
    return (await once(socket, 'data'))[0] as Buffer;
  };
  expect(await write(64)).toEqual(Buffer.alloc(64, 0xff));
  expect(await write(33)).toEqual(Buffer.concat([Buffer.alloc(33, 0xff), Buffer.alloc(7)]));
});

test('an orderly close writes what is committed, and tells nobody of a failure', async () => {
  const { sender, receiver } = await openPair();
  const { until } = collectFrames(receiver);
  let failed = false;
  sender.onClose(() => {
    failed = true;
  });
  for (let i = 0; i < 500; i++) sendFrame(sender, numberedFrame(i, 400));
  await sender.close();
  await until(500);
  expect(failed).toBe(false);
  expect(sender.tryClaim(32)).toBe(CLOSED);
  expect(sender.writableBytes).toBe(0);
  await sender.close();
});

test('a close does not wait for a receiver that does not read', async () => {
  const { sender } = await openPair();
  while (sendFrame(sender, numberedFrame(0, 60_000)) === 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  while (sendFrame(sender, numberedFrame(0, 60_000)) === 0);
  await sender.close();
});

test('the sender learns that the inbox closed', async () => {
  const { sender, receiver } = await openPair();
  const told = new Promise((resolve) => sender.onClose(resolve));
  await receiver.close();
  expect(await told).toMatchObject({ code: 'PEER_GONE', outcome: 'unknown' });
  expect(sender.tryClaim(32)).toBe(CLOSED);
});

test('close ends everything, twice, and leaves no file', async () => {
  const { a, b, sender, receiver, contextA, contextB } = await openPair();
  await Promise.all([a.close(), b.close(), a.close()]);
  expect(sender.tryClaim(32)).toBe(CLOSED);
  expect(receiver.poll(() => 0, 1)).toBe(0);
  expect(await readdir(contextA.directory)).toEqual([]);
  await expect(a.connect(receiver.address, contextB.self)).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(b.listen()).rejects.toMatchObject({ code: 'CLOSED' });
});

test('a connect under way when the transport closes is settled', async () => {
  const { a, receiver, contextA, contextB } = await openPair();
  contextA.link = () => true;
  const connected = a.connect(receiver.address, contextB.self);
  await Promise.all([expect(connected).rejects.toMatchObject({ code: 'CLOSED' }), a.close()]);
});

test('a close between hello and sender leaves no socket', async () => {
  const { a, receiver, contextB } = await openPair();
  const { signal } = new AbortController();
  // The invitation lets go of its signal at the very moment in question.
  signal.removeEventListener = () => void a.close();
  await expect(a.connect(receiver.address, contextB.self, signal)).rejects.toMatchObject({ code: 'CLOSED' });
  await a.close();
});

test('a connect under way when its peer is lost is settled', async () => {
  const { a, receiver, contextA, contextB } = await openPair();
  contextA.link = () => true;
  const connected = a.connect(receiver.address, contextB.self);
  contextA.lose(contextB.self);
  await expect(connected).rejects.toMatchObject({ code: 'PEER_GONE', outcome: 'not-sent' });
});

test('a peer that does not listen refuses at once', async () => {
  const [contextA, contextB] = await linkedContexts();
  const a = (await uds().create(contextA)) as PeerTransport;
  const b = (await uds().create(contextB)) as PeerTransport;
  onTestFinished(async () => {
    await a.close();
    await b.close();
  });
  const address = `uds:${contextB.directory}/${contextB.self.id}.uds.sock`;
  await expect(a.connect(address, contextB.self)).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
  await expect(a.connect('uds:/tmp/other.sock', contextB.self)).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
});

test('an invitation leads to the inviting participant only', async () => {
  const { contextA, contextB } = await openPair();
  const refused = new Promise<Uint8Array>((resolve) => {
    contextB.link = (_peer, message) => {
      resolve(message);
      return true;
    };
  });
  contextB.receive(contextA.self, encodeDial(1, new Uint8Array(32), '/run/somebody-else.sock'));
  expect(Buffer.from(await refused).toString('utf8', 8)).toMatch(/^PROTOCOL_ERROR/);
});

test('a control message that is none is counted and nothing else', async () => {
  const { contextA, contextB } = await openPair();
  for (let length = 0; length < 50; length++) contextB.receive(contextA.self, new Uint8Array(length).fill(0xff));
  expect(contextB.counts.get('uds_protocol_errors')).toBe(50);
});

test('two instances of different names work side by side', async () => {
  const [contextA, contextB] = await linkedContexts();
  const other = uds({ name: 'bulk' });
  expect(other.name).toBe('bulk');
  const transports = (await Promise.all(
    [uds(), other].flatMap((plugin) => [contextA, contextB].map((context) => plugin.create(context))),
  )) as PeerTransport[];
  expect((await readdir(contextA.directory)).length).toBe(4);
  for (const transport of transports) await transport.close();
  expect(await readdir(contextA.directory)).toEqual([]);
});

test.each(['', 'UDS', '9', 'a b', 'x'.repeat(33)])('%j is no name', (name) => {
  expect(() => uds({ name })).toThrow(/INVALID_OPTION/);
});
