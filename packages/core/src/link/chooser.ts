import type { Reliability } from '../contract/index.ts';
import { bandOf } from '../selector/bands.ts';
import type { Facts, Policy } from '../selector/policy.ts';
import { type Selection, select } from '../selector/select.ts';
import type { Unusable } from '../transports.ts';
import type { Link } from './link.ts';
import type { OutMessage } from './out-message.ts';
import type { Route } from './route.ts';
import type { RouteSet } from './route-set.ts';
import type { Tally } from './tallies.ts';

/** A decision that is good for many messages. */
export interface Choice {
  readonly route: Route;
  readonly tally: Tally;
  /** What is better while its receiver is awake. */
  readonly ifAwake: Choice | undefined;
}

/** Chooses routes for the messages of one link. */
export class Chooser {
  readonly #link: Link;
  readonly #routes: RouteSet;
  readonly #policy: Policy;
  readonly #caches: boolean;

  constructor(link: Link, routes: RouteSet, policy: Policy) {
    this.#link = link;
    this.#routes = routes;
    this.#policy = policy;
    this.#caches = policy.cacheable !== false;
  }

  /**
   * The decision for one message, from the cache of its topic where that is of now; null: no route will do.
   *
   * | allocates                          | blocks | syscalls | callable from    |
   * | a few objects for a fresh decision | no     | 0        | the bus's thread |
   */
  for(message: OutMessage, losslessOnly: boolean): Choice | null {
    const { topic, priority } = message;
    const key = (this.#routes.sizeClass(message.size) * 5 + priority) * 3 + reliabilityIndex(message);
    if (topic.choicesEpoch === this.#routes.epoch && message.via === undefined && !losslessOnly) {
      const choice = topic.choices[key];
      if (choice !== undefined) return choice;
    }
    return this.#decide(message, key, losslessOnly);
  }

  #decide(message: OutMessage, key: number, losslessOnly: boolean): Choice | null {
    const choice = this.choose(message, losslessOnly);
    if (losslessOnly || message.via !== undefined || !this.#caches) return choice;
    const { topic } = message;
    if (topic.choicesEpoch !== this.#routes.epoch) topic.choices.length = 0;
    topic.choicesEpoch = this.#routes.epoch;
    topic.choices[key] = choice;
    return choice;
  }

  /** A fresh decision for one message and all like it; null: no route will do. */
  choose(message: OutMessage, losslessOnly = false): Choice | null {
    const routes = losslessOnly ? this.#routes.lossless : this.#routes.all;
    const facts = this.#facts(message);
    const { via } = message;
    if (!this.#caches) return asChoice(this.#select(facts, this.#awake(), routes, via));
    const asleep = this.#select(facts, NOBODY, routes, via);
    const { polled } = this.#routes;
    if (polled.length === 0) return asChoice(asleep);
    const awake = this.#select(facts, polled, routes, via);
    return asChoice(asleep, awake.route === asleep.route ? undefined : (asChoice(awake) ?? undefined));
  }

  /** What would be decided now, with the reasons of all. */
  explain(facts: Omit<Facts, 'awake' | 'left'>, via?: string): Selection<Route> {
    return this.#select(facts, this.#awake(), this.#routes.all, via);
  }

  /** The reasons of every candidate, and of what is no candidate, for a refusal. */
  whyNone(message: OutMessage, peer: string, unusable: readonly Unusable[]): string {
    const { rejected } = this.explain(this.#facts(message), message.via);
    const reasons = [...rejected, ...unusable].map(({ transport, reason }) => `${transport}: ${reason}`).join('; ');
    if (rejected.length > 0) return reasons;
    return `no transport in common with ${peer}${reasons === '' ? '' : ` (${reasons})`}`;
  }

  /** No route fits now, but one that is down would: the message waits for it, up to its deadline. */
  mayFind(message: OutMessage): boolean {
    return this.explain(this.#facts(message), message.via).rejected.some(({ temporary }) => temporary);
  }

  #facts(message: OutMessage): Omit<Facts, 'awake' | 'left'> {
    return {
      topic: message.topic.name,
      bytes: message.size,
      priority: message.priority,
      reliability: reliabilityOf(message),
      durability: 'volatile',
    };
  }

  #select(
    facts: Omit<Facts, 'awake' | 'left'>,
    awake: readonly string[],
    routes: readonly Route[],
    via: string | undefined,
  ): Selection<Route> {
    const left = this.#link.adaptation?.left(facts.priority, bandOf(facts.bytes));
    const { topic, bytes, priority, reliability, durability } = facts;
    // Not a spread, which takes V8 longer than the decision.
    const all = { topic, bytes, priority, reliability, durability, awake, left };
    return select(all, routes, this.#policy, via);
  }

  #awake(): string[] {
    return this.#routes.all.filter(({ awake }) => awake).map(({ transport }) => transport);
  }
}

const NOBODY: readonly string[] = [];

function asChoice({ route, rule }: Selection<Route>, ifAwake?: Choice): Choice | null {
  return route === undefined ? null : { route, tally: route.tallies.of(rule), ifAwake };
}

function reliabilityIndex({ reliable, acknowledged }: OutMessage): number {
  if (acknowledged) return 2;
  return reliable ? 1 : 0;
}

function reliabilityOf({ reliable, acknowledged }: OutMessage): Reliability {
  if (acknowledged) return 'acknowledged';
  return reliable ? 'reliable' : 'best-effort';
}
