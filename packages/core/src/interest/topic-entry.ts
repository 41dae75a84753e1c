import type { Link } from '../link/link.ts';
import type { OutTopic } from '../link/out-topic.ts';
import type { ActiveSubscription } from '../subscription.ts';
import type { Group } from './group.ts';

/** Who wants one topic: cached, and looked up again when any interest changed (`epoch`). */
export class TopicEntry {
  readonly name: string;
  /** 0 to 63: the flow of messages without an order key. */
  readonly hash: number;
  epoch = -1;
  /** Subscriptions of this bus outside of groups. */
  subscriptions: readonly ActiveSubscription[] = [];
  /** Peers with interest, and this topic's account with each; same index. */
  links: readonly Link[] = [];
  accounts: readonly OutTopic[] = [];
  /** Groups that share the topic; undefined when there is none. */
  groups: readonly Group[] | undefined;

  constructor(name: string) {
    this.name = name;
    this.hash = flowHash(name, undefined);
  }

  group(name: string): Group | undefined {
    return this.groups?.find((group) => group.name === name);
  }
}

/** FNV-1a over topic and order key, folded to 0..63. */
export function flowHash(topic: string, orderKey: string | undefined): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < topic.length; i++) hash = Math.imul(hash ^ topic.charCodeAt(i), 0x01000193);
  if (orderKey !== undefined) {
    hash = Math.imul(hash ^ 0xff, 0x01000193);
    for (let i = 0; i < orderKey.length; i++) hash = Math.imul(hash ^ orderKey.charCodeAt(i), 0x01000193);
  }
  return ((hash >>> 16) ^ (hash >>> 8) ^ hash) & 63;
}
