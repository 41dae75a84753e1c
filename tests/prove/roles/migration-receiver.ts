import { type Bus, createBus } from '@busbar/core';
import { shm } from '@busbar/transport-shm';
import { uds } from '@busbar/transport-uds';
import { FaultPoint } from '../migration/fault-point.ts';
import { faulty } from '../migration/faulty.ts';
import { FLOWS, PATTERN } from '../migration/flows.ts';
import { SILENT } from '../silent.ts';
import { cutSockets, watchSockets } from '../sockets.ts';
import { readContent, StreamCheck, type StreamReport } from '../stream-check.ts';

let bus: Bus;
const checks = FLOWS.map(() => new StreamCheck());
const carried: Record<string, number> = {};
const errors: string[] = [];
const inbox = new FaultPoint(() => 0);

/** Checks the eight flows; its end of a transport can be made to die. */
export const actions = {
  async open(directory: string): Promise<void> {
    watchSockets(['uds'], () => false);
    bus = await createBus({ logger: SILENT, name: 'receiver', directory, plugins: [faulty(shm(), inbox), uds()] });
    bus.on('error', (error) => errors.push(error.message));
    await bus.subscribe(PATTERN, ({ topic, data, via }) => {
      carried[via] = (carried[via] ?? 0) + 1;
      const { round, sequence, intact } = readContent(data as Uint8Array);
      const flow = FLOWS.findIndex((one) => one.topic === topic);
      checks[flow].take(sequence, intact && round === flow);
    }).ready;
  },

  /** Both directions of it, abruptly. */
  kill(transport: string): void {
    if (transport === 'shm') inbox.killInbox();
    else for (const side of ['dialled', 'accepted'] as const) cutSockets(transport, side);
  },

  /** A socket comes back by itself. */
  async restore(transport: string): Promise<void> {
    if (transport !== 'shm') return;
    // The bus may have dropped by itself what has died.
    await bus.remove('shm').catch(() => {});
    await bus.use(faulty(shm(), inbox));
  },

  arrived: (): number => checks.reduce((sum, { report }) => sum + report.arrived, 0),

  /** By flow. */
  reports: (): StreamReport[] => checks.map(({ report }) => report),

  account: (): { carried: Record<string, number>; repeats: number; errors: string[] } => ({
    carried,
    repeats: bus.counters.duplicates,
    errors: errors.splice(0),
  }),
};
