import { setTimeout } from 'node:timers/promises';
import { between, random } from '@busbar/conformance/campaigns';
import { available } from '@busbar/native';
import { maxRingFrame } from '@busbar/ring';
import { campaign } from '../campaign.ts';
import { withParticipants } from '../participant.ts';
import { CAPACITY, CheckedRing } from '../ring/checked-ring.ts';

/** Long frames, written many times over, keep a writer in the window between claim and commit for most of its time. */
const SIZES = [maxRingFrame(CAPACITY) & ~3, 20_000, 32, maxRingFrame(CAPACITY) & ~3];
const TIMES = 50;
const AT_ONCE = 4;

/**
 * Writers are killed in the middle of a frame, again and again: what they published is read whole and in order, the
 * frame under way never, and the ring stays readable. A hit is a ring in which an unfinished frame was found.
 */
export const ringKills = campaign({
  name: 'ring/kills',
  smoke: 40,
  full: 10_000,
  async execute(tally, trials, seed) {
    await available();
    const next = random(seed);
    for (let done = 0; done < trials; done += AT_ONCE) {
      await Promise.all(
        Array.from({ length: Math.min(AT_ONCE, trials - done) }, async () => {
          const ring = new CheckedRing();
          await withParticipants(async (_, start) => {
            const writer = start('ring-writer');
            const writing = writer.call('write', process.pid, ring.shared.descriptor, SIZES, 2 ** 30, 1, TIMES);
            const ended = writing.catch(() => {});
            while (ring.read(100) === 0) await setTimeout(1);
            const until = performance.now() + between(next, 0, 10);
            while (performance.now() < until) {
              ring.read(100);
              await new Promise((resolve) => setImmediate(resolve));
            }
            await writer.kill();
            await ended;
          });
          while (ring.read(100) > 0);
          tally.trials++;
          if (ring.unfinished) tally.hits++;
          tally.count('corrupt', ring.corrupt);
          tally.count('reordered', ring.misplaced);
          tally.count('wedged', ring.poisoned ? 1 : 0, 'the ring was poisoned');
          ring.shared.close();
        }),
      );
    }
  },
});
