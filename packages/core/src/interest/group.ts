import type { Link } from '../link/link.ts';
import type { OutTopic } from '../link/out-topic.ts';
import type { ActiveSubscription } from '../subscription.ts';
import { GroupShares } from './group-shares.ts';

/** A peer's part in a group, whatever its patterns: one object per (peer, group). */
export interface RemoteMember {
  readonly group: string;
  readonly link: Link;
}

/** The own bus, as `choose` answers it. */
export const OWN_BUS = -1;
/** Nobody: the group has no member any more. */
export const NOBODY = -2;

const FLOWS = 64;

/**
 * One group's part of one topic: who may be given a message, and who gets the next one. Its members are looked up
 * together with those of the topic; what it remembers of them stays.
 */
export class Group {
  readonly name: string;
  /** `topic|group`. */
  readonly label: string;
  /** Members at peers, and this group's account with each; same index. */
  links: readonly Link[] = [];
  accounts: readonly OutTopic[] = [];
  /** Members at this bus, which is one member towards others. */
  subscriptions: readonly ActiveSubscription[] = [];
  /** Which of them has what of the messages that are here. */
  readonly shares = new GroupShares();
  /** By flow of an order key: the account that was given its last message. */
  readonly #lastOfKey: (OutTopic | undefined)[] = new Array(FLOWS).fill(undefined);
  #turn = 0;

  constructor(name: string, label: string) {
    this.name = name;
    this.label = label;
  }

  /**
   * The member for the next message: with an order key the one that had the last message of that flow, while it has
   * anything of this group outstanding; else the one with the fewest bytes outstanding, ties going round. Changes
   * nothing: asked again, it answers the same.
   *
   * | allocates | blocks | syscalls | callable from    |
   * | no        | no     | 0        | the bus's thread |
   *
   * @param own the account with the own bus; undefined when that is no member
   * @returns the index of a link, `OWN_BUS` or `NOBODY`
   */
  choose(own: OutTopic | undefined, flow: number, keyed: boolean): number {
    const { links, accounts } = this;
    const first = own === undefined ? 0 : OWN_BUS;
    const count = links.length - first;
    if (count === 0) return NOBODY;
    if (keyed) {
      const last = this.#lastOfKey[flow];
      if (last !== undefined && isBusy(last)) {
        if (last === own) return OWN_BUS;
        const index = accounts.indexOf(last);
        if (index >= 0) return index;
      }
    }
    let best = NOBODY;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const index = first + ((this.#turn + i) % count);
      const load = index === OWN_BUS ? loadOf(own as OutTopic) : loadOf(accounts[index]) + absence(links[index]);
      if (load >= least) continue;
      least = load;
      best = index;
    }
    return best;
  }

  /** The choice was used. */
  gave(account: OutTopic, flow: number, keyed: boolean): void {
    this.#turn = (this.#turn + 1) & 0xff_ff_ff;
    if (keyed) this.#lastOfKey[flow] = account;
  }
}

/** A peer that is away comes back, or dies with what it was given. */
function absence({ connected }: Link): number {
  return connected ? 0 : ABSENT_BYTES;
}

/** More than any account has outstanding. */
const ABSENT_BYTES = 2 ** 50;

function isBusy(account: OutTopic): boolean {
  return account.inFlight > 0 || account.waitingCount > 0;
}

/** Bytes not yet worked off. What waits for credit waits behind a full window; its number tells more than its size. */
function loadOf(account: OutTopic): number {
  return account.inFlight + account.waitingCount * WAITING_BYTES;
}

const WAITING_BYTES = 1024;
