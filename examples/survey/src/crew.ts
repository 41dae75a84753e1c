import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AGENTS, type AgentName, type Role, roleOf } from './crew-list.ts';

const AGENT_PROGRAM = fileURLToPath(new URL('./agent.js', import.meta.url));
/** An agent that dies more often than this is broken, not unlucky. */
const MAX_RESTARTS = 3;
/** Agents end on the order to halt; one that has not after so long is killed. */
const STOP_MS = 5000;

export interface CrewEvents {
  /** A process was started: the first one, or a successor. */
  started(agent: AgentName, pid: number, restart: boolean): void;
  /** An agent cannot be kept alive. */
  failed(error: Error): void;
}

/** The agents' processes: starts them, restarts what dies, ends them. And who has checked in, by instance id. */
export class Crew {
  readonly restarts = new Map<AgentName, number>();
  readonly #root: string;
  readonly #directory: string;
  readonly #events: CrewEvents;
  readonly #processes = new Map<AgentName, ChildProcess>();
  readonly #present = new Map<AgentName, string>();
  #stopping = false;

  /** `directory` is the runtime directory of the bus that agents join, to survey `root`. */
  constructor(root: string, directory: string, events: CrewEvents) {
    this.#root = root;
    this.#directory = directory;
    this.#events = events;
  }

  start(): void {
    for (const agent of AGENTS) this.#start(agent, false);
  }

  #start(agent: AgentName, restart: boolean): void {
    const child = spawn(process.execPath, [AGENT_PROGRAM, agent, this.#root], {
      env: { ...process.env, BUSBAR_DIR: this.#directory },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#processes.set(agent, child);
    child.once('error', (error) => {
      if (child.pid === undefined) this.#processes.delete(agent);
      this.#events.failed(error);
    });
    child.once('exit', (code, signal) => this.#ended(agent, signal ?? `exit code ${code}`));
    if (child.pid !== undefined) this.#events.started(agent, child.pid, restart);
  }

  #ended(agent: AgentName, how: string): void {
    this.#processes.delete(agent);
    if (this.#stopping) return;
    const restarts = (this.restarts.get(agent) ?? 0) + 1;
    if (restarts > MAX_RESTARTS) {
      this.#events.failed(new Error(`${agent} ended ${restarts} times, the last time by ${how}`));
      return;
    }
    this.restarts.set(agent, restarts);
    this.#start(agent, true);
  }

  checkedIn(agent: AgentName, id: string): void {
    this.#present.set(agent, id);
  }

  /** True when it was the one at work; its successor may have checked in before the news came. */
  gone(agent: AgentName, id: string): boolean {
    return this.#present.get(agent) === id && this.#present.delete(agent);
  }

  has(role: Role): boolean {
    for (const agent of this.#present.keys()) if (roleOf(agent) === role) return true;
    return false;
  }

  get complete(): boolean {
    return this.#present.size === AGENTS.length;
  }

  /** Instance id of an agent that has checked in. */
  idOf(agent: AgentName): string | undefined {
    return this.#present.get(agent);
  }

  /** Kills one agent of `role` as nothing can prevent (SIGKILL). Answers who it was. */
  kill(role: Role): AgentName | undefined {
    const agent = AGENTS.find((name) => roleOf(name) === role && this.#processes.has(name));
    if (agent !== undefined) this.#processes.get(agent)?.kill('SIGKILL');
    return agent;
  }

  /** Nobody is restarted from here on: whoever ends has been told to. */
  standDown(): void {
    this.#stopping = true;
  }

  /** False once the crew stands down. */
  get standing(): boolean {
    return !this.#stopping;
  }

  /** Resolves when every process has ended; kills what has not in time. */
  async ended(): Promise<void> {
    this.standDown();
    const late = setTimeout(() => {
      for (const child of this.#processes.values()) child.kill('SIGKILL');
    }, STOP_MS);
    await Promise.all([...this.#processes.values()].map((child) => once(child, 'exit')));
    clearTimeout(late);
  }
}
