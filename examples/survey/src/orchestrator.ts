import { type Bus, createBus, isBusError } from '@busbar/core';
import { shm } from '@busbar/transport-shm';
import { uds } from '@busbar/transport-uds';
import { CheckIn, Finding, Halt, Kept, Order, Read, Refill, Report, Scan, Sighting } from './contracts.ts';
import { Crew } from './crew.ts';
import { type AgentName, isAgentName, ORCHESTRATOR, type Role } from './crew-list.ts';
import { Gate } from './gate.ts';
import { Ledger, type Problem } from './ledger.ts';
import type { Progress } from './progress.ts';
import { RouteLog } from './route-log.ts';
import { collectRoutes, type RouteRow } from './routes.ts';
import type { Totals } from './totals.ts';

/** Files that readers have in hand at once, and their bytes: what a survey holds in memory. */
const MAX_READS = 64;
const MAX_READ_BYTES = 32 * 1024 * 1024;
/** Findings in one refill: a message of some 50 KiB. */
const REFILL_BATCH = 250;
const SWEEP_MS = 1000;
/** A step of one file that takes longer is taken again. */
const OVERDUE_MS = 10_000;
/** A scan takes as long as the tree is large; if its scout dies, the bus says so. */
const SCAN_DEADLINE_MS = 24 * 60 * 60 * 1000;
/** With --kill scout: after so many sightings, in the middle of the scan. */
const SIGHTINGS_BEFORE_KILL = 20;

export interface SurveyOptions {
  /** What to survey, absolute. */
  readonly root: string;
  /** Runtime directory of the bus; private to this survey. */
  readonly directory: string;
  /** Kill this role once, in the middle of its work. */
  readonly kill: Role | undefined;
  readonly progress: Progress;
  /** Ends the survey early. */
  readonly signal: AbortSignal;
}

export interface SurveyResult {
  readonly totals: Totals;
  readonly problems: readonly Problem[];
  readonly routes: readonly RouteRow[];
  readonly run: RunFacts;
}

/** What happened on the way; unlike the totals, different every time. */
export interface RunFacts {
  readonly seconds: number;
  readonly killed: { readonly agent: AgentName; readonly files: number; readonly kept: number } | undefined;
  readonly restarts: Readonly<Record<string, number>>;
  readonly reassigned: number;
  readonly refilled: number;
}

/** @throws what made it impossible to finish: an agent that cannot be kept alive, or the reason of `signal`. */
export async function survey(options: SurveyOptions): Promise<SurveyResult> {
  await using bus = await createBus({ name: ORCHESTRATOR, plugins: [shm(), uds()], directory: options.directory });
  return await new Orchestrator(bus, options).run();
}

/** Gives out the work, and knows from the ledger what is left of it whoever dies. */
class Orchestrator {
  readonly #bus: Bus;
  readonly #options: SurveyOptions;
  readonly #crew: Crew;
  readonly #ledger = new Ledger();
  readonly #gate = new Gate();
  readonly #routes = new RouteLog();
  readonly #startedAt = performance.now();
  #reads = 0;
  #readBytes = 0;
  #refilled = 0;
  #killed: RunFacts['killed'];
  #finish!: (totals: Totals) => void;
  #fail!: (error: unknown) => void;
  #reporting = false;
  /** The whole crew has been there: from here on there is work. */
  #begun = false;

