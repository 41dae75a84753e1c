import type { Link } from '../link/link.ts';
import type { ActiveSubscription } from '../subscription.ts';
import { Group, type RemoteMember } from './group.ts';
import { groupLabel } from './group-label.ts';
import { TopicEntry } from './topic-entry.ts';
import { PatternTrie } from './trie.ts';

const ENTRY_LIMIT = 65_536;

/** Who wants what, here and at the peers. One epoch for all: a change lets every cached entry look again. */
export class Interest {
  epoch = 0;
  /** Called when a group may have a new member, here or at a peer. */
  onMember: () => void = () => {};
  readonly #local = new PatternTrie<ActiveSubscription>();
  readonly #remote = new PatternTrie<Link>();
  readonly #localMembers = new PatternTrie<ActiveSubscription>();
  readonly #remoteMembers = new PatternTrie<RemoteMember>();
  readonly #entries = new Map<string, TopicEntry>();

  addLocal(pattern: string, subscription: ActiveSubscription): void {
    this.#own(subscription).add(pattern, subscription);
    this.epoch++;
    if (subscription.group !== undefined) this.onMember();
  }

  removeLocal(pattern: string, subscription: ActiveSubscription): void {
    this.#own(subscription).remove(pattern, subscription);
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

  addMember(pattern: string, member: RemoteMember): void {
    this.#remoteMembers.add(pattern, member);
    this.epoch++;
    this.onMember();
  }

  removeMember(pattern: string, member: RemoteMember): void {
    this.#remoteMembers.remove(pattern, member);
    this.epoch++;
  }

  #own({ group }: ActiveSubscription): PatternTrie<ActiveSubscription> {
    return group === undefined ? this.#local : this.#localMembers;
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
    if (this.#localMembers.size > 0 || this.#remoteMembers.size > 0 || entry.groups !== undefined)
      entry.groups = this.#groupsOf(entry);
  }

  #groupsOf(entry: TopicEntry): readonly Group[] | undefined {
    const found = new Map<string, { links: Link[]; subscriptions: ActiveSubscription[] }>();
    const members = (name: string) => {
      let those = found.get(name);
      if (those === undefined) {
        those = { links: [], subscriptions: [] };
        found.set(name, those);
      }
      return those;
    };
    for (const subscription of this.#localMembers.match(entry.name))
      members(subscription.group as string).subscriptions.push(subscription);
    for (const { group, link } of this.#remoteMembers.match(entry.name)) members(group).links.push(link);
    if (found.size === 0) return undefined;
    return Array.from(found, ([name, { links, subscriptions }]) => {
      const group = entry.group(name) ?? new Group(name, groupLabel(entry.name, name));
      group.links = links;
      group.accounts = links.map((link) => link.outbound.topic(entry.name, entry.hash, name));
      group.subscriptions = subscriptions;
      return group;
    });
  }

  /** Entries are a cache; publishers and links hold on to those they use. */
  #forgetIdle(): void {
    this.#entries.clear();
  }
}
