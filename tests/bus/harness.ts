import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as core from '@busbar/core';
import { type Bus, type BusOptions, createBus, OK, OUTCOMES, type PeerInfo, type Publisher } from '@busbar/core';
import { memory } from '@busbar/transport-memory';
import { shm } from '@busbar/transport-shm';
import { uds } from '@busbar/transport-uds';
import { afterEach, expect } from 'vitest';
import type { record, Whatever } from './recorder.mjs';

const PARTICIPANT = fileURLToPath(new URL('./peers/participant.mjs', import.meta.url));
const OWN_NAMES: Record<string, typeof memory | typeof shm | undefined> = { memory, shm };
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** What a test has opened, ended after it in reverse order. */
const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of opened.splice(0).reverse()) await end();
});

/** Runs `end` after the test. */
export function atEnd(end: () => unknown): void {
  opened.push(end);
}

/** A runtime directory of the test's own. */
export function scratch(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'bb-'));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** `transports`: names, as instances of uds; `memory` and `shm` are themselves. Default `['uds']`. */
export interface OpenOptions extends Omit<BusOptions, 'plugins'> {
  transports?: readonly string[];
}

/** A bus in this process; closed after the test, and its counters are checked. */
export async function open({ transports = ['uds'], ...options }: OpenOptions): Promise<Bus> {
  const plugins = transports.map((name) => OWN_NAMES[name]?.() ?? uds({ name }));
  const bus = await createBus({ logger: silent, ...options, plugins });
  atEnd(async () => {
    // Not every test is about messages that still wait; those that are close by themselves.
    await bus.close({ timeout: 100 });
    expectBalanced(bus.counters);
  });
  return bus;
}

/** Errors of a bus that no call reports, as they come. */
export function errorsOf(bus: Bus): core.BusError[] {
  const errors: core.BusError[] = [];
  bus.on('error', (error) => errors.push(error));
  return errors;
}

/** What a function given to `Peer.run` works with; see peers/participant.mjs. */
export interface PeerContext {
  bus: Bus;
  core: typeof core;
  crypto: typeof import('node:crypto');
  memory: typeof memory;
  /** The transport of that name, loaded when it is asked for. */
  plugin: (name: string) => Promise<core.TransportPlugin>;
  uds: typeof uds;
  record: typeof record;
  /** `control`, or the name of a uds transport. Returns how many sockets there were. */
  cut: (kind: string) => number;
  errors: string[];
  kept: Record<string, Whatever>;
  open(options: OpenOptions): Promise<PeerInfo>;
}

/** A participant in a process of its own. */
export class Peer {
  readonly process: ChildProcess;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastCall = 0;

  private constructor(child: ChildProcess) {
    this.process = child;
    child.on('message', (message: { id: number; value?: unknown; failure?: object }) => {
      const call = this.#calls.get(message.id);
      this.#calls.delete(message.id);
      if (message.failure === undefined) call?.resolve(message.value);
      else call?.reject(Object.assign(new Error('in the peer'), message.failure));
    });
    child.on('exit', (code, signal) => {
      for (const call of this.#calls.values()) call.reject(new Error(`the peer ended: ${code ?? signal}`));
    });
  }

  /** A process without a bus yet. `execArgv` goes to node. */
  static async start(execArgv: readonly string[] = []): Promise<Peer> {
    const child = fork(PARTICIPANT, { serialization: 'advanced', execArgv: [...execArgv] });
    const peer = new Peer(child);
    atEnd(() => peer.kill());
    await once(child, 'message');
    return peer;
  }

  /** A process with a bus on uds, connected to everybody there. */
  static async open(options: OpenOptions): Promise<Peer> {
    const peer = await Peer.start();
    await peer.run((context, given) => context.open(given), options);
    return peer;
  }

  get pid(): number {
    return this.process.pid as number;
  }

  /** Evaluates `task` in the peer; it sees its arguments and nothing else of the test. */
  run<A, R>(task: (context: PeerContext, argument: A) => R, argument?: A): Promise<Awaited<R>> {
    const id = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.process.send({ id, source: task.toString(), argument });
    });
  }

  /** Sends a signal, `SIGKILL` by default, and resolves with how the process ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | string> {
    const { process: child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    }
    return child.signalCode ?? (child.exitCode as number);
  }
}

/** Resolves with the peer of that name once it is connected. */
export function joined(bus: Bus, name: string): Promise<PeerInfo> {
  return new Promise((resolve) => {
    const present = bus.peers.find((peer) => peer.name === name);
    if (present !== undefined) {
      resolve(present);
      return;
    }
    const listener = (peer: PeerInfo): void => {
      if (peer.name !== name) return;
      bus.off('join', listener);
      resolve(peer);
    };
    bus.on('join', listener);
  });
}

/** Resolves with the peer of the next such event. */
export function next(bus: Bus, event: 'join' | 'leave' | 'lost'): Promise<PeerInfo> {
  return new Promise((resolve) => {
    const listener = (peer: PeerInfo): void => {
      bus.off(event, listener);
      resolve(peer);
    };
    bus.on(event, listener);
  });
}

/** For what tells nobody when it happens: looks until it is so. The test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Sends `value` until the publisher is told BACK_PRESSURED; returns how many were accepted. */
export function fill<T>(publisher: Publisher<T>, value: T): number {
  let sent = 0;
  while (publisher.send(value) === OK) if (++sent > 100_000) throw new Error('no back-pressure in 100,000 messages');
  return sent;
}

/** Promise 2: at rest, every delivery that began has exactly one outcome. */
export function expectBalanced(counters: Bus['counters']): void {
  expect(settled(counters)).toBe(counters.targets);
}

/** Resolves when `bus` is at rest: a confirmation may come later than what the other side says of the message. */
export function atRest(bus: Bus): Promise<void> {
  return until(() => settled(bus.counters) === bus.counters.targets);
}

function settled({ outcomes }: Bus['counters']): number {
  return OUTCOMES.reduce((sum, outcome) => sum + outcomes[outcome], 0);
}

/** Asserts a typed error: code, and a message that names the place. Returns it. */
export async function refusal(promise: Promise<unknown> | (() => unknown), code: string): Promise<core.BusError> {
  let caught: unknown;
  try {
    await (typeof promise === 'function' ? promise() : promise);
  } catch (error) {
    caught = error;
  }
  expect(caught, `expected ${code}`).toMatchObject({ name: 'BusError', code });
  return caught as core.BusError;
}
