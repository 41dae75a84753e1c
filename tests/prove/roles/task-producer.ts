import { between, random } from '@busbar/conformance/campaigns';
import { BACK_PRESSURED, type Bus, createBus, type DeadLetter, isBusError, OK, type Publisher } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import { type Balance, balanceOf } from '../delivery/balance.ts';
import { type Errand, errand } from '../delivery/errand.ts';
import { type Task, TOPICS } from '../delivery/task.ts';
import { WorkLog } from '../delivery/work-log.ts';
import { monotonicMs } from '../monotonic.ts';
import { SILENT } from '../silent.ts';

/** A promise per task, or a number per task and one promise for all. */
export type Manner = 'publish' | 'send';

export interface ProducerAccount extends Balance {
  /** How often it was told that a task is processed. */
  readonly heard: number;
  /** Dead letters that are in its box. */
  readonly letters: number;
  /** Tasks that are not settled, each with what is known. */
  readonly left: readonly string[];
  /** What must not have happened. */
  readonly errors: readonly string[];
}

/** No call gives up before the campaign does. */
const DEADLINE_MS = 600_000;
const MAX_OPEN = 48;
const MAX_BATCH = 40;
/** A thread that is busy hears receipts late, and its timers first. */
const BUSY = 0.02;
const BUSY_MS = 40;
const LONGEST_PAUSE_MS = 3;
const REQUEUE_MS = 20;

let bus: Bus;
let log: WorkLog;
let next: () => number;
let number = 0;
let processed = 0;
let isWorking = false;
let worker: Promise<void> = Promise.resolve();
/** What is issued and not told as processed. */
const open = new Map<string, string>();
const errors: string[] = [];
const publishers = new Map<string, Publisher<Task>>();
/** Tasks that are dead letters, until the call that sent them has heard of it. */
const dead = new Set<string>();

function issue(): Errand {
  const made = errand(next, bus.self.name, number++);
  log.note('issued', made.task.task);
  open.set(made.task.task, 'issued');
  return made;
}

function hear(task: string): void {
  log.note('processed', task);
  processed++;
  open.delete(task);
}

function buried(letter: DeadLetter): void {
  const { task } = letter.data as Task;
  log.note('dead-lettered', task);
  dead.add(task);
  open.set(task, `a dead letter: ${letter.reason}`);
  setTimeout(() => {
    bus.deadLetters.requeue(letter.number, { deadline: DEADLINE_MS }).then(
      () => {
        dead.delete(task);
        hear(task);
      },
      (error) => failed(task, error),
    );
  }, REQUEUE_MS);
}

/** A dead letter is told of, and requeued; every other failure is one of the bus. */
function failed(task: string, error: unknown): void {
  if (isBusError(error) && error.code === 'DEAD_LETTERED') return;
  open.set(task, String(error));
  errors.push(`${task}: ${String(error)}`);
}

async function publishOne(): Promise<void> {
  const { topic, orderKey, terms, task } = issue();
  try {
    const { deliveries } = await bus.publish(topic, task, {
      reliability: 'acknowledged',
      deadline: DEADLINE_MS,
      ...(orderKey === undefined ? {} : { orderKey }),
      ...terms,
    });
    if (deliveries.length === 1 && deliveries[0].outcome === 'processed') hear(task.task);
    else errors.push(`${task.task} ended as ${JSON.stringify(deliveries)}`);
  } catch (error) {
    failed(task.task, error);
  }
}

function publisherFor({ topic, orderKey, terms }: Errand): Publisher<Task> {
  const key = JSON.stringify([topic, orderKey, terms]);
  let publisher = publishers.get(key);
  if (publisher === undefined) {
    publisher = bus.publisher<Task>(topic, {
      reliability: 'acknowledged',
      ...(orderKey === undefined ? {} : { orderKey }),
      ...terms,
    });
    publishers.set(key, publisher);
  }
  return publisher;
}

