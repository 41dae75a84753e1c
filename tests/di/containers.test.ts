import 'reflect-metadata';
import { type Message, rules } from '@busbar/core';
import { POLICY, registerBus, serves, startAgent, subscribes, TRANSPORTS } from '@busbar/core/di';
import { createTestBus } from '@busbar/core/testing';
import { memory } from '@busbar/transport-memory';
import { uds } from '@busbar/transport-uds';
import { injectable, container as root } from 'tsyringe';
import { expect, test } from 'vitest';

@injectable()
class Adder {
  readonly vias: string[] = [];

  @subscribes('numbers.>')
  onNumber({ via }: Message): void {
    this.vias.push(via);
  }

  @serves<{ a: number; b: number }, number>('math.add')
  add({ a, b }: { a: number; b: number }): number {
    return a + b;
  }
}

test('agents of two containers meet over the transports they share, by the policy of the container', async () => {
  await using scratch = await createTestBus();
  const container = root.createChildContainer();
  container.register(TRANSPORTS, { useValue: memory() });
  container.register(TRANSPORTS, { useValue: uds() });
  const server = container.createChildContainer();
  const client = container.createChildContainer();
  client.register(POLICY, { useValue: rules([{ match: { topic: 'numbers.slow' }, prefer: ['uds'] }]) });
  try {
    await registerBus(server, { name: 'server', directory: scratch.directory });
    const { agent } = await startAgent(server, Adder);
    const bus = await registerBus(client, { name: 'client', directory: scratch.directory });

    expect(await bus.request('math.add', { a: 2, b: 3 })).toBe(5);
    await bus.publish('numbers.fast', 1);
    await bus.publish('numbers.slow', 2);
    expect(agent.vias).toEqual(['memory', 'uds']);
  } finally {
    await client.dispose();
    await server.dispose();
  }
});
