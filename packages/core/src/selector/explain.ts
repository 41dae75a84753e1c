import type { Qos } from '../contract/index.ts';
import type { Engine } from '../engine.ts';
import type { Link } from '../link/link.ts';
import { resolveQos } from '../qos.ts';
import type { Rejection } from './select.ts';

/** The decision of the selector for one target. */
export interface Explanation {
  readonly peer: string;
  readonly peerName: string;
  /** The group that shares the message: this peer is the member that would get it. */
  readonly group?: string;
  /** The transport that would carry it; undefined when none can. */
  readonly transport: string | undefined;
  /** The line of the policy, or the rule, that chose; with the measurement, where one decided. */
  readonly reason: string;
  /** Every other transport that one of the two has, and why it is not taken. */
  readonly rejected: readonly Rejection[];
}

/** What would be decided now for a message of `bytes`, for every target of `topic`. */
export function explain(
  engine: Engine,
  topic: string,
  bytes: number,
  own: (Qos & { via?: string }) | undefined,
  usual: Qos | undefined,
): Explanation[] {
  const qos = resolveQos(own, usual, `explain ${topic}`);
  const entry = engine.interest.entry(topic);
  engine.interest.refresh(entry);
  const explainLink = (link: Link): Explanation => {
    const { route, reason, rejected } = link.chooser.explain({ ...qos, topic, bytes }, own?.via);
    const others = engine.unusable(link).map((one) => ({ ...one, temporary: false }));
    const all = [...rejected, ...others];
    return { peer: link.peer.id, peerName: link.peer.name, transport: route?.transport, reason, rejected: all };
  };
  const targets = entry.links.map(explainLink);
  if (entry.subscriptions.length > 0) targets.push(ownBus(engine));
  for (const { group, link } of engine.outgoing.members(entry)) {
    if (link === undefined) targets.push({ ...ownBus(engine), group });
    else targets.push({ ...explainLink(link), group });
  }
  return targets;
}

function ownBus({ self: { id, name } }: Engine): Explanation {
  const reason = 'the own bus: no transport needed';
  return { peer: id, peerName: name, transport: 'local', reason, rejected: [] };
}