/** Sends some and waits for the word about all of them. */
async function sendSome(): Promise<void> {
  const sent = new Map<Publisher<Task>, string[]>();
  for (let left = between(next, 1, MAX_BATCH); left > 0; left--) {
    const made = issue();
    const publisher = publisherFor(made);
    for (let result = publisher.send(made.task); result !== OK; result = publisher.send(made.task)) {
      open.set(made.task.task, `not accepted: ${result}`);
      if (result !== BACK_PRESSURED) throw new Error(`${made.task.task}: send answers ${result}`);
      await publisher.writable({ deadline: DEADLINE_MS });
    }
    open.set(made.task.task, 'sent');
    sent.set(publisher, [...(sent.get(publisher) ?? []), made.task.task]);
  }
  await Promise.all([...sent].map(([publisher, tasks]) => flush(publisher, tasks)));
}

async function flush(publisher: Publisher<Task>, tasks: readonly string[]): Promise<void> {
  const report = await publisher.flush({ deadline: DEADLINE_MS });
  let letters = 0;
  for (const { outcome, count, reason } of report.failed) {
    if (outcome === 'dead-lettered') letters += count;
    else errors.push(`${publisher.topic}: ${count} ended as ${outcome}: ${reason}`);
  }
  // One that was requeued and processed before the others of its batch has been told of already.
  const told = tasks.filter((task) => !dead.has(task) && open.has(task));
  if (report.delivered + letters !== tasks.length)
    errors.push(`${publisher.topic}: ${report.delivered} processed, ${letters} dead letters, of ${tasks.length}`);
  for (const task of told) hear(task);
}

async function run(manner: Manner): Promise<void> {
  const calls = new Set<Promise<void>>();
  while (isWorking) {
    if (manner === 'publish') {
      const call = publishOne().finally(() => calls.delete(call));
      calls.add(call);
      while (calls.size >= MAX_OPEN) await Promise.race(calls);
    } else await sendSome();
    if (next() < BUSY) for (const end = monotonicMs() + BUSY_MS; monotonicMs() < end; );
    if (next() < 0.5) await new Promise((resolve) => setTimeout(resolve, between(next, 0, LONGEST_PAUSE_MS)));
  }
  await Promise.all(calls);
}

/** A sender of tasks that notes what it issues and what it is told of it. */
export const actions = {
  async open(directory: string, name: string, seed: number): Promise<void> {
    next = random(seed);
    bus = await createBus({ logger: SILENT, name, directory, plugins: [uds()] });
    bus.on('deadLetter', buried);
    const late = monotonicMs() + DEADLINE_MS;
    while (bus.explain(TOPICS[0], 1).length === 0 && monotonicMs() < late)
      await new Promise((resolve) => setTimeout(resolve, 1));
  },

  /** From now on it notes in this file, and works until `rest`. */
  begin(path: string, manner: Manner): void {
    log?.close();
    log = new WorkLog(path);
    isWorking = true;
    worker = run(manner).catch((error) => {
      errors.push(String(error));
    });
  },

  /** Issues nothing more and waits until everything is settled, at most `patienceMs`. */
  async rest(patienceMs: number): Promise<ProducerAccount> {
    isWorking = false;
    let isAtRest = false;
    void worker.then(() => {
      isAtRest = true;
    });
    const late = monotonicMs() + patienceMs;
    while ((!isAtRest || open.size > 0) && monotonicMs() < late) await new Promise((resolve) => setTimeout(resolve, 2));
    const left = [...open].map(([task, state]) => `${task} (${state})`);
    return { ...balanceOf(bus), heard: processed, letters: bus.deadLetters.size, left, errors: errors.splice(0) };
  },

  /** What is on its way to whom, in words. */
  underWay: (): string =>
    bus
      .stats()
      .peers.filter(({ name }) => name.startsWith('w'))
      .map(({ name, connected, queued, routes: [route] }) => {
        const link = connected ? '' : 'not connected, ';
        return `${name}: ${link}${queued.messages} queued, ${route.unconfirmed} unconfirmed, route ${route.state}`;
      })
      .join('; '),
};
