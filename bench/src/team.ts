import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Histogram } from './histogram.ts';
import type { Answer, JobOrder, Order } from './process-end.ts';
import type { ProgramName } from './programs/index.ts';

/** What one slice measured. */
export interface SliceResult {
  /** Messages per second of each pair. */
  readonly rates: readonly number[];
  readonly latencies: Histogram;
  /** Processor time of all processes over wall time; 1 is one core. */
  readonly cpu: number;
}

/** A process that says nothing for so long hangs; the longest slice is seconds. */
const SILENCE_MS = 20_000;

/** One process, its orders and its answers. */
class Worker {
  readonly child: ChildProcess;
  readonly #waiting = new Map<Answer['op'], { resolve: (answer: never) => void; reject: (error: Error) => void }>();
  readonly #name: string;
  partner: Worker | undefined;

  constructor(file: string, name: string) {
    this.#name = name;
    this.child = fork(file, { serialization: 'advanced' });
    this.child.on('message', (message) => this.#onAnswer(message as Answer));
    this.child.on('exit', (code, signal) => this.#fail(new Error(`${name} ended: ${signal ?? code}`)));
  }

  post(order: Order): void {
    // The callback keeps a process that ends meanwhile from throwing here; its end is told by 'exit'.
    if (this.child.connected) this.child.send(order, () => {});
  }

  /** Gives an order and waits for its answer. */
  ask<Op extends Answer['op']>(order: Order, op: Op): Promise<Extract<Answer, { op: Op }>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(op);
        reject(new Error(`${this.#name} did not answer ${order.op} within ${SILENCE_MS / 1000} s`));
      }, SILENCE_MS);
      this.#waiting.set(op, {
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.post(order);
    });
  }

  #onAnswer(answer: Answer): void {
    if (answer.op === 'partner') this.partner?.post(answer);
    else if (answer.op === 'failed') this.#fail(new Error(`${this.#name}: ${answer.error}`));
    else {
      this.#waiting.get(answer.op)?.resolve(answer as never);
      this.#waiting.delete(answer.op);
    }
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

/** The processes of one program at work: a pair, several pairs, or single processes for programs that need no other. */
export class Team {
  readonly #drivers: Worker[] = [];
  readonly #all: Worker[] = [];

  /** `file` is the worker's script: of this tree, or of another one for comparison. */
  static async start(
    order: { program: ProgramName; directory: string; size: number; pairs: number; single: boolean },
    file: string = fileURLToPath(new URL('./worker.js', import.meta.url)),
  ): Promise<Team> {
    const team = new Team();
    try {
      for (let pair = 0; pair < order.pairs; pair++) {
        const { program, directory, size } = order;
        const job: JobOrder = { program, directory, size, pair, role: 'drive' };
        const driver = team.#spawn(file, `${program} (drive)`);
        team.#drivers.push(driver);
        if (!order.single) {
          const server = team.#spawn(file, `${program} (serve)`);
          server.partner = driver;
          driver.partner = server;
          await server.ask({ op: 'start', job: { ...job, role: 'serve' } }, 'started');
        }
        await driver.ask({ op: 'start', job }, 'started');
      }
    } catch (error) {
      await team.stop();
      throw error;
    }
    return team;
  }

  #spawn(file: string, name: string): Worker {
    const worker = new Worker(file, name);
    this.#all.push(worker);
    return worker;
  }

  async slice(milliseconds: number): Promise<SliceResult> {
    const before = await this.#cpuMicros();
    const begin = performance.now();
    const answers = await Promise.all(
      this.#drivers.map((driver) => driver.ask({ op: 'slice', milliseconds }, 'sliced')),
    );
    const wallMicros = (performance.now() - begin) * 1000;
    const latencies = new Histogram();
    for (const { counts } of answers) latencies.add(new Histogram(counts));
    return {
      rates: answers.map(({ messages, seconds }) => messages / seconds),
      latencies,
      cpu: ((await this.#cpuMicros()) - before) / wallMicros,
    };
  }

  async #cpuMicros(): Promise<number> {
    const answers = await Promise.all(this.#all.map((worker) => worker.ask({ op: 'cpu' }, 'cpu')));
    return answers.reduce((sum, { micros }) => sum + micros, 0);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.stop()));
  }
}
