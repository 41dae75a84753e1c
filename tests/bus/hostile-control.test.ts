import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Bus, BusError } from '@busbar/core';
import { encodeFrame, KIND } from '@busbar/core/contract';
import { available } from '@busbar/native';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { errorsOf, expectBalanced, joined, next, open, scratch, until } from './harness.ts';
import { Hostile, stranger } from './hostile.ts';
import { record } from './recorder.mjs';

const native = (await available()).available;
const root = process.getuid?.() === 0 && existsSync('/usr/bin/setpriv');

let bus: Bus;
let directory: string;
let folder: string;
let errors: BusError[];

beforeEach(async () => {
  directory = scratch();
  folder = path.join(directory, 'default');
  bus = await open({ name: 'target', directory, limits: { subscriptionsPerPeer: 20 } });
  errors = errorsOf(bus);
});

/** After whatever was tried, an honest pair still talks. */
async function expectAlive(): Promise<void> {
  const other = await open({ name: 'alive', directory });
  await Promise.all([joined(bus, 'alive'), joined(other, 'target')]);
  const heard = record(other, 'alive');
  await heard.subscription.ready;
  await bus.publish('alive', 'yes');
  expect(heard.data).toEqual(['yes']);
  await other.close();
  expectBalanced(bus.counters);
}

afterEach(() => expectAlive());

async function expectRefusal(code: string): Promise<BusError> {
  await until(() => errors.length > 0);
  expect(errors[0]).toMatchObject({ name: 'BusError', code, where: expect.any(String) });
  expect(bus.counters.protocolErrors).toBe(1);
  expect(bus.peers).toEqual([]);
  return errors[0] as BusError;
}

describe('garbage on the control socket', () => {
  test.each([
    ['random bytes', randomBytes(4096)],
    ['a length of 2^32 - 1', Buffer.alloc(64, 0xff)],
    ['a length under a header', Buffer.alloc(64)],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl\r\n\r\n')],
    ['a frame that is no HELLO', encodeFrame({ kind: KIND.SUBSCRIBE, payload: Buffer.from('{}') })],
    ['a HELLO that is no JSON', encodeFrame({ kind: KIND.HELLO, payload: Buffer.from('{') })],
    ['a HELLO that is null', encodeFrame({ kind: KIND.HELLO, payload: Buffer.from('null') })],
  ])('%s: counted, told, cut', async (_, bytes) => {
    const connection = stranger(bus, folder);
    connection.raw(bytes);
    await connection.ended;
    await expectRefusal('PROTOCOL_ERROR');
  });

  test('a connection that says nothing is cut after a while', async () => {
    await stranger(bus, folder).ended;
    await expectRefusal('PROTOCOL_ERROR');
  });

  test('300 silent connections keep nobody out for long', async () => {
    const crowd = Array.from({ length: 300 }, () => stranger(bus, folder));
    await expectAlive();
    await Promise.all(crowd.map(({ ended }) => ended));
  });

  test('a HELLO one byte at a time is a HELLO', async () => {
    const hostile = new Hostile(bus, folder);
    const joins = next(bus, 'join');
    const bytes = encodeFrame({ kind: KIND.HELLO, payload: Buffer.from(JSON.stringify(hostile.hello())) });
    for (const byte of bytes) {
      hostile.control.raw(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await joins).name).toBe('hostile');
    expect(errors).toEqual([]);
  });
});

