import { random } from '@busbar/conformance/campaigns';
import { type Bus, createBus, OK, type Publisher } from '@busbar/core';
import { shm } from '@busbar/transport-shm';
import { uds } from '@busbar/transport-uds';
import { FaultPoint } from '../migration/fault-point.ts';
import { faulty } from '../migration/faulty.ts';
import type { Fault } from '../migration/faulty-sender.ts';
import { drawSize, FLOWS, type Flow, POLICY } from '../migration/flows.ts';
import { SILENT } from '../silent.ts';
import { contentOf } from '../stream-check.ts';

const MESSAGES_PER_TURN = 50;
const LOOK_MS = 2;
/** Longer than any fault lasts. */
const WRITABLE_MS = 20_000;

let bus: Bus;
let publishers: Publisher<Uint8Array>[] = [];
/** Messages accepted, by flow. */
const sent: number[] = FLOWS.map(() => 0);
let accepted = 0;
/** Messages that may be sent, the round's last ones once it is ending. */
let goal = 0;
let ending = false;
let more: Promise<void> = Promise.resolve();
let wake = (): void => {};
let loops: Promise<unknown> = Promise.resolve();
const errors: string[] = [];

const points: Record<string, FaultPoint> = {
  shm: new FaultPoint(() => unconfirmed('shm')),
  uds: new FaultPoint(() => unconfirmed('uds')),
};

function routes() {
  return bus.stats().peers.flatMap((peer) => peer.routes);
}

function unconfirmed(transport: string): number {
  return routes().reduce((sum, route) => (route.transport === transport ? sum + route.unconfirmed : sum), 0);
}

/** Wakes the flows that wait for something to do. */
function renew(): void {
  wake();
  more = new Promise((resolve) => {
    wake = resolve;
  });
}

/** Transports that have messages under way. */
function carrying(): string[] {
  return routes()
    .filter(({ state, unconfirmed }) => state === 'up' && unconfirmed > 0)
    .map(({ transport }) => transport);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Each flow by itself: one that waits for its route does not hold up the others. */
async function run({ number }: Flow, next: () => number): Promise<void> {
  const publisher = publishers[number];
  for (let count = 1; ; count++) {
    while (accepted >= goal && !ending) await more;
    if (accepted >= goal) return;
    const content = contentOf(number, sent[number], drawSize(next));
    accepted++;
    sent[number]++;
    while (publisher.send(content) !== OK) await publisher.writable({ deadline: WRITABLE_MS });
    if (count % MESSAGES_PER_TURN === 0) await turn();
  }
}

/** Sends eight numbered flows over two transports, which faults meet here. */
export const actions = {
  async open(directory: string): Promise<void> {
    bus = await createBus({
      logger: SILENT,
      name: 'sender',
      directory,
      plugins: [faulty(shm(), points.shm), faulty(uds(), points.uds)],
      policy: POLICY,
    });
    bus.on('error', (error) => errors.push(error.message));
    publishers = FLOWS.map(({ topic, priority }) => bus.publisher(topic, { priority }));
  },

  /** Begins to send what `allow` allows, until `rest`. */
  work(seed: number): void {
    ending = false;
    renew();
    loops = Promise.all(FLOWS.map((flow) => run(flow, random(seed + flow.number)))).catch((error: unknown) =>
      errors.push(String(error)),
    );
  },

  /** `messages` more. */
  allow(messages: number): void {
    goal += messages;
    renew();
  },

  /** True when `messages` in all are sent; false when they are not within `ms`. */
  async reached(messages: number, ms: number): Promise<boolean> {
    for (const end = performance.now() + ms; accepted < messages; await sleep(LOOK_MS))
      if (performance.now() > end) return false;
    return true;
  },

  /**
   * When `messages` in all are sent: strikes `preferred` if it carries any now, else what does. Answers which it was;
   * undefined if nothing was within `ms`.
   */
  async strike(messages: number, preferred: string, fault: Fault, ms: number): Promise<string | undefined> {
    const end = performance.now() + ms;
    while (accepted < messages && performance.now() < end) await sleep(1);
    for (; performance.now() < end; await sleep(1)) {
      const carriers = carrying();
      const transport = carriers.includes(preferred) ? preferred : carriers[0];
      if (transport !== undefined && points[transport].strike(fault)) return transport;
    }
    return undefined;
  },

  /** True when the bus has closed what was struck within `ms`. */
  async abandoned(transport: string, ms: number): Promise<boolean> {
    return Promise.race([points[transport].abandoned().then(() => true), sleep(ms).then(() => false)]);
  },

  /** Answers what `FaultPoint.putBack` does. */
  putBack: (transport: string): boolean => points[transport].putBack(),

  /** Waits until all is sent and settled, or for `ms`. */
  async rest(ms: number): Promise<{ sent: number[]; unsettled: number; failed: number; errors: string[] }> {
    const end = performance.now() + ms;
    ending = true;
    renew();
    await Promise.race([loops, sleep(ms)]);
    let failed = 0;
    const flushes = publishers.map(async (publisher) => {
      const report = await publisher.flush({ deadline: Math.max(1, Math.ceil(end - performance.now())) });
      for (const { count } of report.failed) failed += count;
    });
    for (const flush of await Promise.allSettled(flushes))
      if (flush.status === 'rejected') errors.push(String(flush.reason));
    const { targets, outcomes } = bus.counters;
    const settled = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
    return { sent, unsettled: accepted - targets + Math.abs(targets - settled), failed, errors: errors.splice(0) };
  },

  /** What the bus knows of its routes, for a finding. */
  account: (): unknown => ({
    accepted,
    goal,
    unavailable: bus.unavailable,
    queued: bus.stats().queued,
    routes: routes(),
  }),
};
