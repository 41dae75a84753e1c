import type { PeerInfo } from '@busbar/core';
import type { RoleWork } from '../agent.ts';
import { Halt, Heartbeat, Order, type OrderMessage } from '../contracts.ts';
import { AGENTS, isAgentName } from '../crew-list.ts';

/** An agent that has not been heard for so long, and is not known to be gone, is stopped or stuck. */
const SILENCE_MS = 5000;
const ROUND_MS = 500;

/**
 * Pauses everything while an agent is missing or silent, resumes when all are there, and halts on request. Its orders
 * are critical: they overtake whatever is queued.
 */
export const supervisor: RoleWork = ({ bus, name: self, hear }) => {
  const missing = new Set<string>();
  const startedAt = performance.now();
  const heardAt = new Map<string, number>(AGENTS.map((agent) => [agent, startedAt]));
  const silent = new Set<string>();
  let halted = false;

  const order = (message: OrderMessage): void => {
    // A peer that dies meanwhile needs no order; its successor gets one when it joins.
    bus.publish(Order, message).catch(() => {});
  };
  const review = (): void => {
    if (halted) return;
    const reasons = [
      ...[...missing].map((agent) => `${agent} is missing`),
      ...[...silent].map((agent) => `${agent} is silent`),
    ];
    order(
      reasons.length > 0 ? { order: 'pause', reason: reasons.join(', ') } : { order: 'resume', reason: 'all here' },
    );
  };

  const onGone = ({ name }: PeerInfo): void => {
    if (!isAgentName(name)) return;
    missing.add(name);
    heardAt.delete(name);
    silent.delete(name);
    review();
  };
  bus.on('leave', onGone).on('lost', onGone);
  bus.on('join', ({ name }) => {
    missing.delete(name);
    silent.delete(name);
    heardAt.set(name, performance.now());
    review();
  });
  // Whoever is here already may have been paused by a supervisor that is no more.
  review();

  const beats = hear(Heartbeat, ({ from }) => {
    heardAt.set(from.name, performance.now());
    if (silent.delete(from.name)) review();
  });
  setInterval(() => {
    const now = performance.now();
    for (const agent of AGENTS) {
      const heard = heardAt.get(agent);
      if (agent === self || heard === undefined || silent.has(agent) || now - heard < SILENCE_MS) continue;
      silent.add(agent);
      review();
    }
  }, ROUND_MS).unref();

  const halt = bus.serve(Halt, async ({ reason }) => {
    halted = true;
    await bus.publish(Order, { order: 'halt', reason });
    return null;
  });
  return [beats, halt];
};
