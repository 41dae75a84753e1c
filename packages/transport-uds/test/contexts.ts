import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, PeerInfo, TransportContext } from '@busbar/core/contract';
import { onTestFinished } from 'vitest';

/** A 0700 directory that is gone, contents included, when the test ends. */
export async function scratchDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'uds-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export const clock: Clock = {
  now: () => performance.now(),
  setTimer(callback, ms) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A clock that stands still until `advance`. */
export class HandClock implements Clock {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  get timers(): number {
    return this.#timers.length;
  }

  setTimer(callback: () => void, ms: number): { cancel(): void } {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
  }
}

export function participant(name: string): PeerInfo {
  return { id: randomBytes(8).toString('hex'), name, pid: process.pid, uid: process.getuid?.(), verified: false };
}

/** A context whose control goes where `link` leads, with what was counted and logged. */
export interface TestContext extends TransportContext {
  readonly counts: Map<string, number>;
  /** Delivers a control message that `peer` sent. */
  receive(peer: PeerInfo, message: Uint8Array): void;
  lose(peer: PeerInfo): void;
  /** Set by the test: where control messages go; false when there is no link. */
  link: (peer: PeerInfo, message: Uint8Array) => boolean;
}

export function testContext(directory: string, self: PeerInfo, time: Clock = clock): TestContext {
  let onMessage = (_peer: PeerInfo, _message: Uint8Array): void => {};
  let onLost = (_peer: PeerInfo, _dead: boolean): void => {};
  const counts = new Map<string, number>();
  const quiet = (): void => {};
  const context: TestContext = {
    self,
    directory,
    clock: time,
    counts,
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    metrics: { count: (name, delta) => counts.set(name, (counts.get(name) ?? 0) + delta) },
    signal: new AbortController().signal,
    limits: { maxFrameLength: 2_097_152, unwrittenBytes: 262_144 },
    link: () => false,
    receive: (peer, message) => onMessage(peer, message),
    lose: (peer) => onLost(peer, true),
    control: {
      send: (peer, message) => context.link(peer, message),
      violation: (_peer, error) => counts.set(error.code, (counts.get(error.code) ?? 0) + 1),
      onMessage: (handler) => {
        onMessage = handler;
      },
      onPeerLost: (handler) => {
        onLost = handler;
      },
    },
  };
  return context;
}

/** Two contexts that reach each other, in one directory. */
export async function linkedContexts(): Promise<[TestContext, TestContext]> {
  const directory = await scratchDirectory();
  const a = testContext(directory, participant('a'));
  const b = testContext(directory, participant('b'));
  const deliver = (to: TestContext, from: PeerInfo) => (_peer: PeerInfo, message: Uint8Array) => {
    setImmediate(() => to.receive(from, Uint8Array.from(message)));
    return true;
  };
  a.link = deliver(b, a.self);
  b.link = deliver(a, b.self);
  return [a, b];
}
