import { PRIORITIES, type Priority } from '@busbar/core';
import fc from 'fast-check';

/** What is chosen at random: the media, and what happens when. Places in lists are numbers taken modulo their length. */
export interface Plan {
  readonly media: MediaPlan;
  /** Participants of the beginning; more may join. */
  readonly buses: number;
  /** All order keys share one flow. */
  readonly crowded: boolean;
  readonly steps: readonly Step[];
}

export interface MediaPlan {
  /** Whether `red` tells what it has copied. */
  readonly redConfirms: boolean;
  /** A second medium that loses nothing but its connections. */
  readonly blue: boolean;
  /** A medium that loses frames. */
  readonly green: boolean;
  /** The memory transport, with shares of frames that are lost, come twice, come late. */
  readonly chaos:
    | { readonly seed: number; readonly drop: number; readonly duplicate: number; readonly reorder: number }
    | undefined;
}

export const RELIABILITIES = ['best-effort', 'reliable', 'acknowledged'] as const;
export type Reliability = (typeof RELIABILITIES)[number];
const ON_FULL = ['wait', 'error', 'drop-newest', 'drop-oldest'] as const;
export type OnFull = (typeof ON_FULL)[number];

export interface Publish {
  readonly do: 'publish';
  readonly bus: number;
  readonly count: number;
  readonly topic: string;
  readonly key: number | undefined;
  readonly priority: Priority;
  readonly reliability: Reliability;
  readonly bytes: number;
  readonly ttl: number | undefined;
  readonly deadline: number | undefined;
  readonly onFull: OnFull;
  /** Through a publisher: without a receipt. */
  readonly bare: boolean;
}

export interface Subscribe {
  readonly do: 'subscribe';
  readonly bus: number;
  readonly pattern: string;
  readonly group: string | undefined;
  readonly takes: 'by flow' | 'two at once' | 'by iterator';
}

export type Step =
  | Publish
  | Subscribe
  | { readonly do: 'unsubscribe' | 'jam' | 'unjam' | 'tear' | 'lose'; readonly which: number }
  | { readonly do: 'serve' | 'unserve' | 'request' | 'open'; readonly bus: number; readonly call: string }
  | { readonly do: 'close' | 'kill'; readonly bus: number }
  | { readonly do: 'break' | 'admit'; readonly which: number; readonly flag: boolean }
  | { readonly do: 'move'; readonly which: number; readonly count: number }
  | { readonly do: 'finish'; readonly count: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'join' | 'turn' | 'hold control' | 'pass control' };

const TOPICS = ['t.a', 't.b', 'u.a'] as const;
const PATTERNS = [...TOPICS, 't.*', '*.a', 't.>', '>'] as const;
const GROUPS = ['g', 'h'] as const;
/** Payload bytes: some fill a window, the largest travel in pieces and exceed it. */
const SIZES = [16, 16, 40, 150, 300, 1000, 3000, 5000] as const;
export const WINDOW_BYTES = 4096;
export const MOST_BUSES = 6;
const MOST_STEPS = 400;

const nat = fc.nat(999);
/** Undefined, but in `percent` of the cases. */
const sometimes = <T>(percent: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 100 - percent, arbitrary: fc.constant(undefined) }, { weight: percent, arbitrary });
const does = <D extends string, T>(what: D, rest: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record({ do: fc.constant(what), ...rest } as never) as fc.Arbitrary<{ do: D } & T>;

const publish: fc.Arbitrary<Publish> = fc.record({
  do: fc.constant('publish' as const),
  bus: nat,
  count: fc.integer({ min: 1, max: 6 }),
  topic: fc.constantFrom(...TOPICS),
  key: sometimes(70, fc.nat(2)),
  priority: fc.constantFrom(...PRIORITIES),
  reliability: fc.constantFrom<Reliability>('best-effort', 'reliable', 'reliable', 'reliable', 'acknowledged'),
  bytes: fc.constantFrom(...SIZES),
  ttl: sometimes(10, fc.integer({ min: 1, max: 80 })),
  deadline: sometimes(10, fc.integer({ min: 1, max: 80 })),
  onFull: fc.constantFrom<OnFull>('wait', 'wait', 'wait', ...ON_FULL),
  bare: fc.nat(3).map((n) => n === 0),
});

const subscribe: fc.Arbitrary<Subscribe> = fc.record({
  do: fc.constant('subscribe' as const),
  bus: nat,
  pattern: fc.constantFrom(...PATTERNS),
  group: sometimes(50, fc.constantFrom(...GROUPS)),
  takes: fc.constantFrom<Subscribe['takes']>('by flow', 'by flow', 'two at once', 'by iterator'),
});

const flag = fc.boolean();
const count = fc.integer({ min: 1, max: 6 });
const weighted: readonly [number, fc.Arbitrary<Step>][] = [
  // First, what a smaller plan may have in the place of any other.
  [40, fc.constant({ do: 'turn' as const })],
  [30, publish],
  [5, subscribe],
  [2, does('unsubscribe', { which: nat })],
  [3, does('serve', { bus: nat, call: fc.constantFrom('c.a', 'c.b', 's.a') })],
  [1, does('unserve', { bus: nat, call: fc.constantFrom('c.a', 'c.b', 's.a') })],
  [4, does('request', { bus: nat, call: fc.constantFrom('c.a', 'c.b') })],
  [2, does('open', { bus: nat, call: fc.constant('s.a') })],
  [1, fc.constant({ do: 'join' as const })],
  [2, fc.constant({ do: 'hold control' as const })],
  [3, fc.constant({ do: 'pass control' as const })],
  [1, does('close', { bus: nat })],
  [1, does('kill', { bus: nat })],
  [30, does('move', { which: nat, count })],
  [10, does('finish', { count })],
  [4, does('wait', { ms: fc.nat(60) })],
  [3, does('jam', { which: nat })],
  [3, does('unjam', { which: nat })],
  [3, does('break', { which: nat, flag })],
  [1, does('tear', { which: nat })],
  [1, does('admit', { which: nat, flag })],
  [4, does('lose', { which: nat })],
];
const step = fc.oneof({ withCrossShrink: true }, ...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })));

const share = fc.constantFrom(0, 0, 0.05, 0.2);
const media: fc.Arbitrary<MediaPlan> = fc.record({
  redConfirms: flag,
  blue: flag,
  green: fc.nat(2).map((n) => n === 0),
  chaos: sometimes(50, fc.record({ seed: nat, drop: share, duplicate: share, reorder: share })),
});

export const plans: fc.Arbitrary<Plan> = fc.record({
  media,
  buses: fc.integer({ min: 2, max: 4 }),
  crowded: flag,
  steps: fc
    .tuple(
      // A topology to begin with, whatever follows.
      fc.array(subscribe, { maxLength: 8, size: 'max' }),
      fc.array(step, { maxLength: MOST_STEPS, size: 'max' }),
    )
    .map(([first, rest]) => [...first, { do: 'turn' as const }, ...rest]),
});