describe('a HELLO that is refused', () => {
  test.each([
    ['another contract version', { contract: '9.0' }, 'VERSION_MISMATCH'],
    ['no contract version', { contract: 1 }, 'VERSION_MISMATCH'],
    ['a wrong secret', { secret: '0'.repeat(64) }, 'AUTH_FAILED'],
    ['a short secret', { secret: '' }, 'AUTH_FAILED'],
    ['no secret', { secret: null }, 'AUTH_FAILED'],
    ['another bus', { bus: 'other' }, 'PROTOCOL_ERROR'],
    ['a wrong id', { id: '../../etc' }, 'PROTOCOL_ERROR'],
    ['a wrong name', { name: 'a b' }, 'PROTOCOL_ERROR'],
    ['no process', { process: undefined }, 'PROTOCOL_ERROR'],
    ['a process that is none', { process: { pid: 'one' } }, 'PROTOCOL_ERROR'],
    ['patterns that are none', { patterns: ['a..b'] }, 'PROTOCOL_ERROR'],
    ['services with wildcards', { services: ['a.*'] }, 'PROTOCOL_ERROR'],
    ['transports without an address', { transports: [{ name: 'uds', contract: '1.0' }] }, 'PROTOCOL_ERROR'],
    [
      'an address of 300 bytes',
      { transports: [{ name: 'uds', contract: '1.0', address: 'x'.repeat(300) }] },
      'PROTOCOL_ERROR',
    ],
    [
      'more subscriptions than the quota',
      { patterns: Array.from({ length: 21 }, (_, n) => `t${n}`) },
      'QUOTA_EXCEEDED',
    ],
  ])('%s', async (_, changes, code) => {
    const hostile = new Hostile(bus, folder);
    hostile.sayHello(changes);
    const bye = await hostile.control.frame(KIND.BYE);
    expect(bye.payload.toString()).toContain(code);
    await hostile.control.ended;
    await expectRefusal(code);
  });

  test('a version error names both versions', async () => {
    new Hostile(bus, folder).sayHello({ contract: '9.7' });
    const error = await expectRefusal('VERSION_MISMATCH');
    expect(error.message).toMatch(/9\.7.*1\.0/);
    expect(error.where).toContain('hostile');
    expect(error.remedy).toBeTruthy();
  });

  test.skipIf(!root || !native)('a foreign uid that got hold of everything else (needs root and native)', async () => {
    // The directory keeps others out; opened here by force, the kernel's word on the peer still does.
    const socket = path.join(folder, `${bus.self.id}.sock`);
    for (const opened of [directory, folder]) chmodSync(opened, 0o755);
    chmodSync(socket, 0o666);
    const hello = encodeFrame({
      kind: KIND.HELLO,
      payload: Buffer.from(JSON.stringify(new Hostile(bus, folder).hello())),
    });
    const program = `
      const socket = require('node:net').connect(${JSON.stringify(socket)});
      socket.on('connect', () => socket.write(Buffer.from(${JSON.stringify(Buffer.from(hello).toString('hex'))}, 'hex')));
      socket.on('close', () => process.exit(0));
      socket.on('error', () => process.exit(1));
      socket.resume();`;
    const child = spawn(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', program],
      {
        cwd: '/',
      },
    );
    expect(await once(child, 'exit')).toEqual([0, null]);
    for (const opened of [directory, folder]) chmodSync(opened, 0o700);
    const error = await expectRefusal('FOREIGN_UID');
    expect(error.message).toContain('65534');
    expect(error.remedy).toBeTruthy();
  });

  test.skipIf(!root)('a foreign uid does not even get to the socket (needs root)', async () => {
    const program = `require('node:net').connect(${JSON.stringify(path.join(folder, `${bus.self.id}.sock`))})
      .on('error', (error) => { process.stdout.write(error.code); });`;
    const child = spawn(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', program],
      {
        cwd: '/',
      },
    );
    expect(String((await once(child.stdout, 'data'))[0])).toBe('EACCES');
  });
});

