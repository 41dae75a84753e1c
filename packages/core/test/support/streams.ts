import type { OpenedStream } from '../../src/index.ts';
import type { Fabric } from './fabric.ts';
import { flow } from './flow.ts';
import type { Participant } from './pair.ts';

/** Serves `count` at `who`: numbers up to the input, and their sum as the result; keeps what became of each run. */
export function counter(who: Participant, name = 'count', options?: { concurrency?: number }) {
  const log = { yielded: 0, ended: 0, aborted: 0 };
  who.bus.serveStream(
    name,
    async function* (to: number, { signal }) {
      signal.addEventListener('abort', () => log.aborted++);
      try {
        for (let n = 1; n <= to; n++) {
          log.yielded++;
          yield n;
        }
        return (to * (to + 1)) / 2;
      } finally {
        log.ended++;
      }
    },
    options,
  );
  return log;
}

/** All chunks, while the wire moves. */
export async function readAll<T>(opened: OpenedStream<T>, ...fabrics: Fabric[]): Promise<T[]> {
  const chunks: T[] = [];
  const reading = (async () => {
    for await (const chunk of opened) chunks.push(chunk);
  })();
  let over = false;
  void reading.then(
    () => (over = true),
    () => (over = true),
  );
  while (!over) await flow(...fabrics);
  await reading;
  return chunks;
}

/** What `promise` gives or throws, while the wire moves. */
export async function moving<T>(promise: Promise<T>, ...fabrics: Fabric[]): Promise<T> {
  let over = false;
  promise.then(
    () => (over = true),
    () => (over = true),
  );
  while (!over) await flow(...fabrics);
  return promise;
}
