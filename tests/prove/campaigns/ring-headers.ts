import { between, random } from '@busbar/conformance/campaigns';
import { campaign } from '../campaign.ts';
import { CAPACITY, LARGEST, type Noticed, RECORDS, SMALLEST, WatchedRing, WORDS } from '../ring/watched-ring.ts';

/** Steps of honest traffic before the first hostile word, at most, and after each. */
const STEPS_BEFORE = 30;
const STEPS_AFTER = 8;
const MOST_WORDS = 3;
const READS_A_STEP = 6;
/** A ring whose length words lie can be read round and round. */
const LAST_READS = 64;

const LIMITS = [CAPACITY / 2, CAPACITY - 8, CAPACITY, CAPACITY + 8, 2 * CAPACITY, LARGEST, LARGEST + 8];
const BOUNDARIES = [0, 1, -1, -2, -3, 7, 8, 2 ** 31 - 1, -(2 ** 31), CAPACITY - 1, LARGEST - 1, LARGEST + 1, ...LIMITS];
/** To what stood there before. */
const STEPS = [1, -1, 4, 8, -8, 16, CAPACITY, -CAPACITY, 2 ** 31];
const HEADER_WORDS = Object.values(WORDS);
/** What `checkRing` looks at lies before it. */
const IDENTITY_BYTES = 16;

/**
 * Any value in any word: 1 to 3 words of a ring with traffic - of the header, length words, words of frames - are
 * overwritten with boundary and random values, and both sides go on. Shown for each: no exception; no access outside
 * the ring; each side answers what the plainest reading of the layout says, so impossible lengths, heads and counts
 * poison and possible ones are followed; a header that is not the one meant is refused; no frame that passes its own
 * check is other than it was written. All of it in one thread: what changes while it is read, `ring/rewriting-peer`
 * shows. A hit is a trial whose words were noticed: poison, an end, a refusal, a frame that fails its check or comes
 * out of its turn.
 */
export const ringHeaders = campaign({
  name: 'ring/headers',
  smoke: 20_000,
  full: 1_000_000,
  async execute(tally, trials, seed) {
    const next = random(seed);
    const sums: Record<keyof Noticed, number> = {
      poisonedReader: 0,
      poisonedWriter: 0,
      ended: 0,
      refused: 0,
      damaged: 0,
      outOfTurn: 0,
    };
    let strikes: string[] = [];
    const ring = new WatchedRing((what) =>
      tally.count('corrupt', 1, `trial ${tally.trials}, ${strikes.join(', ')}: ${what}`),
    );
    for (; tally.trials < trials; tally.trials++) {
      strikes = [];
      ring.begin();
      for (let steps = between(next, 0, STEPS_BEFORE); steps > 0; steps--) step(ring, next);
      ring.settle();
      ring.attach(true);
      for (let words = between(next, 1, MOST_WORDS); words > 0; words--) {
        strikes.push(strike(ring, next));
        for (let steps = between(next, 0, STEPS_AFTER); steps > 0; steps--) step(ring, next);
        ring.settle();
      }
      ring.read(LAST_READS);
      ring.settle();
      ring.end();
      if (Object.values(ring.noticed).some(Boolean)) tally.hits++;
      for (const what of Object.keys(sums) as (keyof Noticed)[]) if (ring.noticed[what]) sums[what]++;
    }
    for (const [what, count] of Object.entries(sums)) tally.measure(what, count);
    tally.measure('frames', ring.frames);
  },
});

/** Something that honest sides do. */
function step(ring: WatchedRing, next: () => number): void {
  const dice = next();
  if (dice < 0.35) ring.write(between(next, SMALLEST, 120));
  else if (dice < 0.5) ring.write(between(next, SMALLEST, LARGEST));
  else if (dice < 0.55) ring.wait(dice < 0.52);
  else ring.read(between(next, 1, READS_A_STEP));
}

/** Overwrites one word; says which, and with what. */
function strike(ring: WatchedRing, next: () => number): string {
  const offset = chosenOffset(ring, next);
  const before = ring.i32[offset >> 2];
  const after = chosenValue(before, next);
  ring.i32[offset >> 2] = after;
  if (offset < IDENTITY_BYTES) {
    ring.attach(after === before);
    // One false word must not hide the next one.
    ring.i32[offset >> 2] = before;
  }
  return `${offset} was ${before} and is ${after}`;
}

function chosenOffset(ring: WatchedRing, next: () => number): number {
  const dice = next();
  if (dice < 0.4) return pick(HEADER_WORDS, next);
  if (dice < 0.8) return pick(ring.lengthWords, next);
  const slots = CAPACITY / (dice < 0.9 ? 8 : 4);
  return RECORDS + between(next, 0, slots - 1) * (CAPACITY / slots);
}

function chosenValue(before: number, next: () => number): number {
  const dice = next();
  if (dice < 0.4) return pick(BOUNDARIES, next);
  if (dice < 0.7) return (before + pick(STEPS, next)) | 0;
  if (dice < 0.85) return between(next, -64, CAPACITY);
  return between(next, -(2 ** 31), 2 ** 31 - 1);
}

function pick<T>(from: readonly T[], next: () => number): T {
  return from[between(next, 0, from.length - 1)];
}