  constructor(bus: Bus, options: SurveyOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#crew = new Crew(options.root, options.directory, {
      started: (agent, pid, restart) =>
        options.progress.note(`${agent} ${restart ? 'restarted' : 'started'}, pid ${pid}`),
      failed: (error) => this.#fail(error),
    });
  }

  async run(): Promise<SurveyResult> {
    const { signal } = this.#options;
    const totals = new Promise<Totals>((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    const onAbort = (): void => this.#fail(signal.reason);
    signal.addEventListener('abort', onAbort);
    const sweep = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#listen();
    try {
      signal.throwIfAborted();
      this.#crew.start();
      const result = await totals;
      this.#progress();
      this.#crew.standDown();
      return {
        totals: result,
        problems: this.#ledger.problems,
        routes: await collectRoutes(this.#bus, this.#routes.report()),
        run: this.#facts(),
      };
    } finally {
      clearInterval(sweep);
      signal.removeEventListener('abort', onAbort);
      await this.#halt();
    }
  }

  #listen(): void {
    const bus = this.#bus;
    bus.serve(CheckIn, ({ agent }, { from }) => {
      if (this.#crew.standing) this.#checkedIn(agent, from.id);
      return this.#crew.standing;
    });
    bus.subscribe(Sighting, (message) => {
      this.#routes.received(message);
      this.#ledger.sighted(message.data, performance.now());
      this.#advance();
    });
    bus.subscribe(Finding, (message) => {
      this.#routes.received(message);
      this.#ledger.found(message.data, performance.now());
      this.#advance();
    });
    bus.subscribe(Kept, (message) => {
      this.#routes.received(message);
      // Whatever a dead archivist held is nothing; one that has not checked in yet is refilled when it does.
      if (message.from.id === this.#crew.idOf('archivist'))
        this.#ledger.confirmed(message.data.paths, performance.now());
      this.#advance();
    });
    bus.subscribe(Order, (message) => {
      this.#routes.received(message);
      const { order, reason } = message.data;
      if (order === 'resume' && !this.#gate.shut) return;
      this.#options.progress.note(`${order}: ${reason}`);
      if (order === 'pause') this.#gate.close();
      else this.#gate.open();
      this.#advance();
    });
    const onGone = ({ name, id }: { name: string; id: string }): void => {
      if (isAgentName(name) && this.#crew.gone(name, id)) this.#agentGone(name);
    };
    bus.on('leave', onGone).on('lost', onGone);
  }

  #checkedIn(agent: AgentName, id: string): void {
    const before = this.#crew.idOf(agent);
    if (before !== undefined && this.#crew.gone(agent, before)) this.#agentGone(agent);
    this.#crew.checkedIn(agent, id);
    const now = performance.now();
    if (agent === 'analyst') this.#ledger.analystStarted(id, now);
    if (agent === 'archivist') void this.#refill(now);
    const begins = !this.#begun && this.#crew.complete;
    this.#begun ||= begins;
    if (begins || (this.#begun && agent === 'scout')) void this.#scan();
    this.#advance();
  }

  #agentGone(agent: AgentName): void {
    if (!this.#crew.standing) return;
    this.#options.progress.note(`${agent} is gone`);
    if (agent === 'archivist') this.#ledger.archivistGone(performance.now());
  }

  /** Asked when the crew is complete, and of every further scout until one has come to the end. */
  async #scan(): Promise<void> {
    if (this.#ledger.scanned) return;
    try {
      await this.#bus.request(Scan, null, { deadline: SCAN_DEADLINE_MS });
      this.#ledger.scanned = true;
      this.#advance();
    } catch (error) {
      if (!isGone(error)) this.#fail(error);
    }
  }

  /** After every step of any file: gives out what there is room for, and ends when nothing is left. */
  #advance(): void {
    this.#killInTheMiddle();
    const { progress } = this.#options;
    const ledger = this.#ledger;
    if (progress.due) this.#progress();
    if (ledger.complete) {
      void this.#report();
      return;
    }
    while (this.#mayRead()) {
      const file = ledger.next(performance.now());
      if (file === undefined) return;
      void this.#read(file.path, file.bytes);
    }
  }

  #mayRead(): boolean {
    if (this.#gate.shut || !this.#crew.has('reader') || !this.#crew.has('analyst')) return false;
    return this.#reads < MAX_READS && this.#readBytes < MAX_READ_BYTES;
  }

  async #read(path: string, bytes: number): Promise<void> {
    this.#reads++;
    this.#readBytes += bytes;
    let moved = true;
    try {
      const result = await this.#bus.request(Read, { path, bytes });
      const now = performance.now();
      if (result.status === 'delivered') this.#ledger.delivered(path, result.analyst, now);
      else if (result.status === 'unreadable') this.#ledger.unreadable(path, result.reason, now);
      else moved = false;
    } catch (error) {
      if (!isGone(error) && !isLate(error)) this.#fail(error);
      moved = false;
    }
    this.#reads--;
    this.#readBytes -= bytes;
    // What came back waits for the next event or sweep: asking at once would only spin until the crew is whole.
    if (moved) this.#advance();
    else this.#ledger.returned(path, performance.now());
  }

  /** Gives the archivist every finding from before `before` that it has not confirmed. */
  async #refill(before: number): Promise<void> {
    const findings = this.#ledger.unkept(before);
    const archivist = this.#crew.idOf('archivist');
    for (let at = 0; at < findings.length; at += REFILL_BATCH) {
      const batch = findings.slice(at, at + REFILL_BATCH);
      try {
        await this.#bus.request(Refill, batch);
      } catch (error) {
        if (!isGone(error) && !isLate(error)) this.#fail(error);
        return;
      }
      if (this.#crew.idOf('archivist') !== archivist) return;
      this.#refilled += batch.length;
      this.#ledger.confirmed(
        batch.map(({ path }) => path),
        performance.now(),
      );
      this.#advance();
    }
  }

  /** The last question of a survey; if the archivist dies over it, its successor is refilled and asked again. */
  async #report(): Promise<void> {
    if (this.#reporting) return;
    this.#reporting = true;
    try {
      const totals = await this.#bus.request(Report, null);
      if (totals.files !== this.#ledger.files)
        throw new Error(`the archivist holds ${totals.files} findings of ${this.#ledger.files} files`);
      this.#finish(totals);
    } catch (error) {
      if (!isGone(error) && !isLate(error)) this.#fail(error);
    } finally {
      this.#reporting = false;
    }
  }

  #sweep(): void {
    this.#progress();
    if (this.#gate.shut) return;
    const now = performance.now();
    this.#ledger.overdue(now - OVERDUE_MS, now);
    if (this.#crew.has('archivist')) void this.#refill(now - OVERDUE_MS);
    this.#advance();
  }

  #killInTheMiddle(): void {
    const { kill } = this.#options;
    if (kill === undefined || this.#killed !== undefined) return;
    const { scanned, files, kept, complete } = this.#ledger;
    const middle =
      kill === 'scout' ? !scanned && files >= SIGHTINGS_BEFORE_KILL : scanned && !complete && kept >= files / 2;
    if (!middle) return;
    const agent = this.#crew.kill(kill);
    if (agent === undefined) return;
    this.#killed = { agent, files, kept };
    this.#options.progress.note(`${agent} killed, with ${kept} of ${files} files done`);
  }

  #progress(): void {
    const { kept, files, scanned, keptBytes } = this.#ledger;
    this.#options.progress.show({ kept, files, scanned, keptBytes, paused: this.#gate.shut });
  }

  #facts(): RunFacts {
    return {
      seconds: (performance.now() - this.#startedAt) / 1000,
      killed: this.#killed,
      restarts: Object.fromEntries(this.#crew.restarts),
      reassigned: this.#ledger.reassigned,
      refilled: this.#refilled,
    };
  }

  /** Ends every agent: by the supervisor, or by the orchestrator itself if there is none. */
  async #halt(): Promise<void> {
    this.#crew.standDown();
    const reason = 'the survey is over';
    try {
      await this.#bus.request(Halt, { reason });
    } catch {
      await this.#bus.publish(Order, { order: 'halt', reason }).catch(() => {});
    }
    await this.#crew.ended();
  }
}

/** Nobody there to answer: the successor will. */
function isGone(error: unknown): boolean {
  return isBusError(error) && (error.code === 'PEER_GONE' || error.code === 'NO_RESPONDERS');
}

function isLate(error: unknown): boolean {
  return isBusError(error) && error.code === 'DEADLINE_EXCEEDED';
}
