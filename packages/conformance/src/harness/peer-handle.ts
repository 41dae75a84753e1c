import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { FromPeer, ToPeer } from '../peer/wire.ts';

/** Where a peer runs: a process of its own, or a worker thread of the harness's process. */
export type PeerKind = 'process' | 'thread';

/** A running peer program. */
export interface PeerHandle {
  readonly kind: PeerKind;
  /** Undefined for a thread. */
  readonly pid: number | undefined;
  post(message: ToPeer): void;
  onMessage(handler: (message: FromPeer) => void): void;
  /** Settles with the exit code, or the signal, when the peer has ended. */
  readonly exited: Promise<string>;
  /** kill -9, or terminate for a thread; resolves when it has ended. */
  kill(): Promise<string>;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
}

const PROGRAM = new URL('../peer/main.js', import.meta.url);

/**
 * Has glibc give freed blocks of 64 KiB and more back at once (mallopt(3)), so that what is resident is in use. That is
 * what Node reads sockets into; smaller ones stay, scattered, at the most there ever were between two collections.
 */
const STEADY_MEMORY = { MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '131072' };

export interface SpawnOptions {
  /** A shell line that ends by starting `"$@"`: `ulimit -n 64; exec "$@"`. Processes only. */
  readonly through?: string;
  readonly execArgv?: readonly string[];
  /** Drops what it prints: for a peer that is meant to crash. */
  readonly quiet?: boolean;
}

export function spawnPeer(kind: PeerKind, options: SpawnOptions = {}): PeerHandle {
  return kind === 'process' ? spawnProcess(options) : spawnThread();
}

function spawnProcess({ through, execArgv = [], quiet = false }: SpawnOptions): PeerHandle {
  const program = fileURLToPath(PROGRAM);
  const shell = through === undefined ? {} : { execPath: '/bin/sh' };
  const wrap = through === undefined ? [] : ['-c', through, 'sh', process.execPath];
  const child = fork(program, [], {
    ...shell,
    execArgv: [...wrap, ...execArgv],
    env: { ...process.env, ...STEADY_MEMORY },
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', quiet ? 'ignore' : 'inherit', 'ipc'],
  });
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? String(code)));
    child.once('error', (error) => resolve(error.message));
  });
  return {
    kind: 'process',
    pid: child.pid,
    exited,
    post: (message) => {
      if (child.connected) child.send(message, () => {});
    },
    onMessage: (handler) => void child.on('message', handler),
    kill: () => {
      child.kill('SIGKILL');
      return exited;
    },
    signal: (name) => void child.kill(name),
  };
}

function spawnThread(): PeerHandle {
  const worker = new Worker(PROGRAM, { execArgv: [] });
  let failure = '';
  worker.on('error', (error) => {
    failure = ` after ${error.stack ?? error.message}`;
  });
  const exited = new Promise<string>((resolve) => {
    worker.once('exit', (code) => resolve(`${code}${failure}`));
  });
  return {
    kind: 'thread',
    pid: undefined,
    exited,
    post: (message) => worker.postMessage(message),
    onMessage: (handler) => void worker.on('message', handler),
    kill: async () => {
      await worker.terminate();
      return exited;
    },
    signal: (name) => {
      throw new Error(`a thread takes no ${name}`);
    },
  };
}
