import { available } from '@busbar/native';
import { campaign } from '../campaign.ts';
import { withParticipants } from '../participant.ts';
import { CheckedRing } from '../ring/checked-ring.ts';

const SIZES = [8, 64, 24, 200, 16, 48];
const READS_A_TURN = 20_000;

/**
 * Frames from one process to another through a ring, singly and by batches: what is seen is whole and in order, on
 * whatever processor and Node this runs. A hit is a frame.
 */
export const ringOrder = campaign({
  name: 'ring/order',
  smoke: 1_000_000,
  full: 20_000_000,
  execute: (tally, trials) =>
    withParticipants(async (_, start) => {
      await available();
      for (const batch of [1, 16]) {
        const ring = new CheckedRing();
        const count = trials / 2;
        let writing = true;
        const written = start('ring-writer')
          .call('write', process.pid, ring.shared.descriptor, SIZES, count, batch)
          .finally(() => {
            writing = false;
          });
        while (ring.read(READS_A_TURN) > 0 || writing) await new Promise((resolve) => setImmediate(resolve));
        await written;
        tally.trials += count;
        tally.hits += ring.frames;
        tally.count('lost', count - ring.frames);
        tally.count('corrupt', ring.corrupt);
        tally.count('reordered', ring.misplaced);
        tally.expect(!ring.poisoned, 'the ring was poisoned');
        ring.shared.close();
      }
    }),
});
