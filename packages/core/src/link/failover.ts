import { KIND } from '../contract/index.ts';
import type { Link } from './link.ts';
import type { OutMessage } from './out-message.ts';
import { PairWriter } from './pairs.ts';
import type { Route } from './route.ts';

/**
 * A route died. Its reliable frames are queued to be sent again; best-effort frames it carried may be lost, and
 * nobody can say which. The receiver is told the ranges that will not come again, so that no flow waits for them, and
 * the topics concerned start new credit accounts, since what was lost can never be taken.
 */
export function announceLosses(link: Link, route: Route): void {
  const { outbound } = link;
  for (const flow of route.lossyFlows) {
    const underWay = new Set(sequencesUnderWay(link, flow));
    const ranges = gaps(outbound.confirmedSequence[flow] + 1, outbound.sentSequence[flow], underWay);
    if (ranges.length === 0) continue;
    const pairs = new PairWriter(ranges.length * 2);
    for (const [from, to] of ranges) {
      pairs.add(flow, from);
      pairs.add(flow, to);
    }
    link.owe(KIND.SKIP, 0, pairs.bytes);
  }
  for (const topic of route.lossyTopics) outbound.renewAccount(topic);
  route.lossyFlows.clear();
  route.lossyTopics.clear();
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
