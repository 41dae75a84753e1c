import type { Mechanism } from './mechanisms.ts';
import type { CheckedNeed } from './need.ts';
import { type Figure, gigabytes, inGigabytes, inMicros, micros, type ReachOf } from './reach.ts';

/** The leaves of the decision trees, by what decides. */
export type LeafName =
  | 'kept-remotely'
  | 'machines'
  | 'browser'
  | 'persistence'
  | 'desktop'
  | 'fastest'
  | 'widest'
  | 'bulk'
  | 'beyond-pipes'
  | 'quick'
  | 'child'
  | 'agents'
  | 'related-one-way'
  | 'related-both-ways'
  | 'unrelated';

/** One line of the table. */
export interface Leaf {
  readonly name: LeafName;
  /** Mechanisms, best first. The first one can always serve what leads here, figures apart. */
  readonly prefer: readonly Mechanism[];
  /** The fact that leads here, in words; undefined when the need does not. */
  because(need: CheckedNeed, reach: ReachOf): string | undefined;
}

/** Above this a copy into the kernel and one out of it are felt; holds while uds has not been measured. */
const BULK: Figure = { value: 1e9, measured: false, busy: false };

/**
 * The decision trees as one table: the first line that a need leads to decides.
 *
 * | leaf              | the need                                                        | answer            |
 * | ----------------- | --------------------------------------------------------------- | ----------------- |
 * | kept-remotely     | another machine or a browser, and to be kept                    | network-log       |
 * | machines          | another machine                                                 | network           |
 * | browser           | a browser                                                       | network           |
 * | persistence       | to be kept                                                      | mmap              |
 * | desktop           | a service of the desktop                                        | dbus              |
 * | fastest           | less latency than uds reaches (p50; usually 1 us)               | shm               |
 * | widest            | more throughput than uds reaches (usually 10 GB/s)              | shm, uring, dma   |
 * | bulk              | unrelated, more than 1 GB/s; for uds as measured this is widest | shm, uds          |
 * | beyond-pipes      | related, more throughput than a pipe reaches (usually 5 GB/s)   | uds, shm          |
 * | quick             | less latency than uds reaches always (p99; usually 10 us)       | uds, shm          |
 * | child             | this process starts the other                                   | stdio, uds        |
 * | agents            | an orchestrator and agents that come and go                     | uds               |
 * | related-one-way   | related, one direction                                          | pipe, uds         |
 * | related-both-ways | related, both directions                                        | uds               |
 * | unrelated         | anything else on one machine                                    | uds, shm          |
 */
export const LEAVES: readonly Leaf[] = [
  {
    name: 'kept-remotely',
    prefer: ['network-log'],
    because: ({ remote, browser, durability }) =>
      remote && durability !== 'volatile'
        ? `messages are to reach ${browser ? 'a browser' : 'another machine'} and to be kept (durability '${durability}')`
        : undefined,
  },
  {
    name: 'machines',
    prefer: ['network'],
    because: ({ sameMachine }) => (sameMachine ? undefined : 'the two sides are on different machines'),
  },
  {
    name: 'browser',
    prefer: ['network'],
    because: ({ browser }) => (browser ? 'a browser opens nothing but network connections' : undefined),
  },
  {
    name: 'persistence',
    prefer: ['mmap'],
    because: ({ durability }) =>
      durability === 'volatile' ? undefined : `messages are to be kept (durability '${durability}')`,
  },
  {
    name: 'desktop',
    prefer: ['dbus'],
    because: ({ partner }) => (partner === 'desktop' ? 'the other side is a service of the desktop' : undefined),
  },
  {
    name: 'fastest',
    prefer: ['shm'],
    because: (need, reach) => quickerThan(need, reach('uds').latencyMicros, 'than uds takes'),
  },
  {
    name: 'widest',
    prefer: ['shm', 'uring', 'dma'],
    because: (need, reach) => moreThan(need, reach('uds').bytesPerSecond, 'than uds carries'),
  },
  {
    name: 'bulk',
    prefer: ['shm', 'uds'],
    because: (need, reach) => {
      if (need.related) return undefined;
      const uds = reach('uds').bytesPerSecond;
      return moreThan(need, uds?.measured === true ? uds : BULK, 'than a socket carries with ease');
    },
  },
  {
    name: 'beyond-pipes',
    prefer: ['uds', 'shm'],
    because: (need, reach) =>
      need.related ? moreThan(need, reach('pipe').bytesPerSecond, 'than a pipe carries') : undefined,
  },
  {
    name: 'quick',
    prefer: ['uds', 'shm'],
    because: (need, reach) => quickerThan(need, reach('uds').tailMicros, 'than uds is sure to keep'),
  },
  {
    name: 'child',
    prefer: ['stdio', 'uds'],
    because: ({ partner }) => (partner === 'child' ? 'this process starts the other itself' : undefined),
  },
  {
    name: 'agents',
    prefer: ['uds'],
    because: ({ partner }) =>
      partner === 'agents' ? 'the agents come and go by themselves and find each other' : undefined,
  },
  {
    name: 'related-one-way',
    prefer: ['pipe', 'uds'],
    because: ({ related, bidirectional }) =>
      related && !bidirectional ? 'the processes are related, and messages go one way' : undefined,
  },
  {
    name: 'related-both-ways',
    prefer: ['uds'],
    because: ({ related }) => (related ? 'the processes are related, and messages go both ways' : undefined),
  },
  {
    name: 'unrelated',
    prefer: ['uds', 'shm'],
    because: () => 'the processes are on one machine, and nothing that is asked for rules out a socket',
  },
];

function quickerThan(
  { latencyMicros: asked }: CheckedNeed,
  border: Figure | undefined,
  what: string,
): string | undefined {
  if (asked === undefined || border === undefined || asked >= border.value) return undefined;
  return `${micros(asked)} one way is less ${what}, ${inMicros(border)}`;
}

function moreThan(
  { throughputBytesPerSecond: asked }: CheckedNeed,
  border: Figure | undefined,
  what: string,
): string | undefined {
  if (asked === undefined || border === undefined || asked <= border.value) return undefined;
  return `${gigabytes(asked)} is more ${what}, ${inGigabytes(border)}`;
}
