import { type Bus, createBus, type Message, type TopicContract } from '@busbar/core';
import { shm } from '@busbar/transport-shm';
import { uds } from '@busbar/transport-uds';
import { CheckIn, debriefOf, Heartbeat, Order } from './contracts.ts';
import { type AgentName, isAgentName, ORCHESTRATOR, type Role, roleOf } from './crew-list.ts';
import { Gate } from './gate.ts';
import { analyst } from './roles/analyst.ts';
import { archivist } from './roles/archivist.ts';
import { reader } from './roles/reader.ts';
import { scout } from './roles/scout.ts';
import { supervisor } from './roles/supervisor.ts';
import { RouteLog } from './route-log.ts';

const HEARTBEAT_MS = 250;

/** What a role has to work with. */
export interface Agent {
  readonly name: AgentName;
  readonly bus: Bus;
  /** The directory surveyed, absolute. */
  readonly root: string;
  /** Work passes it; orders, heartbeats and questions do not. */
  readonly gate: Gate;
  /** Subscribes and keeps count for the table of routes. */
  readonly hear: <T>(
    topic: TopicContract<unknown, T>,
    handler: (message: Message<T>) => unknown,
  ) => { readonly ready: Promise<void> };
}

/** Subscribes and serves what the role is there for; everything returned is ready before the agent checks in. */
export type RoleWork = (agent: Agent) => readonly { readonly ready: Promise<void> }[];

const WORK: Readonly<Record<Role, RoleWork>> = { scout, reader, analyst, archivist, supervisor };

/**
 * One agent's life: joins the bus, takes up its role, checks in, and ends on the order to halt or when the
 * orchestrator is gone. A killed agent leaves nothing to clean up: the bus tells the others.
 */
async function live(name: AgentName, root: string): Promise<void> {
  await using bus = await createBus({ name, plugins: [shm(), uds()], closeOnSignals: true });
  const gate = new Gate();
  const routes = new RouteLog();
  const agent: Agent = {
    name,
    bus,
    root,
    gate,
    hear(topic, handler) {
      return bus.subscribe(topic, (message) => {
        routes.received(message);
        return handler(message);
      });
    },
  };

  const over = new Promise<void>((resolve) => {
    agent.hear(Order, ({ data: { order } }) => {
      if (order === 'pause') gate.close();
      else gate.open();
      if (order === 'halt') resolve();
    });
    const onGone = ({ name: gone }: { name: string }): void => {
      if (gone === ORCHESTRATOR) resolve();
    };
    bus.on('leave', onGone).on('lost', onGone);
  });
  const debrief = bus.serve(debriefOf(name), () => routes.report());
  const work = WORK[roleOf(name)](agent);
  await Promise.all([debrief.ready, ...work.map(({ ready }) => ready)]);
  if (!(await bus.request(CheckIn, { agent: name }))) return;

  const pulse = bus.publisher(Heartbeat);
  let beat = 0;
  const heartbeat = setInterval(() => pulse.send({ beat: ++beat }), HEARTBEAT_MS);
  await over;
  clearInterval(heartbeat);
}

const [name, root] = process.argv.slice(2);
if (!isAgentName(name) || root === undefined) throw new Error('usage: agent.js NAME DIR (the orchestrator starts it)');
await live(name, root);
