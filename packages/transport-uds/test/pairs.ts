import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { PeerInfo, PeerTransport, Receiver, Sender } from '@busbar/core/contract';
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
