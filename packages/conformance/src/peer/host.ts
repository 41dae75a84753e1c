import type { PeerInfo } from '@busbar/core/contract';
import { newParticipant } from '../control/context.ts';
import { Agent } from './agent.ts';
import { EXERCISES } from './exercises/index.ts';
import { loadPlugin, type PluginReference } from './plugin-reference.ts';
import { EXERCISE, type FromPeer, HOST, type ToPeer, toWireError } from './wire.ts';

/** A peer: the agents of one process or thread, driven by the harness. Its public methods are called by name. */
export class Host {
  readonly agents = new Map<string, Agent>();
  readonly #post: (message: FromPeer) => void;

  constructor(post: (message: FromPeer) => void) {
    this.#post = post;
  }

  async addAgent(reference: PluginReference, name: string, directory: string): Promise<AgentInfo> {
    const self = newParticipant(name);
    const post = (to: string, message: Uint8Array): void => {
      // The channel clones later than a caller may reuse its buffer.
      this.#post({ op: 'control', from: self.id, to, message: message.slice() });
    };
    const agent = new Agent(await loadPlugin(reference), self, directory, post);
    // Reachable while it opens: a transport may hear from a peer as soon as it is created.
    this.agents.set(self.id, agent);
    return { self, address: await agent.open() };
  }

  get(id: string): Agent {
    const agent = this.agents.get(id);
    if (agent === undefined) throw new Error(`no agent ${id} here`);
    return agent;
  }

  take(message: ToPeer): void {
    if (message.op === 'call') void this.#call(message);
    else if (message.op === 'control')
      this.agents.get(message.to)?.stand.control.deliver(message.from, message.message);
    else if (message.op === 'link') this.agents.get(message.agent)?.stand.control.link(message.peer);
    else this.agents.get(message.agent)?.lose(message.peer, message.dead);
  }

  async #call({ id, agent, method, args }: ToPeer & { op: 'call' }): Promise<void> {
    try {
      this.#post({ op: 'value', id, value: await this.#apply(agent, method, args) });
    } catch (error) {
      this.#post({ op: 'error', id, error: toWireError(error) });
    }
  }

  #apply(agent: string, method: string, args: unknown[]): unknown {
    type Methods = Record<string, (...args: unknown[]) => unknown>;
    if (agent === EXERCISE) return (EXERCISES as unknown as Methods)[method](this, ...args);
    const target = agent === HOST ? this : this.get(agent);
    return (target as unknown as Methods)[method](...args);
  }
}

export interface AgentInfo {
  readonly self: PeerInfo;
  readonly address: string;
}
