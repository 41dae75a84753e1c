import { matches, PRIORITIES, type Priority } from '../contract/index.ts';
import type { Left } from './adaptation.ts';

/** What the selector knows of one message for one target. */
export interface Facts {
  readonly topic: string;
  /** 0 critical to 4 batch. */
  readonly priority: number;
  readonly reliability: 'best-effort' | 'reliable' | 'acknowledged';
  readonly durability: 'volatile' | 'process' | 'disk';
  /** Payload bytes. */
  readonly bytes: number;
  /** Names of transports whose receiver is known to be polling right now. */
  readonly awake: readonly string[];
  /** By name, transports that adaptation has left for messages like this one, with the measurement behind it. */
  readonly left?: ReadonlyMap<string, Left> | undefined;
}

/** A policy's word on one message. */
export interface Preference {
  /** Transport names, best first; installed ones not named come after, in the order of installation. */
  readonly prefer: readonly string[];
  readonly forbid?: readonly string[];
  /** Which line of the policy this is, for `explain()`. */
  readonly reason: string;
}

/**
 * Orders transports for a message. A pure function of the facts: the result is cached per size class, whose borders
 * the policy names.
 */
export interface Policy {
  readonly name: string;
  /** Payload sizes in bytes at which the preference changes: a size class ends at its border, inclusive. */
  readonly borders: readonly number[];
  /**
   * The p50 in microseconds, of messages that find the receiver awake, that each priority is to have, critical first;
   * undefined: throughput decides. With it the order is adapted to what is measured; without it, it is fixed.
   */
  readonly targetsMicros?: readonly (number | undefined)[];
  /** False: the order depends on more than the facts, and is asked for every message. Default true. */
  readonly cacheable?: boolean;
  prefer(facts: Facts): Preference;
}

const KIB_64 = 65_536;
const MIB_1 = 1_048_576;

/**
 * The default table. A participant of the same process is always reached through memory; then:
 *
 * | message            | order of preference                                                          |
 * | ------------------ | ---------------------------------------------------------------------------- |
 * | durable            | mmap                                                                         |
 * | critical           | shm, uring, uds, pipe, dbus                                                  |
 * | high, > 64 KiB     | uring, dma, shm, uds                                                         |
 * | high, <= 64 KiB    | shm, uring, uds, pipe, dbus                                                  |
 * | normal             | shm if the receiver's ring is awake, else uds, shm, uring, pipe, dbus        |
 * | low                | mmap, uds, pipe, shm, dbus                                                   |
 * | batch, >= 1 MiB    | dma, uring, shm, uds                                                         |
 * | batch, < 1 MiB     | uds, mmap, pipe, shm                                                         |
 */
export const HYBRID: Policy = {
  name: 'hybrid',
  targetsMicros: [2, 10, 100, 1000, undefined],
  borders: [KIB_64, MIB_1 - 1],
  prefer(facts: Facts): Preference {
    if (facts.durability !== 'volatile') return DURABLE;
    switch (facts.priority) {
      case 0:
        return CRITICAL;
      case 1:
        return facts.bytes > KIB_64 ? HIGH_LARGE : HIGH_SMALL;
      case 2:
        return facts.awake.includes('shm') ? NORMAL_AWAKE : NORMAL;
      case 3:
        return LOW;
      default:
        return facts.bytes >= MIB_1 ? BATCH_LARGE : BATCH_SMALL;
    }
  },
};

/** The same table, whatever is measured. */
export const FIXED: Policy = { name: 'fixed', borders: HYBRID.borders, prefer: (facts) => HYBRID.prefer(facts) };

function line(reason: string, ...prefer: string[]): Preference {
  return { prefer, reason };
}

const DURABLE = line('durable: the mapped log', 'mmap');
const CRITICAL = line('critical: lowest latency first', 'memory', 'shm', 'uring', 'uds', 'pipe', 'dbus');
const HIGH_LARGE = line('high, over 64 KiB: fewest copies first', 'memory', 'uring', 'dma', 'shm', 'uds');
const HIGH_SMALL = line('high, up to 64 KiB: low latency first', 'memory', 'shm', 'uring', 'uds', 'pipe', 'dbus');
const NORMAL_AWAKE = line('normal: its receiver is awake', 'memory', 'shm', 'uds', 'uring', 'pipe', 'dbus');
const NORMAL = line('normal: a socket wakes its receiver', 'memory', 'uds', 'shm', 'uring', 'pipe', 'dbus');
const LOW = line('low: out of the way of the rest', 'memory', 'mmap', 'uds', 'pipe', 'shm', 'dbus');
const BATCH_LARGE = line('batch, 1 MiB and over: by reference first', 'memory', 'dma', 'uring', 'shm', 'uds');
const BATCH_SMALL = line('batch, under 1 MiB: throughput', 'memory', 'uds', 'mmap', 'pipe', 'shm');

/** Overrides for some messages; what a rule leaves open is the base policy's. First match wins. */
export interface Rule {
  /** What `explain()` calls it. Default `rule 1`, `rule 2`, … */
  readonly name?: string;
  readonly match: {
    /** Topic pattern. */
    readonly topic?: string;
    readonly priority?: Priority;
    readonly reliability?: Facts['reliability'];
    /** Inclusive bounds of the payload, in bytes. */
    readonly bytes?: { readonly min?: number; readonly max?: number };
  };
  readonly prefer?: readonly string[];
  readonly forbid?: readonly string[];
}

/** A policy with rules in front: `rules([{ match: { topic: 'video.>' }, prefer: ['shm'] }])`. */
export function rules(list: readonly Rule[], base: Policy = HYBRID): Policy {
  const borders = new Set(base.borders);
  for (const rule of list) {
    if (rule.match.bytes?.max !== undefined) borders.add(rule.match.bytes.max);
    if (rule.match.bytes?.min !== undefined) borders.add(rule.match.bytes.min - 1);
  }
  return {
    ...base,
    name: `rules over ${base.name}`,
    borders: [...borders].sort((a, b) => a - b),
    prefer(facts: Facts): Preference {
      const index = list.findIndex((rule) => applies(rule, facts));
      const usual = base.prefer(facts);
      if (index < 0) return usual;
      const rule = list[index];
      const first = rule.prefer ?? [];
      return {
        prefer: [...first, ...usual.prefer.filter((name) => !first.includes(name))],
        forbid: [...(rule.forbid ?? []), ...(usual.forbid ?? [])],
        reason: rule.name ?? `rule ${index + 1}`,
      };
    },
  };
}

function applies({ match }: Rule, facts: Facts): boolean {
  if (match.topic !== undefined && !matches(match.topic, facts.topic)) return false;
  if (match.priority !== undefined && PRIORITIES[facts.priority] !== match.priority) return false;
  if (match.reliability !== undefined && match.reliability !== facts.reliability) return false;
  return facts.bytes >= (match.bytes?.min ?? 0) && facts.bytes <= (match.bytes?.max ?? Number.POSITIVE_INFINITY);
}
