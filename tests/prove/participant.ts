import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ActionsOf, RoleName } from './roles/index.ts';

/** From the harness to a process, and back. */
export interface Call {
  readonly id: number;
  readonly action: string;
  readonly args: readonly unknown[];
}
export type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

const ROLE_PROCESS = fileURLToPath(new URL('./role-process.js', import.meta.url));
/** A call that takes longer hangs. */
const CALL_MS = 60_000;

type Arguments<F> = F extends (...args: infer A) => unknown ? A : never;
type Value<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;

/** A process that plays a role; its actions are called by name. */
export class Participant<R extends RoleName> {
  readonly #child: ChildProcess;
  readonly #role: R;
  readonly #calls = new Map<number, (reply: Reply) => void>();
  #lastId = 0;

  constructor(role: R) {
    this.#role = role;
    this.#child = fork(ROLE_PROCESS, [role], { serialization: 'advanced' });
    this.#child.on('message', (reply) => this.#settle(reply as Reply));
    this.#child.on('exit', (code, signal) => {
      for (const id of this.#calls.keys()) this.#settle({ id, error: `the process ended: ${signal ?? code}` });
    });
  }

  /** @throws Error what the action threw, or that its process ended or does not answer */
  call<A extends keyof ActionsOf<R> & string>(
    action: A,
    ...args: Arguments<ActionsOf<R>[A]>
  ): Promise<Value<ActionsOf<R>[A]>> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const fail = (error: string): void => reject(new Error(`${this.#role}.${action}: ${error}`));
      const timer = setTimeout(() => this.#settle({ id, error: `no answer in ${CALL_MS / 1000} s` }), CALL_MS);
      this.#calls.set(id, (reply) => {
        clearTimeout(timer);
        if ('error' in reply) fail(reply.error);
        else resolve(reply.value as Value<ActionsOf<R>[A]>);
      });
      if (!this.#child.connected) this.#settle({ id, error: 'the process has ended' });
      else {
        // With a callback, a process that ends while it is written to fails this call and not the harness.
        this.#child.send({ id, action, args } satisfies Call, (error) => {
          if (error !== null) this.#settle({ id, error: error.message });
        });
      }
    });
  }

  #settle(reply: Reply): void {
    this.#calls.get(reply.id)?.(reply);
    this.#calls.delete(reply.id);
  }

  /** kill -9; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** Runs `work` with a runtime directory and processes of its own, all gone afterwards. */
export async function withParticipants(
  work: (directory: string, start: <R extends RoleName>(role: R) => Participant<R>) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'bb-'));
  const all: Participant<RoleName>[] = [];
  const start = <R extends RoleName>(role: R): Participant<R> => {
    const participant = new Participant(role);
    all.push(participant as unknown as Participant<RoleName>);
    return participant;
  };
  try {
    await work(directory, start);
  } finally {
    await Promise.all(all.map((participant) => participant.kill()));
    rmSync(directory, { recursive: true, force: true });
  }
}
