// Measures critical messages between this process and another one, by four ways to wait for them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createBus } from '@busbar/core';
import { sharedMemoryAvailable } from '@busbar/native';
import { shm } from '@busbar/transport-shm';
import { Hello } from './contracts.ts';
import { displayOn } from './display.ts';
import { measure } from './measure.ts';
import { RingEnd } from './ring.ts';

const ANSWERER = fileURLToPath(new URL('./answerer.js', import.meta.url));
/** The answering process ends when this one leaves the bus; one that has not after so long is killed. */
const STOP_MS = 5000;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const DEFAULT_SECONDS = 9;
const USAGE = `usage: critical [--seconds N]

Measures critical messages between two processes by four ways to wait for them.

  --seconds N  how long to measure, from 0.1 to 3600 (default ${DEFAULT_SECONDS})
  --help       print this
`;

/** @throws Error when the command line asks for something that does not exist */
function readSeconds(): number | 'help' {
  const { values } = parseArgs({ options: { seconds: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help === true) return 'help';
  const seconds = Number(values.seconds ?? DEFAULT_SECONDS);
  if (seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new Error(`--seconds is a number from 0.1 to 3600, not '${values.seconds}'`);
}

async function main(seconds: number): Promise<void> {
  const memory = await sharedMemoryAvailable();
  if (!memory.available) throw new Error(`${memory.reason}: ${memory.fix}`);
  const interrupted = new AbortController();
  const onSignal = (): void => interrupted.abort();
  // Once: who asks twice will not wait for the end of a turn.
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const directory = await mkdtemp(join(tmpdir(), 'critical-'));
  let answerer: ChildProcess | undefined;
  try {
    await using bus = await createBus({ name: 'asker', plugins: [shm()], directory });
    const end = new RingEnd();
    const hello = new Promise<void>((resolve) => {
      bus.serve(Hello, (address) => {
        end.connect(address);
        resolve();
        return end.address;
      });
    });
    answerer = spawn(process.execPath, [ANSWERER], {
      env: { ...process.env, BUSBAR_DIR: directory },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const lost = once(answerer, 'exit').then(([code, signal]) => {
      end.stop();
      throw new Error(`the answering process ended: ${signal ?? `exit code ${code}`}`);
    });
    await Promise.race([hello, lost]);
    const display = displayOn(process.stdout);
    await Promise.race([measure({ bus, end, directory, seconds, display, signal: interrupted.signal }), lost]);
  } finally {
    if (answerer !== undefined) await ended(answerer);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await rm(directory, { recursive: true, force: true });
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await once(child, 'exit');
  clearTimeout(late);
}

try {
  const seconds = readSeconds();
  if (seconds === 'help') process.stdout.write(USAGE);
  else
    await main(seconds).catch((error: Error) => {
      process.stderr.write(`critical: ${error.message}\n`);
      process.exitCode = EXIT_FAILED;
    });
} catch (error) {
  process.stderr.write(`critical: ${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}
