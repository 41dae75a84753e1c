import { afterEach, beforeEach, expect, test } from 'vitest';
import { HEADER_BYTES, OK, PRIORITIES } from '../../src/contract/index.ts';
import { Fabric, type Lane } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, turn } from '../support/pair.ts';

const ROOM = 64 * 1024;
/** One eighth is kept for critical, and of that the last 4 KiB for control frames. */
const BULK_RESERVE = ROOM / 8;
const CONTROL_RESERVE = 4096;

let pair: Pair;
let red: Fabric;
let lane: Lane;
/** What b received, by priority. */
let received: string[];

beforeEach(async () => {
  red = new Fabric('red', { bufferBytes: ROOM });
  pair = await Pair.create([red]);
  received = [];
  pair.b.bus.subscribe('t.>', ({ priority }) => {
    received.push(priority);
  });
  await turn();
  publisher('normal').send(1);
  await flow(red);
  lane = laneOf(red, 'a');
  received.length = 0;
  expect(lane.writableBytes).toBe(ROOM);
});
afterEach(async () => {
  expect([...pair.a.errors, ...pair.b.errors]).toEqual([]);
  await pair.close();
});

type Priority = (typeof PRIORITIES)[number];

const publisher = (priority: Priority) => pair.a.bus.publisher(`t.${priority}`, { priority });

/** Sends messages until the medium takes no more of them; the last one waits. `settled` when all have arrived. */
function fill(priority: Priority, bytes: number) {
  const { outbound } = pair.link(pair.a);
  const queued = outbound.queued;
  const frames = lane.frames;
  const sender = publisher(priority);
  while (outbound.queued === queued) expect(sender.send(new Uint8Array(bytes))).toBe(OK);
  return { taken: lane.frames - frames, settled: () => sender.flush() };
}

test.each([
  ['whole', 1000],
  ['in fragments', 5000],
  ['small', 24],
])('messages %s leave an eighth of the medium free, which critical gets at once', async (_, bytes) => {
  const bulk = fill('normal', bytes);
  expect(lane.writableBytes).toBeGreaterThanOrEqual(BULK_RESERVE);
  expect(lane.writableBytes).toBeLessThan(BULK_RESERVE + 2048 + 2 * HEADER_BYTES);
  const { frames } = lane;
  publisher('critical').send(new Uint8Array(1000));
  expect(lane.frames).toBe(frames + 1);
  await flow(red);
  expect(await bulk.settled()).toMatchObject({ failed: [] });
  // It overtook the one that waits, and none that was written.
  expect(received.indexOf('critical')).toBe(received.length - 2);
});

test.each(PRIORITIES.slice(1))('%s keeps off the share of critical', async (priority) => {
  const { settled } = fill(priority, 1000);
  expect(lane.writableBytes).toBeGreaterThanOrEqual(BULK_RESERVE);
  await flow(red);
  expect(await settled()).toMatchObject({ failed: [] });
});

test('critical keeps off the last 4 KiB, which a ping gets at once', async () => {
  const bulk = fill('normal', 1000);
  const urgent = fill('critical', 1000);
  expect(urgent.taken).toBeGreaterThanOrEqual(2);
  expect(lane.writableBytes).toBeGreaterThanOrEqual(CONTROL_RESERVE);
  expect(lane.writableBytes).toBeLessThan(CONTROL_RESERVE + 1000 + 2 * HEADER_BYTES);
  const { frames } = lane;
  const answer = pair.a.bus.ping(pair.b.engine.self.id);
  expect(lane.frames).toBe(frames + 1);
  await flow(red);
  await answer;
  for (const { settled } of [bulk, urgent]) expect(await settled()).toMatchObject({ failed: [] });
});
