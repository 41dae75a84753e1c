import { KIND } from '../contract/index.ts';
import type { Link } from './link.ts';
import type { OutMessage } from './out-message.ts';
import { PairWriter } from './pairs.ts';
import type { Route } from './route.ts';

/** Sequences of a flow that will not come any more, unless they have. */
export interface Skip {
  readonly flow: number;
  readonly from: number;
  readonly to: number;
}

/**
 * A route died. Its reliable frames are queued to be sent again; best-effort frames it carried may be lost, and
 * nobody can say which. The receiver is told the ranges that will not come again, so that no flow waits for them, and
 * the topics concerned start new credit accounts, since what was lost can never be taken.
 */
export function announceLosses(link: Link, route: Route): void {
  const { outbound, skips } = link;
  const { confirmed, sent } = outbound.flows;
  for (const flow of route.unconfirmable.flows) {
    const underWay = new Set(sequencesUnderWay(link, flow));
    for (const [from, to] of gaps(confirmed[flow] + 1, sent[flow], underWay)) skips.push({ flow, from, to });
  }
  // Told again until confirmed: the announcement may have been on the route that died.
  const open = skips.filter(({ flow, to }) => to > confirmed[flow]);
  skips.splice(0, skips.length, ...open);
  if (skips.length > 0) link.owe(KIND.SKIP, 0, encodeSkips(skips));
  outbound.recoverAccounts(route.unconfirmable.topics);
  route.unconfirmable.clear();
}

/** Payload of a skip frame: two pairs a range, (flow, from) and (flow, to). */
export function encodeSkips(skips: readonly Skip[]): Uint8Array {
  const pairs = new PairWriter(skips.length * 2);
  for (const { flow, from, to } of skips) {
    pairs.add(flow, from);
    pairs.add(flow, to);
  }
  return pairs.bytes;
}

/** Sequences of `flow` that have reached a route, or will again, and are not confirmed. */
function* sequencesUnderWay(link: Link, flow: number): Generator<number> {
  const sources: Iterable<OutMessage>[] = [link.outbound.unwritten(), ...link.routes.map((route) => route.window)];
  for (const messages of sources) {
    for (const message of messages) {
      if (message.sequence > 0 && message.priority * 64 + message.flow === flow) yield message.sequence;
    }
  }
}

/** The ranges of [from, to] that `present` leaves out. */
function gaps(from: number, to: number, present: ReadonlySet<number>): [number, number][] {
  const ranges: [number, number][] = [];
  let start = from;
  for (const sequence of [...present].sort((a, b) => a - b)) {
    if (sequence > start) ranges.push([start, sequence - 1]);
    start = Math.max(start, sequence + 1);
  }
  if (start <= to) ranges.push([start, to]);
  return ranges;
}