describe('a participant that misbehaves after HELLO', () => {
  test.each([
    ['a subscription that is no JSON', KIND.SUBSCRIBE, 'no json', 'PROTOCOL_ERROR'],
    ['a subscription that is null', KIND.SUBSCRIBE, 'null', 'PROTOCOL_ERROR'],
    ['a subscription to what is no pattern', KIND.SUBSCRIBE, '{"patterns":["a..b", 7]}', 'PROTOCOL_ERROR'],
    ['patterns that are no list', KIND.SUBSCRIBE, '{"patterns":{"length":1}}', 'PROTOCOL_ERROR'],
    ['an unsubscribe that is no JSON', KIND.UNSUBSCRIBE, '}', 'PROTOCOL_ERROR'],
    [
      'too many subscriptions',
      KIND.SUBSCRIBE,
      JSON.stringify({ patterns: Array.from({ length: 21 }, (_, n) => `t${n}`) }),
      'QUOTA_EXCEEDED',
    ],
    [
      'too many services',
      KIND.SUBSCRIBE,
      JSON.stringify({ services: Array.from({ length: 21 }, (_, n) => `s${n}`) }),
      'QUOTA_EXCEEDED',
    ],
  ])('%s: told why, and cut', async (_, kind, text, code) => {
    const hostile = await new Hostile(bus, folder).join();
    const lost = next(bus, 'lost');
    hostile.control.send({ kind, messageId: 1, payload: Buffer.from(text) });
    expect((await lost).name).toBe('hostile');
    expect((await hostile.control.frame(KIND.BYE)).payload.toString()).toContain(code);
    await hostile.control.ended;
    await expectRefusal(code);
    expect((await bus.publish('t1', 1)).deliveries).toEqual([]);
  });

  test('unknown kinds: answered below 128, skipped from 128 on, both counted, the link kept', async () => {
    const hostile = await new Hostile(bus, folder).join();
    hostile.control.send({ kind: 200, messageId: 1 });
    hostile.control.send({ kind: 100, messageId: 2 });
    const answer = await hostile.control.frame(KIND.ERROR);
    expect(answer.id).toBe(2);
    expect(JSON.parse(answer.payload.toString())).toMatchObject({ code: 'UNSUPPORTED_KIND' });
    expect(bus.counters.protocolErrors).toBe(2);
    expect(bus.peers).toHaveLength(1);
  });

  test('a frame of another version is counted and skipped, the link kept', async () => {
    const hostile = await new Hostile(bus, folder).join();
    hostile.control.send({ kind: KIND.SUBSCRIBE, version: 2, payload: Buffer.from('?') });
    hostile.control.send({ kind: KIND.SUBSCRIBE, messageId: 9, payload: Buffer.from('{"patterns":["later"]}') });
    expect((await hostile.control.frame(KIND.RECEIPT)).id).toBe(9);
    expect(bus.counters.protocolErrors).toBe(1);
  });

  test('receipts for what was never sent, and attach for nobody, do nothing', async () => {
    const hostile = await new Hostile(bus, folder).join();
    hostile.control.send({ kind: KIND.RECEIPT, messageId: 2 ** 40 });
    hostile.control.send({ kind: KIND.ATTACH, topicName: 'nowhere', payload: randomBytes(100) });
    hostile.control.send({ kind: KIND.ATTACH, topicName: 'uds', payload: randomBytes(3) });
    const subscription = bus.subscribe('t');
    let ready = false;
    void subscription.ready.then(() => {
      ready = true;
    });
    const { id } = await hostile.control.frame(KIND.SUBSCRIBE);
    expect(ready).toBe(false);
    hostile.control.send({ kind: KIND.RECEIPT, messageId: id });
    await subscription.ready;
  });

  test('one that never acknowledges a subscription holds up its own link only', async () => {
    await new Hostile(bus, folder).join({ patterns: ['t'] });
    const subscription = bus.subscribe('own');
    const other = await open({ directory });
    const heard = record(other, 't');
    await heard.subscription.ready;
    const { deliveries } = await bus.publish('t', 1, { deadline: 200 });
    expect(deliveries.map(({ outcome }) => outcome).sort()).toEqual(['delivered', 'expired']);
    expect(heard.data).toEqual([1]);
    subscription.close();
    await other.close();
  });

  test('an impostor with the id of a living peer is turned away; the peer keeps its link', async () => {
    const other = await open({ name: 'honest', directory });
    const impostor = new Hostile(bus, folder);
    impostor.sayHello({ id: other.self.id });
    expect((await impostor.control.frame(KIND.BYE)).payload.toString()).toContain('duplicate');
    const self = new Hostile(bus, folder);
    self.sayHello({ id: bus.self.id });
    await self.control.frame(KIND.BYE);
    expect(bus.peers.map(({ name }) => name)).toEqual(['honest']);
    await other.close();
  });

  test('the secret file is not replaced, and one that is open to others is refused', async () => {
    const secret = path.join(folder, 'secret');
    const before = readFileSync(secret, 'utf8');
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    chmodSync(secret, 0o644);
    await expect(open({ directory })).rejects.toMatchObject({ code: 'RUNTIME_DIR_UNSAFE', where: secret });
    chmodSync(secret, 0o600);
    writeFileSync(secret, 'short');
    await expect(open({ directory })).rejects.toMatchObject({ code: 'RUNTIME_DIR_UNSAFE' });
    writeFileSync(secret, before);
  });
});
