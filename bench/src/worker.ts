/** A process of a measurement: carries out what the harness orders over fork's channel. */
import { Histogram } from './histogram.ts';
import type { Answer, JobOrder, Order } from './process-end.ts';
import type { Program, Slice } from './program.ts';
import { PROGRAMS } from './programs/index.ts';

let slice: Slice | undefined;
/** What the partner sent before this process was ready to hear it. */
const early: unknown[] = [];
let onPartner = (message: unknown): void => {
  early.push(message);
};

function answer(message: Answer): void {
  process.send?.(message);
}

async function start({ program: name, role, ...job }: JobOrder): Promise<void> {
  const program: Program = await PROGRAMS[name]();
  const partner = {
    send: (message: unknown) => answer({ op: 'partner', message }),
    onMessage: (handler: (message: unknown) => void) => {
      onPartner = handler;
      for (const message of early.splice(0)) handler(message);
    },
  };
  if (role === 'drive') slice = await program.drive({ ...job, partner });
  else await program.serve?.({ ...job, partner });
  answer({ op: 'started' });
}

async function measure(milliseconds: number): Promise<void> {
  if (slice === undefined) throw new Error('a slice was ordered of a process that does not drive');
  const latencies = new Histogram();
  const begin = performance.now();
  const messages = await slice(milliseconds, latencies);
  const seconds = (performance.now() - begin) / 1000;
  answer({ op: 'sliced', messages, seconds, counts: latencies.counts });
}

async function carryOut(order: Order): Promise<void> {
  switch (order.op) {
    case 'start':
      return start(order.job);
    case 'slice':
      return measure(order.milliseconds);
    case 'partner':
      return onPartner(order.message);
    case 'cpu': {
      const { user, system } = process.cpuUsage();
      return answer({ op: 'cpu', micros: user + system });
    }
  }
}

function fail(error: unknown): void {
  answer({ op: 'failed', error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

process.on('message', (order) => void carryOut(order as Order).catch(fail));
process.on('uncaughtException', fail);
process.on('disconnect', () => process.exit());
