import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Bus, createBus } from '@busbar/core';
import { shm } from '@busbar/transport-shm';
import { SILENT } from '../silent.ts';

const TOPIC = 'crowd.word';
const LOOK_MS = 20;

export interface Memory {
  /** Rings mapped, those of others and of its own making, and their bytes. */
  readonly rings: number;
  readonly sharedBytes: number;
  /** Descriptors of such memory: only until a sender has opened it. */
  readonly memfds: number;
  /** Resident, and of this process alone. */
  readonly privateBytes: number;
}

const buses: Bus[] = [];
const heard = new Set<string>();

/** One participant that listens, or many that send. */
export const actions = {
  /** Of all participants here: what their rings are named after. */
  ids: (): string[] => buses.map(({ self }) => self.id),

  async listen(directory: string): Promise<void> {
    const bus = await createBus({ logger: SILENT, name: 'listener', directory, plugins: [shm()] });
    buses.push(bus);
    await bus.subscribe(TOPIC, ({ from }) => void heard.add(from.id)).ready;
  },

  /** Joins `count` participants, of which each says a word to the listener; how many words were delivered. */
  async speak(directory: string, prefix: string, count: number): Promise<number> {
    const spoken = Array.from({ length: count }, async (_, index) => {
      const bus = await createBus({ logger: SILENT, name: `${prefix}-${index}`, directory, plugins: [shm()] });
      buses.push(bus);
      while (bus.explain(TOPIC, 100).length === 0) await setTimeout(LOOK_MS);
      const { deliveries } = await bus.publish(TOPIC, index);
      return deliveries.filter(({ outcome }) => outcome === 'delivered').length;
    });
    return (await Promise.all(spoken)).reduce((sum, delivered) => sum + delivered, 0);
  },

  heard: (): number => heard.size,

  /** After a full collection. */
  memory(): Memory {
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    const rings = readFileSync('/proc/self/maps', 'latin1')
      .split('\n')
      .filter((line) => line.includes('memfd:busbar-'));
    const status = readFileSync('/proc/self/status', 'latin1');
    const bytes = (field: string): number => 1024 * Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]);
    return {
      rings: rings.length,
      sharedBytes: rings.reduce((sum, line) => sum + mappedBytes(line), 0),
      memfds: readdirSync('/proc/self/fd').filter((fd) => targetOf(fd).includes('memfd:busbar-')).length,
      privateBytes: bytes('RssAnon') + bytes('RssFile'),
    };
  },
};

function mappedBytes(line: string): number {
  const [from, to] = line.slice(0, line.indexOf(' ')).split('-');
  return Number.parseInt(to, 16) - Number.parseInt(from, 16);
}

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The listing's own.
    return '';
  }
}
