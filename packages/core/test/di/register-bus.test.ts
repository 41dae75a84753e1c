import 'reflect-metadata';
import { createBus, json, type Logger } from '@busbar/core';
import { BUS, CLOCK, CODEC, LOGGER, registerBus, TRANSPORTS } from '@busbar/core/di';
import { createTestBus, type TestBus, VirtualClock } from '@busbar/core/testing';
import { type DependencyContainer, container as root } from 'tsyringe';
import { afterEach, beforeEach, expect, test } from 'vitest';

let scratch: TestBus;
let container: DependencyContainer;

beforeEach(async () => {
  scratch = await createTestBus();
  container = root.createChildContainer();
});

afterEach(async () => {
  await container.dispose();
  await scratch.close();
});

test('the bus is one instance for the container and its children', async () => {
  const bus = await registerBus(container, { name: 'one', directory: scratch.directory });
  expect(container.resolve(BUS)).toBe(bus);
  expect(container.createChildContainer().resolve(BUS)).toBe(bus);
  expect(bus.self.name).toBe('one');
  expect(root.isRegistered(BUS)).toBe(false);
});

test('disposing the container closes the bus', async () => {
  const bus = await registerBus(container, { directory: scratch.directory });
  await container.dispose();
  await expect(bus.publish('a', 1)).rejects.toMatchObject({ code: 'CLOSED' });
});

test('a container has one bus, a child may have its own', async () => {
  const bus = await registerBus(container, { directory: scratch.directory });
  await expect(registerBus(container, { directory: scratch.directory })).rejects.toMatchObject({ code: 'MISUSE' });
  const child = container.createChildContainer();
  const own = await registerBus(child, { directory: scratch.directory });
  expect(child.resolve(BUS)).toBe(own);
  expect(own).not.toBe(bus);
  await child.dispose();
  expect(await bus.publish('a', 1)).toEqual({ deliveries: [] });
});

test('what createBus refuses, registerBus refuses, and registers nothing', async () => {
  await expect(registerBus(container, { name: 'no spaces' })).rejects.toMatchObject({ code: 'INVALID_NAME' });
  expect(container.isRegistered(BUS)).toBe(false);
});

test('a bus made for a container that is gone by then is closed', async () => {
  const gone = root.createChildContainer();
  const registering = registerBus(gone, { name: 'late', directory: scratch.directory });
  await gone.dispose();
  await expect(registering).rejects.toThrow('disposed');
  await using witness = await createBus({ directory: scratch.directory });
  expect(witness.peers.map(({ name }) => name)).not.toContain('late');
});

test('transports, codec, clock and logger come from the container', async () => {
  const clock = new VirtualClock();
  const warnings: string[] = [];
  const logger: Logger = { debug() {}, info() {}, warn: (text) => warnings.push(text), error() {} };
  container.register(CODEC, { useValue: json });
  container.register(CLOCK, { useValue: clock });
  container.register(LOGGER, { useValue: logger });
  // A plugin that says it cannot work here is left out and reported: by this container's logger.
  container.register(TRANSPORTS, { useValue: unusable('first') });
  container.register(TRANSPORTS, { useValue: unusable('second') });
  const bus = await registerBus(container, { directory: scratch.directory });

  expect(bus.unavailable.map(({ transport }) => transport)).toEqual(['first', 'second']);
  expect(warnings).toEqual(['transport first is left out', 'transport second is left out']);

  bus.subscribe('a', () => {});
  await expect(bus.publish('a', { big: 1n })).rejects.toThrow('the json codec cannot carry a bigint');

  let release = (): void => {};
  bus.serve('slow', () => new Promise<void>((resolve) => (release = resolve)));
  const outcome = bus.request('slow', 1, { deadline: 60_000 }).catch(({ code }) => code);
  await clock.advance(60_000);
  expect(await outcome).toBe('DEADLINE_EXCEEDED');
  release();
});

function unusable(name: string) {
  return {
    name,
    contractVersion: '1.0',
    capabilities: { addressing: 'peer' },
    probe: async () => ({ available: false, code: 'MISSING_PACKAGE', reason: 'a test', fix: 'none' }),
    create: () => expect.fail('not available, so never created'),
  } as never;
}
