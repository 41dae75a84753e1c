import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type BusError, KIND } from '../../src/contract/index.ts';
import { ControlConnection } from '../../src/control/control-connection.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'bb-control-'));
const server = createServer({ pauseOnConnect: true });
await once(server.listen(path.join(directory, 's')), 'listening');
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

process.on('exit', () => rmSync(directory, { recursive: true }));

async function pair(): Promise<[ControlConnection, ControlConnection]> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const dialled = connect(path.join(directory, 's'));
  const [[other]] = await Promise.all([accepted, once(dialled, 'connect')]);
  sockets.push(dialled, other);
  return [new ControlConnection(dialled, () => {}), new ControlConnection(other, () => {})];
}

test('the last word is heard, though the other side writes before it reads', async () => {
  const [leaving, staying] = await pair();
  const heard: number[] = [];
  staying.onMessage(({ kind }) => heard.push(kind));
  const ended = new Promise<BusError | undefined>((resolve) => staying.onClose(resolve));
  staying.socket.pause();
  leaving.send(KIND.BYE, 0, new Uint8Array(0));
  const closed = leaving.close();
  for (let i = 0; i < 10; i++) await turn();
  for (let i = 0; i < 3; i++) {
    staying.send(KIND.RECEIPT, i, new Uint8Array(0));
    await turn();
  }
  staying.socket.resume();
  expect(await ended).toBeUndefined();
  expect(heard).toEqual([KIND.BYE]);
  await closed;
});

test('a peer that does not read does not hold up the closing', async () => {
  const [leaving, staying] = await pair();
  staying.socket.pause();
  leaving.send(KIND.BYE, 0, new Uint8Array(0));
  await leaving.close();
  expect(leaving.socket.destroyed).toBe(true);
});
