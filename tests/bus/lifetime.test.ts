import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { atEnd, joined, next, open, scratch, until } from './harness.ts';
import { record } from './recorder.mjs';

const SCRIPT = fileURLToPath(new URL('./peers/script.mjs', import.meta.url));

interface Running {
  readonly child: ChildProcess;
  readonly exit: Promise<[number | null, NodeJS.Signals | null]>;
  output: () => string;
}

/** `ipc`: keep fork's channel; without it nothing but its bus holds the program. */
function run(program: string, directory: string): Running {
  const child = fork(SCRIPT, [program, directory], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  atEnd(() => child.kill('SIGKILL'));
  return { child, exit: once(child, 'exit') as Running['exit'], output: () => output };
}

async function started(program: string, directory: string): Promise<Running> {
  const running = run(program, directory);
  await until(() => running.output().includes('ready') || running.child.exitCode !== null);
  expect(running.output()).toBe('ready\n');
  return running;
}

/** Of a core, in 5 s: 0.1 %. */
const MAX_IDLE_MICROS = 5000;

describe('how long a process lives', () => {
  test('one that publishes, asks, awaits and ends exits 0 by itself', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const heard = record(bus, 'news');
    bus.serve('echo', (input) => input);
    const { exit, output } = run('sender', directory);
    expect(await exit).toEqual([0, null]);
    expect(output()).toBe('delivered 1, answered hi\n');
    expect(heard.data).toEqual(['hello', ...Array.from({ length: 100 }, (_, n) => n)]);
  });

  test('an unsettled publish holds the process until it is settled', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const heard = record(bus, 'news');
    const { exit, output } = run('careless', directory);
    expect(await exit).toEqual([0, null]);
    expect(output()).toBe('delivered 1\n');
    expect(heard.data).toEqual(['not awaited']);
  });

  test('a transport that comes or goes holds the process until every peer knows', async () => {
    const directory = scratch();
    await open({ directory, transports: ['uds', 'uds-b'] });
    const { exit, output } = run('plugger', directory);
    expect(await exit).toEqual([0, null]);
    expect(output()).toBe('changed\n');
  });

  test('an open stream holds the process until it has ended', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    bus.serveStream('count', async function* (to: number) {
      for (let n = 1; n <= to; n++) {
        if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        yield n;
      }
      return 'done';
    });
    const { exit, output } = run('reader', directory);
    expect(await exit).toEqual([0, null]);
    expect(output()).toBe('500500, done\n');
  });

  test('a subscriber and a server stay, and with the last subscription the process ends', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const [subscriber, server, unsubscriber] = await Promise.all(
      ['subscriber', 'server', 'unsubscriber'].map((program) => started(program, directory)),
    );
    await bus.publish('news', 1);
    expect(await unsubscriber?.exit).toEqual([0, null]);
    expect(await bus.request('echo', 'still there')).toBe('still there');
    expect(subscriber?.child.exitCode).toBe(null);
    expect(server?.child.exitCode).toBe(null);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'closeOnSignals: %s closes in order, and the process ends by it',
    async (signal) => {
      const directory = scratch();
      const bus = await open({ directory });
      const running = await started('signalled', directory);
      const left = next(bus, 'leave');
      running.child.kill(signal);
      expect((await left).name).toBe('signalled');
      expect(await running.exit).toEqual([null, signal]);
      expect(readdirSync(path.join(directory, 'default', 'participants'))).toEqual([
        expect.stringMatching(`^${bus.self.id}\\.\\d+\\.json$`),
      ]);
    },
  );

  test('closeOnSignals: a second signal ends it at once', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const stuck = bus.subscribe('stuck');
    const running = await started('stubborn', directory);
    running.child.kill('SIGTERM');
    // It takes no more, so it has begun to close; it waits for what `stuck` does not take.
    await until(async () => (await bus.publish('news', 1)).deliveries.length === 0);
    expect(running.child.signalCode).toBe(null);
    expect(stuck.queued).toBeGreaterThan(0);
    const lost = next(bus, 'lost');
    running.child.kill('SIGTERM');
    expect(await running.exit).toEqual([null, 'SIGTERM']);
    expect((await lost).name).toBe('stubborn');
  });

  test('an idle participant among others costs less than 0.1 % of a core', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const others = await Promise.all(['subscriber', 'server'].map((program) => started(program, directory)));
    const { child } = await started('idle', directory);
    await joined(bus, 'idle');
    expect(await bus.request('echo', 1)).toBe(1);
    await bus.publish('news', 1);
    // What V8 has put off while others had the cores it does once, and not in each of three windows of 5 s.
    let micros = Number.POSITIVE_INFINITY;
    for (let window = 0; window < 3 && micros >= MAX_IDLE_MICROS; window++) {
      child.send('measure');
      [micros] = (await once(child, 'message')) as [number];
    }
    expect(micros).toBeLessThan(MAX_IDLE_MICROS);
    for (const other of others) expect(other.child.exitCode).toBe(null);
  });
});
