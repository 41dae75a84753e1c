import 'reflect-metadata';
import { type Bus, call, type Message, type RequestContext, topic } from '@busbar/core';
import { BUS, registerBus, serves, startAgent, subscribes } from '@busbar/core/di';
import { createTestBus, type TestBus } from '@busbar/core/testing';
import { type DependencyContainer, inject, injectable, container as root } from 'tsyringe';
import { afterEach, beforeEach, expect, test } from 'vitest';

const Tick = topic<{ px: number }>('prices.tick');
const Review = call<{ diff: string }, { ok: boolean }>('agent.review');

@injectable()
class Trader {
  readonly seen: string[] = [];
  readonly bus: Bus;

  constructor(@inject(BUS) bus: Bus) {
    this.bus = bus;
  }

  @subscribes(Tick)
  onTick({ data, via }: Message<{ px: number }>): void {
    this.seen.push(`tick ${data.px} via ${via}`);
  }

  @subscribes('news.*')
  @subscribes('alerts.>')
  onText(message: Message): void {
    this.seen.push(`${message.topic} ${String(message.data)}`);
  }

  @serves(Review, { concurrency: 1 })
  review({ diff }: { diff: string }, { from }: RequestContext): { ok: boolean } {
    this.seen.push(`review for ${from.name}`);
    return { ok: diff !== '' };
  }
}

@injectable()
class CautiousTrader extends Trader {
  override onTick(message: Message<{ px: number }>): void {
    super.onTick(message);
    this.seen.push('and thought about it');
  }

  @subscribes('news.local')
  override onText(message: Message): void {
    this.seen.push(`only ${message.topic}`);
  }
}

let scratch: TestBus;
let container: DependencyContainer;

beforeEach(async () => {
  scratch = await createTestBus();
  container = root.createChildContainer();
  await registerBus(container, { name: 'desk', directory: scratch.directory });
});

afterEach(async () => {
  await container.dispose();
  await scratch.close();
});

test('decorated methods receive messages and answer calls, with the agent as this', async () => {
  const { agent } = await startAgent(container, Trader);
  const bus = container.resolve(BUS);
  expect(agent.bus).toBe(bus);
  await bus.publish(Tick, { px: 1.5 });
  await bus.publish('news.local', 'rain');
  await bus.publish('alerts.disk.full', 'now');
  expect(await bus.request(Review, { diff: '+1' })).toEqual({ ok: true });
  expect(agent.seen).toEqual(['tick 1.5 via local', 'news.local rain', 'alerts.disk.full now', 'review for desk']);
});

test('a subclass inherits handlers, calls its own methods, and decorates again to change what one hears', async () => {
  const { agent } = await startAgent(container, CautiousTrader);
  const bus = container.resolve(BUS);
  await bus.publish(Tick, { px: 2 });
  await bus.publish('news.local', 'rain');
  await bus.publish('news.world', 'sun');
  await bus.publish('alerts.disk', 'full');
  expect(agent.seen).toEqual(['tick 2 via local', 'and thought about it', 'only news.local']);
});

test('stop ends its subscriptions and services and nothing else', async () => {
  const running = await startAgent(container, Trader);
  const bus = container.resolve(BUS);
  running.stop();
  expect(await bus.publish(Tick, { px: 3 })).toEqual({ deliveries: [] });
  await expect(bus.request(Review, { diff: '' })).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
  expect(running.agent.seen).toEqual([]);
});

test('an agent that cannot start whole leaves nothing behind', async () => {
  const bus = container.resolve(BUS);
  bus.serve(Review, () => ({ ok: false }));
  await expect(startAgent(container, Trader)).rejects.toMatchObject({ code: 'NAME_TAKEN' });
  expect(await bus.publish(Tick, { px: 4 })).toEqual({ deliveries: [] });
});

test('a class without decorated methods is refused, by name', async () => {
  class Idle {}
  await expect(startAgent(container, Idle)).rejects.toMatchObject({ code: 'MISUSE', where: 'startAgent(Idle)' });
});

test('a method of another shape does not compile', () => {
  class Wrong {
    // @ts-expect-error -- the contract says px is a number
    @subscribes(Tick)
    onTick(message: Message<{ px: string }>): void {
      void message;
    }

    // @ts-expect-error -- the contract wants an object with ok
    @serves(Review)
    review(): string {
      return 'fine';
    }
  }
  expect(new Wrong()).toBeDefined();
});
