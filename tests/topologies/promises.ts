import type { Delivery } from '@busbar/core';
import { matches } from '@busbar/core/contract';
import { flowOf, type Ledger, nameOf, type Sent, type Taken, type Taker } from './ledger.ts';
import type { Reliability } from './plan.ts';

/** One message and who should have got it: a subscription, or a group as a whole. */
interface Case {
  readonly ledger: Ledger;
  readonly sent: Sent;
  readonly where: string;
  /** How often it was handed over. */
  readonly copies: number;
  /** Each time. */
  readonly taken: readonly Taken[];
  /** What its publisher was told; undefined when it was told nothing about this target. */
  readonly fate: Delivery | undefined;
  /** Sender and receiver lived throughout, and the receiver was known before and stayed. */
  readonly isSure: boolean;
}

/** What each reliability promises of a message. Order is promised to all alike. */
const PROMISES: Readonly<Record<Reliability, (one: Case) => void>> = {
  'best-effort': atMostOnce,
  reliable: exactlyOnce,
  acknowledged: atLeastOnce,
};

/** Holds the ledger of a world at rest against what the bus promises; what does not hold becomes a finding. */
export function checkPromises(ledger: Ledger): void {
  for (const sent of ledger.sent) if (sent.result === 'open') ledger.find('hung', nameOf(sent));
  const copies = countCopies(ledger);
  for (const taker of ledger.takers) {
    if (taker.group !== undefined) continue;
    for (const sent of ledger.sent) {
      if (!matches(taker.pattern, sent.topic)) continue;
      const fate = sent.deliveries?.find(({ peer, group }) => peer === taker.actor.id && group === undefined);
      const where = `${nameOf(sent)} at ${taker.pattern} of ${taker.actor.name}`;
      const isSure = isCertain(sent, taker);
      PROMISES[sent.reliability]({
        ledger,
        sent,
        where,
        copies: copies(taker, sent),
        taken: takenBy(ledger, sent, [taker]),
        fate,
        isSure,
      });
    }
    expectOrder(ledger, `${taker.pattern} of ${taker.actor.name}`, (one) => one === taker);
  }
  for (const group of new Set(ledger.takers.flatMap((taker) => taker.group ?? []))) checkGroup(ledger, group, copies);
}

function checkGroup(ledger: Ledger, group: string, copies: (taker: Taker, sent: Sent) => number): void {
  const all = ledger.takers.filter((taker) => taker.group === group);
  for (const sent of ledger.sent) {
    const members = all.filter(({ pattern }) => matches(pattern, sent.topic));
    const fates = sent.deliveries?.filter((delivery) => delivery.group === group) ?? [];
    const [fate] = fates;
    const where = `${nameOf(sent)} at group ${group}`;
    if (fates.length > 1) ledger.find('wrong', `${where} has ${fates.length} outcomes`);
    for (const member of members) {
      // What is sent again may go to another one.
      if (sent.reliability === 'acknowledged') continue;
      if (fate !== undefined && fate.peer !== member.actor.id && copies(member, sent) > 0)
        ledger.find('wrong', `${where}: ${fate.peerName} is said to have it, ${member.actor.name} has`);
    }
    const certain = members.filter((member) => isCertain(sent, member));
    PROMISES[sent.reliability]({
      ledger,
      sent,
      where,
      copies: members.reduce((sum, member) => sum + copies(member, sent), 0),
      taken: takenBy(ledger, sent, members),
      fate,
      // Who leaves or dies with a message takes it along; without a receipt nobody can say whether that was so.
      isSure:
        fate === undefined ? certain.length === members.length && certain.length > 0 : isKept(fate, certain, members),
    });
  }
  if (ledger.hasLeft) return;
  // Nobody knows what is outstanding of what may be lost; and what is to be acknowledged is
  // taken back from a member that is stuck; so only reliable messages keep a key with its member.
  expectOrder(
    ledger,
    `group ${group}`,
    (one, { orderKey, reliability }) => one.group === group && orderKey !== undefined && reliability === 'reliable',
  );
}

/** Whoever was given the message of a group is there for it - or should have been given it, instead of nobody. */
function isKept({ peer, outcome }: Delivery, certain: readonly Taker[], members: readonly Taker[]): boolean {
  if (certain.some(({ actor }) => actor.id === peer)) return true;
  const isLost = members.some(({ actor }) => actor.id === peer && actor.life !== 'alive');
  return certain.length > 0 && outcome !== 'delivered' && outcome !== 'processed' && !isLost;
}

/** The message had to reach the subscription: nobody of the two left, and it has no end of its own. */
function isCertain(sent: Sent, { actor, knownTo, closed }: Taker): boolean {
  return (
    sent.from.life === 'alive' &&
    actor.life === 'alive' &&
    sent.number >= (knownTo.get(sent.from) ?? Number.POSITIVE_INFINITY) &&
    !closed &&
    sent.expiresAt === Number.POSITIVE_INFINITY
  );
}

