import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  DONE,
  encodeFrame,
  type FrameHandler,
  KIND,
  type PeerInfo,
  type PeerTransport,
  type Receiver,
  type Sender,
} from '@busbar/core/contract';
import { onTestFinished } from 'vitest';
import { encodeDial } from '../src/handshake.ts';
import { uds } from '../src/index.ts';
import { linkedContexts, type TestContext } from './contexts.ts';

export interface Pair {
  readonly a: PeerTransport;
  readonly b: PeerTransport;
  readonly contextA: TestContext;
  readonly contextB: TestContext;
  readonly sender: Sender;
  readonly receiver: Receiver;
}

/** Two participants in this process and a sender from the first into the second. */
export async function openPair(): Promise<Pair> {
  const [contextA, contextB] = await linkedContexts();
  const a = (await uds().create(contextA)) as PeerTransport;
  const b = (await uds().create(contextB)) as PeerTransport;
  onTestFinished(async () => {
    await a.close();
    await b.close();
  });
  const receiver = await b.listen();
  const sender = await a.connect(receiver.address, contextB.self);
  return { a, b, contextA, contextB, sender, receiver };
}

/** A receiving participant and a bare socket that it takes for a sender's: anything can be written to it. */
export async function openRaw(): Promise<{ context: TestContext; receiver: Receiver; socket: Socket; from: PeerInfo }> {
  const [{ self: from }, context] = await linkedContexts();
  const path = join(context.directory, `${from.id}.uds.sock`);
  const server = createServer().listen(path);
  await once(server, 'listening');
  const transport = (await uds().create(context)) as PeerTransport;
  onTestFinished(async () => {
    server.close();
    await transport.close();
  });
  const receiver = await transport.listen();
  context.receive(from, encodeDial(7, new Uint8Array(32), path));
  const [socket] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'data');
  return { context, receiver, socket, from };
}

/** A frame whose payload is `bytes` long and derives from `sequence`. */
export function frameOf(sequence: number, bytes: number): Uint8Array {
  const payload = Uint8Array.from({ length: bytes }, (_, i) => (sequence * 31 + i * 7) & 0xff);
  return encodeFrame({ kind: KIND.EVENT, sequence, payload });
}

/** Claims, writes and commits; the result of the claim. */
export function send(sender: Sender, frame: Uint8Array): number {
  const length = new DataView(frame.buffer).getUint32(0, true);
  const result = sender.tryClaim(length);
  if (result !== 0) return result;
  sender.frame.u8.set(frame.subarray(0, length), sender.offset);
  sender.commit();
  return result;
}

/** Everything that arrives, copied. `until(n)` resolves when n frames are there. */
export function collect(
  receiver: Receiver,
  perPoll = 1_000,
): { frames: Uint8Array[]; until: (count: number) => Promise<void> } {
  const frames: Uint8Array[] = [];
  let wanted = Number.POSITIVE_INFINITY;
  let resolve = (): void => {};
  const take: FrameHandler = (frame, offset, length) => {
    frames.push(frame.u8.slice(offset, offset + length));
    if (frames.length >= wanted) resolve();
    return DONE;
  };
  const poll = (): void => {
    receiver.poll(take, perPoll);
    if (!receiver.prepareToSleep()) setImmediate(poll);
  };
  receiver.onReadable(poll);
  return {
    frames,
    until(count) {
      return new Promise((done) => {
        wanted = count;
        resolve = done;
        if (frames.length >= count) done();
      });
    },
  };
}
