import { between, random } from '@busbar/conformance/campaigns';
import { type Bus, createBus, type Message } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import { type Balance, balanceOf } from '../delivery/balance.ts';
import { GROUP, PATTERN, type Task } from '../delivery/task.ts';
import { WorkLog } from '../delivery/work-log.ts';
import { monotonicMs } from '../monotonic.ts';
import { SILENT } from '../silent.ts';
import { readContent } from '../stream-check.ts';

/**
 * Where a worker ends itself: in the middle of a handler; when a task is done and its handler has not returned; when the
 * handler has returned and its word may be on the way or not.
 */
export type Moment = 'handler' | 'done' | 'returned';

const REFUSES = 0.04;
const THROWS = 0.03;
const LONGEST_MS = 8;
const LONGEST_HASTY_MS = 40;
const LOOK_MS = 2;
/** Idle for so many looks: nothing waits in a queue or a socket either. */
const IDLE_LOOKS = 20;

let bus: Bus;
let log: WorkLog;
let next: () => number;
let atWork = 0;
let end: Moment | undefined;

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Some way into what follows the handler: its own microtasks, the end of the turn, the sockets. */
function dieSoon(): void {
  const dice = next();
  if (dice < 0.25) queueMicrotask(die);
  else if (dice < 0.5) process.nextTick(() => queueMicrotask(die));
  else if (dice < 0.75) setImmediate(die);
  else setImmediate(() => setImmediate(die));
}

async function work({ data, redelivered, ack, nack }: Pick<Message<Task>, 'data' | 'redelivered' | 'ack' | 'nack'>) {
  const { task, number, content, isHasty } = data;
  log.note('began', task, redelivered);
  const { sequence, intact } = readContent(content);
  if (!intact || sequence !== number) log.note('corrupt', task);
  const dice = next();
  const longest = isHasty ? LONGEST_HASTY_MS : LONGEST_MS;
  if (dice < 0.6) await new Promise((resolve) => setTimeout(resolve, between(next, 0, longest)));
  else if (dice < 0.8) await new Promise((resolve) => setImmediate(resolve));
  if (end === 'handler') die();
  const fate = next();
  if (fate < REFUSES + THROWS) {
    log.note('refused', task);
    if (fate < THROWS) throw new Error('not now');
    nack({ retryIn: between(next, 0, 30) });
    return;
  }
  log.note('done', task, redelivered);
  if (end === 'done') die();
  if (fate > 0.9) ack();
  if (end === 'returned') dieSoon();
}

/** A member of the group that notes what it begins and ends. */
export const actions = {
  async open(directory: string, name: string, seed: number): Promise<void> {
    next = random(seed);
    bus = await createBus({ logger: SILENT, name, directory, plugins: [uds()] });
  },

  /** From now on it notes in this file. */
  begin(path: string): void {
    log?.close();
    log = new WorkLog(path);
  },

  join(): Promise<void> {
    return bus.subscribe<Task>(
      PATTERN,
      async (message) => {
        atWork++;
        try {
          const { data, redelivered } = message;
          await work({ data, redelivered, ack: () => message.ack(), nack: (options) => message.nack(options) });
        } finally {
          atWork--;
        }
      },
      { group: GROUP },
    ).ready;
  },

  /** Ends itself by kill -9 at the next such moment; there is no answer. */
  dieAt(moment: Moment): Promise<never> {
    end = moment;
    return new Promise(() => {});
  },

  /** Waits until it has nothing to do; what is left of its account then, or after `patienceMs`. */
  async rest(patienceMs: number): Promise<Balance & { atWork: number }> {
    const late = monotonicMs() + patienceMs;
    for (let idle = 0; idle < IDLE_LOOKS && monotonicMs() < late; ) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      idle = atWork > 0 || balanceOf(bus).open !== 0 ? 0 : idle + 1;
    }
    return { ...balanceOf(bus), atWork };
  },
};