function atMostOnce({ ledger, sent, where, copies, fate }: Case): void {
  if (copies > 1) ledger.find('duplicated', `${where}: ${copies} times`);
  if (copies > 0 && isUnsent(sent, fate))
    ledger.find('wrong', `${where} was handed over, but: ${fate?.outcome ?? sent.result}`);
}

function exactlyOnce(one: Case): void {
  atMostOnce(one);
  const { ledger, sent, where, copies, fate, isSure } = one;
  if (!isSure || copies > 0) return;
  const mayDrop = sent.onFull === 'drop-newest' || sent.onFull === 'drop-oldest';
  if (sent.result === 'BACK_PRESSURED' && sent.deliveries === undefined) {
    if (!sent.bare && sent.onFull !== 'error') ledger.find('wrong', `${where} was refused`);
  } else if (fate === undefined) {
    if (!sent.bare) ledger.find('lost', `${where}: no target`);
    else if (!mayDrop) ledger.find('lost', where);
  } else if (fate.outcome === 'delivered') ledger.find('lost', where);
  else if (!(fate.outcome === 'dropped' && mayDrop) && !(fate.outcome === 'expired' && sent.hasDeadline))
    ledger.find('wrong', `${where}: ${fate.outcome}, ${fate.reason}`);
}

/** What is said to be processed was; what comes again is marked, and comes to none again that has not refused it. */
function atLeastOnce({ ledger, sent, where, copies, taken, fate, isSure }: Case): void {
  const unmarked = taken.filter(({ redelivered }) => !redelivered).length;
  if (unmarked > 1) ledger.find('duplicated', `${where}: ${unmarked} times, unmarked`);
  const kept = new Set<Taker>();
  for (const { taker, refused } of taken) {
    if (kept.has(taker)) ledger.find('duplicated', `${where}: again to ${taker.pattern} of ${taker.actor.name}`);
    if (!refused) kept.add(taker);
  }
  if (!isSure) return;
  const mayDrop = sent.onFull === 'drop-newest' || sent.onFull === 'drop-oldest';
  if (fate?.outcome === 'processed') {
    if (kept.size === 0) ledger.find('lost', `${where}: processed, but handed over ${copies} times`);
  } else if (fate !== undefined) {
    const isExpected =
      (fate.outcome === 'dropped' && mayDrop) ||
      (fate.outcome === 'expired' && sent.hasDeadline) ||
      fate.reason === 'it was not acknowledged in time';
    if (!isExpected) ledger.find('wrong', `${where}: ${fate.outcome}, ${fate.reason}`);
  } else if (sent.result === 'BACK_PRESSURED' && sent.deliveries === undefined) {
    if (!sent.bare && sent.onFull !== 'error') ledger.find('wrong', `${where} was refused`);
  } else if (!sent.bare) ledger.find('lost', `${where}: no target`);
  else if (kept.size === 0 && !mayDrop) ledger.find('lost', where);
}

function takenBy(ledger: Ledger, sent: Sent, takers: readonly Taker[]): readonly Taken[] {
  return ledger.taken.filter((one) => one.sent === sent && takers.includes(one.taker));
}

/** The publisher was told that nothing of it can have left. */
function isUnsent({ result, bare, deliveries }: Sent, fate: Delivery | undefined): boolean {
  if (fate === undefined) return result !== 'ok' && (bare || deliveries === undefined);
  const { outcome, reason = '' } = fate;
  return (
    outcome === 'refused' ||
    (outcome === 'dropped' && reason.startsWith('no credit')) ||
    (outcome === 'expired' && reason.startsWith('its time passed'))
  );
}

/** Of each flow the messages were handed over in the order of their numbers. */
function expectOrder(ledger: Ledger, where: string, isMeant: (taker: Taker, sent: Sent) => boolean): void {
  const last = new Map<string, Sent>();
  for (const { taker, sent, redelivered } of ledger.taken) {
    if (redelivered || !isMeant(taker, sent)) continue;
    const flow = flowOf(sent);
    const before = last.get(flow);
    if (before !== undefined && before.number > sent.number)
      ledger.find('reordered', `${nameOf(sent)} at ${where} came after ${before.number}`);
    last.set(flow, sent);
  }
}

function countCopies({ taken }: Ledger): (taker: Taker, sent: Sent) => number {
  const counts = new Map<Taker, Map<Sent, number>>();
  for (const { taker, sent } of taken) {
    const own = counts.get(taker) ?? new Map<Sent, number>();
    counts.set(taker, own.set(sent, (own.get(sent) ?? 0) + 1));
  }
  return (taker, sent) => counts.get(taker)?.get(sent) ?? 0;
}
