import { once } from 'node:events';
import { readdir, stat, unlink, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { HELLO_BYTES } from '../src/handshake.ts';
import { Listener } from '../src/listener.ts';
import { HandClock, scratchDirectory } from './contexts.ts';

interface Opened {
  listener: Listener;
  clock: HandClock;
  hellos: Buffer[];
  strangers: (count: number) => Promise<void>;
}

async function open(directory: string, accept = false): Promise<Opened> {
  const clock = new HandClock();
  const hellos: Buffer[] = [];
  let cut = 0;
  let changed = (): void => {};
  const listener = await Listener.open(directory, 'me.uds.sock', clock, {
    onHello: (hello, socket) => {
      hellos.push(hello);
      if (accept) onTestFinished(() => void socket.destroy());
      return accept;
    },
    onStranger: () => {
      cut++;
      changed();
    },
    onError: () => {},
  });
  onTestFinished(() => listener.close());
  const strangers = (count: number): Promise<void> =>
    new Promise((resolve) => {
      changed = () => cut >= count && resolve();
      changed();
    });
  return { listener, clock, hellos, strangers };
}

async function dial(path: string): Promise<Socket> {
  const socket = connect(path);
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

test('one file, for its owner only, gone after close', async () => {
  const directory = await scratchDirectory();
  const { listener } = await open(directory);
  expect(await readdir(directory)).toEqual(['me.uds.sock']);
  expect((await stat(listener.path)).mode & 0o777).toBe(0o600);
  await listener.close();
  expect(await readdir(directory)).toEqual([]);
});

test("another's file under its name is left alone", async () => {
  const directory = await scratchDirectory();
  const { listener } = await open(directory);
  await unlink(listener.path);
  await writeFile(listener.path, 'mine');
  await listener.close();
  expect(await readdir(directory)).toEqual(['me.uds.sock']);
});

test('the residue of a killed process does not stand in the way', async () => {
  const directory = await scratchDirectory();
  await writeFile(join(directory, 'me.uds.sock'), '');
  const { listener } = await open(directory);
  await dial(listener.path);
});

test('a path over the limit is refused before anything is made', async () => {
  const directory = await scratchDirectory();
  await expect(open(join(directory, 'x'.repeat(100)))).rejects.toMatchObject({ code: 'PATH_TOO_LONG' });
  expect(await readdir(directory)).toEqual([]);
});

test('a missing directory is a typed error', async () => {
  await expect(open('/nonexistent')).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
});

test('garbage is cut and counted', async () => {
  const { listener, hellos, strangers } = await open(await scratchDirectory());
  const socket = await dial(listener.path);
  socket.write(Buffer.alloc(HELLO_BYTES + 100, 0xff));
  socket.resume();
  await Promise.all([once(socket, 'close'), strangers(1)]);
  expect(hellos).toHaveLength(1);
});

test('a hello may come byte by byte', async () => {
  const { listener, hellos } = await open(await scratchDirectory(), true);
  const socket = await dial(listener.path);
  for (let i = 0; i < HELLO_BYTES; i++) {
    await new Promise((resolve) => socket.write(Uint8Array.of(i), resolve));
  }
  while (hellos.length === 0) await new Promise(setImmediate);
  expect([...hellos[0]]).toEqual(Array.from({ length: HELLO_BYTES }, (_, i) => i));
});

test('silence is cut after a second', async () => {
  const { listener, clock, strangers } = await open(await scratchDirectory());
  const socket = await dial(listener.path);
  while (clock.timers === 0) await new Promise(setImmediate);
  clock.advance(999);
  expect(clock.timers).toBe(1);
  clock.advance(1);
  socket.resume();
  await Promise.all([once(socket, 'close'), strangers(1)]);
});

test('at most 64 strangers wait; the next is cut at once', async () => {
  const { listener, clock, strangers } = await open(await scratchDirectory());
  for (let i = 0; i < 64; i++) await dial(listener.path);
  while (clock.timers < 64) await new Promise(setImmediate);
  const socket = await dial(listener.path);
  socket.resume();
  await Promise.all([once(socket, 'close'), strangers(1)]);
  expect(clock.timers).toBe(64);
});

test('a stranger that leaves by itself is counted and leaves no timer', async () => {
  const { listener, clock, strangers } = await open(await scratchDirectory());
  const socket = await dial(listener.path);
  while (clock.timers === 0) await new Promise(setImmediate);
  socket.destroy();
  await strangers(1);
  expect(clock.timers).toBe(0);
});
