import type { Link } from '../link/link.ts';
import type { ActiveSubscription } from '../subscription.ts';
import { TopicEntry } from './topic-entry.ts';
import { PatternTrie } from './trie.ts';

const ENTRY_LIMIT = 65_536;

/** Who wants what, here and at the peers. One epoch for all: a change lets every cached entry look again. */
export class Interest {
  epoch = 0;
  readonly #local = new PatternTrie<ActiveSubscription>();
  readonly #remote = new PatternTrie<Link>();
  readonly #entries = new Map<string, TopicEntry>();

  addLocal(pattern: string, subscription: ActiveSubscription): void {
    this.#local.add(pattern, subscription);
    this.epoch++;
  }

  removeLocal(pattern: string, subscription: ActiveSubscription): void {
    this.#local.remove(pattern, subscription);
    this.epoch++;
  }

  addRemote(pattern: string, link: Link): void {
    this.#remote.add(pattern, link);
    this.epoch++;
  }

  removeRemote(pattern: string, link: Link): void {
    this.#remote.remove(pattern, link);
    this.epoch++;
  }

  /** The entry of a valid topic; current only after `refresh`. */
  entry(topic: string): TopicEntry {
    let entry = this.#entries.get(topic);
    if (entry === undefined) {
      if (this.#entries.size >= ENTRY_LIMIT) this.#forgetIdle();
      entry = new TopicEntry(topic);
      this.#entries.set(topic, entry);
    }
    return entry;
  }

  /**
   * Looks up who wants the topic, if anything changed since the last time.
   *
   * | allocates             | blocks | syscalls | callable from    |
   * | only after a change   | no     | 0        | the bus's thread |
   */
  refresh(entry: TopicEntry): void {
    if (entry.epoch === this.epoch) return;
    entry.epoch = this.epoch;
    entry.subscriptions = this.#local.match(entry.name);
    const links = this.#remote.match(entry.name);
    entry.links = links;
    entry.accounts = links.map((link) => link.outbound.topic(entry.name, entry.hash));
  }

  /** Entries are a cache; publishers and links hold on to those they use. */
  #forgetIdle(): void {
    this.#entries.clear();
  }
}
