import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PeerInfo } from '@busbar/core/contract';
import type { Agent } from '../peer/agent.ts';
import type { RemoteExercises } from '../peer/exercises/index.ts';
import type { Host } from '../peer/host.ts';
import { HOST } from '../peer/wire.ts';
import { type PeerHandle, type PeerKind, type SpawnOptions, spawnPeer } from './peer-handle.ts';
import { Calls, type Remote } from './remote.ts';
import type { Target } from './target.ts';

/** A peer with its agents. */
export interface FleetPeer {
  readonly handle: PeerHandle;
  readonly host: Remote<Host>;
  readonly exercise: RemoteExercises;
  readonly calls: Calls;
}

/** One participant somewhere in the fleet. */
export interface FleetAgent {
  readonly peer: FleetPeer;
  readonly self: PeerInfo;
  readonly address: string;
  readonly call: Remote<Agent>;
}

/**
 * The peers of one campaign, the folder they share, and the control plane between them: messages are routed by the
 * harness, and the end of a peer is told to everybody who was linked with it.
 */
export class Fleet {
  readonly target: Target;
  /** Mode 0700, as the runtime directory of a bus. */
  readonly directory: string;
  readonly #agents = new Map<string, FleetAgent>();
  /** Whom each agent is linked with. */
  readonly #links = new Map<string, Set<string>>();
  readonly #peers = new Set<FleetPeer>();

  constructor(target: Target) {
    this.target = target;
    this.directory = mkdtempSync(path.join(tmpdir(), 'busbar-'));
  }

  /** Where a peer of its own runs: a process, or a thread for transports that reach no further. */
  get separate(): PeerKind {
    return this.target.capabilities.scope === 'thread' ? 'thread' : 'process';
  }

  async spawn(kind: PeerKind = this.separate, options?: SpawnOptions): Promise<FleetPeer> {
    const handle = spawnPeer(kind, options);
    const calls = new Calls(handle);
    const peer: FleetPeer = { handle, calls, host: calls.remote<Host>(HOST), exercise: calls.exercises() };
    this.#peers.add(peer);
    const ready = new Promise<void>((resolve, reject) => {
      void handle.exited.then((how) => reject(new Error(`a peer ended before it was ready: ${how}`)));
      handle.onMessage((message) => {
        if (calls.take(message)) return;
        if (message.op === 'ready') resolve();
        else if (message.op === 'control') this.#agents.get(message.to)?.peer.handle.post(message);
      });
    });
    void handle.exited.then(() => this.#ended(peer));
    await ready;
    return peer;
  }

  async agent(peer: FleetPeer, name = 'agent'): Promise<FleetAgent> {
    const { self, address } = await peer.host.addAgent(this.target.plugin, name, this.directory);
    const agent: FleetAgent = { peer, self, address, call: peer.calls.remote<Agent>(self.id) };
    this.#agents.set(self.id, agent);
    this.#links.set(self.id, new Set());
    return agent;
  }

  /** Links two agents and gives `from` a sender to `to`. */
  async connect(from: FleetAgent, to: FleetAgent): Promise<void> {
    this.link(from, to);
    await from.call.connect(to.self.id, to.address);
  }

  link(a: FleetAgent, b: FleetAgent): void {
    if (this.#links.get(a.self.id)?.has(b.self.id) === true) return;
    this.#links.get(a.self.id)?.add(b.self.id);
    this.#links.get(b.self.id)?.add(a.self.id);
    a.peer.handle.post({ op: 'link', agent: a.self.id, peer: b.self });
    b.peer.handle.post({ op: 'link', agent: b.self.id, peer: a.self });
  }

  /** Two connected agents, each on a peer of its own, or both on one. */
  async pair(where: 'apart' | 'together' = 'apart'): Promise<[FleetAgent, FleetAgent]> {
    const first = await this.spawn();
    const second = where === 'together' ? first : await this.spawn();
    const a = await this.agent(first, 'a');
    const b = await this.agent(second, 'b');
    await this.connect(a, b);
    return [a, b];
  }

  /** Ends every peer and removes the folder. */
  async close(): Promise<void> {
    await Promise.all([...this.#peers].map((peer) => peer.handle.kill()));
    rmSync(this.directory, { recursive: true, force: true });
  }

  #ended(peer: FleetPeer): void {
    this.#peers.delete(peer);
    for (const [id, agent] of this.#agents) {
      if (agent.peer !== peer) continue;
      this.#agents.delete(id);
      for (const other of this.#links.get(id) ?? []) {
        this.#agents.get(other)?.peer.handle.post({ op: 'lose', agent: other, peer: id, dead: true });
      }
      this.#links.delete(id);
    }
  }
}
