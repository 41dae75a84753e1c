import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { between } from '@busbar/conformance/campaigns';
import { monotonicMs } from '../monotonic.ts';
import type { Participant } from '../participant.ts';
import type { RoleName } from '../roles/index.ts';
import type { Moment } from '../roles/task-worker.ts';
import type { Witness } from './audit.ts';
import { readWorkLog } from './work-log.ts';

const WORKERS = 5;
const PRODUCERS = 5;
/** So many workers stay: the group is never empty. */
const MIN_WORKERS = 2;
const OF_PRODUCERS = 0.2;
const LONGEST_PAUSE_MS = 120;
/** A worker that has not met the moment of its death by then is killed where it is. */
const MOMENT_MS = 300;
/** Undefined: any. */
const MOMENTS: readonly (Moment | undefined)[] = [undefined, undefined, 'handler', 'done', 'returned', 'returned'];
const LOOK_MS = 2;

type Role = 'task-worker' | 'task-producer';

export interface Member<R extends Role = Role> {
  readonly name: string;
  readonly process: Participant<R>;
  /** Where it notes, of this round. */
  log: string;
  isDead: boolean;
}

/** Those who work, by role; who dies is replaced at once. */
export class Crew {
  readonly #directory: string;
  readonly #start: <R extends RoleName>(role: R) => Participant<R>;
  readonly #next: () => number;
  readonly #joining = new Set<Promise<void>>();
  #workers: Member<'task-worker'>[] = [];
  #producers: Member<'task-producer'>[] = [];
  #born = 0;
  #round = 0;
  #lastDeath = 0;

  constructor(directory: string, start: <R extends RoleName>(role: R) => Participant<R>, next: () => number) {
    this.#directory = directory;
    this.#start = start;
    this.#next = next;
  }

  get workers(): readonly Member<'task-worker'>[] {
    return this.#workers;
  }

  get producers(): readonly Member<'task-producer'>[] {
    return this.#producers;
  }

  /** When the last of them died. */
  get lastDeath(): number {
    return this.#lastDeath;
  }

  async assemble(): Promise<void> {
    for (let i = 0; i < WORKERS; i++) this.#replace('worker');
    await this.#joined();
    for (let i = 0; i < PRODUCERS; i++) this.#replace('producer');
    await this.#joined();
  }

  async #joined(): Promise<void> {
    while (this.#joining.size > 0) await Promise.all(this.#joining);
  }

  #replace(kind: 'worker' | 'producer'): void {
    const joining = (kind === 'worker' ? this.#addWorker() : this.#addProducer()).finally(() =>
      this.#joining.delete(joining),
    );
    // Its failure is told to who waits for all.
    joining.catch(() => {});
    this.#joining.add(joining);
  }

  #seed(): number {
    return between(this.#next, 0, 0x7fff_ffff);
  }

  async #addWorker(): Promise<void> {
    const name = `w${this.#born++}`;
    const seed = this.#seed();
    const process = this.#start('task-worker');
    await process.call('open', this.#directory, name, seed);
    const member = { name, process, log: '', isDead: false };
    await this.#beginWorker(member);
    await process.call('join');
    this.#workers.push(member);
  }

  async #addProducer(): Promise<void> {
    const name = `p${this.#born++}`;
    const seed = this.#seed();
    const process = this.#start('task-producer');
    await process.call('open', this.#directory, name, seed);
    const member = { name, process, log: '', isDead: false };
    this.#producers.push(member);
    if (this.#round > 0) await this.#beginProducer(member);
  }

  async #beginWorker(member: Member<'task-worker'>): Promise<void> {
    member.log = this.#logOf(member.name);
    await member.process.call('begin', member.log);
  }

  async #beginProducer(member: Member<'task-producer'>): Promise<void> {
    member.log = this.#logOf(member.name);
    const manner = Number(member.name.slice(1)) % 2 === 0 ? 'publish' : 'send';
    await member.process.call('begin', member.log, manner);
  }

  #logOf(name: string): string {
    const directory = this.#logsOf(this.#round);
    mkdirSync(directory, { recursive: true });
    const log = path.join(directory, `${name}.log`);
    // Who is killed before it begins has noted nothing.
    writeFileSync(log, '', { flag: 'a' });
    return log;
  }

  #logsOf(round: number): string {
    return path.join(this.#directory, 'logs', String(round));
  }

  /** They work, and `kills` of them die, one after the other. */
  async work(kills: number): Promise<void> {
    this.#round++;
    this.#workers = this.#workers.filter(({ isDead }) => !isDead);
    this.#producers = this.#producers.filter(({ isDead }) => !isDead);
    for (const worker of this.#workers) await this.#beginWorker(worker);
    for (const producer of this.#producers) await this.#beginProducer(producer);
    rmSync(this.#logsOf(this.#round - 1), { recursive: true, force: true });
    for (let i = 0; i < kills; i++) {
      await pause(between(this.#next, 0, LONGEST_PAUSE_MS));
      if (this.#next() < OF_PRODUCERS) await this.#killProducer();
      else await this.#killWorker();
    }
    await this.#joined();
  }

  async #killProducer(): Promise<void> {
    const producer = await this.#pick(() => this.#producers, 1);
    this.#died(producer);
    await producer.process.kill();
    this.#replace('producer');
  }

  async #killWorker(): Promise<void> {
    const worker = await this.#pick(() => this.#workers, MIN_WORKERS + 1);
    const moment = MOMENTS[between(this.#next, 0, MOMENTS.length - 1)];
    if (moment !== undefined)
      await Promise.race([worker.process.call('dieAt', moment).catch(() => {}), pause(MOMENT_MS)]);
    await worker.process.kill();
    this.#died(worker);
    this.#replace('worker');
  }

  /** One of those that live, when there are at least so many. */
  async #pick<R extends Role>(all: () => readonly Member<R>[], least: number): Promise<Member<R>> {
    for (;;) {
      const alive = all().filter(({ isDead }) => !isDead);
      if (alive.length >= least) return alive[between(this.#next, 0, alive.length - 1)];
      await (this.#joining.size > 0 ? Promise.race(this.#joining) : pause(LOOK_MS));
    }
  }

  #died(member: Member): void {
    member.isDead = true;
    this.#lastDeath = monotonicMs();
  }

  /** What all of this round have noted, the dead too. */
  witnesses(): { workers: Witness[]; producers: Witness[] } {
    const witness = ({ name, isDead, log }: Member): Witness => ({ name, isDead, notes: readWorkLog(log) });
    return { workers: this.#workers.map(witness), producers: this.#producers.map(witness) };
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
