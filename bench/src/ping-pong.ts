import type { Histogram } from './histogram.ts';

/**
 * One message to and fro for `milliseconds`, again and again; resolves to how many. `wire` is given what to call on
 * each answer, and returns what sends. Half of each round trip goes into `latencies`, in ns.
 */
export function pingPong(
  milliseconds: number,
  latencies: Histogram,
  wire: (onAnswer: () => void) => () => void,
): Promise<number> {
  return new Promise((resolve) => {
    let count = 0;
    let sentAt = 0;
    let end = 0;
    const send = wire(() => {
      const now = performance.now();
      latencies.record((now - sentAt) * 5e5);
      count++;
      if (now >= end) resolve(count);
      else {
        sentAt = now;
        send();
      }
    });
    sentAt = performance.now();
    end = sentAt + milliseconds;
    send();
  });
}
