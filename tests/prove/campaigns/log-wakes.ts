import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { between, random } from '@busbar/conformance/campaigns';
import { OK } from '@busbar/core/contract';
import { openLane } from '@busbar/log';
import { available, createSharedMemory, openBell } from '@busbar/native';
import { campaign } from '../campaign.ts';
import { withParticipants } from '../participant.ts';
import { READ } from '../roles/log-sleeper.ts';

/** Who has not read by then was not woken. */
const PATIENCE_MS = 5_000;
/** Looks at a shared word, at most, between what was read and what is appended next: about what falling asleep takes. */
const LONGEST_PAUSE = 100;

/**
 * A reader in another process falls asleep again and again, and something is appended about when it does: it is read every
 * time. A hit is a record that it found by its last look, when it had said that it would sleep.
 */
export const logWakes = campaign({
  name: 'log/wakes',
  smoke: 20_000,
  full: 1_000_000,
  async execute(tally, trials, seed) {
    await available();
    const next = random(seed);
    const folder = mkdtempSync(path.join(tmpdir(), 'log-'));
    const directory = path.join(folder, 'stream');
    const shared = createSharedMemory('log-wakes', 4096);
    const words = new Int32Array(shared.buffer);
    const lane = openLane(directory, { retention: { bytes: 2 ** 26 } });
    try {
      await withParticipants(async (_, start) => {
        const sleeper = start('log-sleeper');
        const at = await sleeper.call('follow', directory, process.pid, shared.descriptor);
        const bell = openBell(at.pid, at.bell);
        while (tally.trials < trials) {
          if (lane.writer.claim(8) !== OK) throw lane.writer.trouble ?? new Error('no room');
          lane.writer.commit(8, 1);
          tally.trials++;
          if (lane.alarm.mustWake()) bell.ring();
          else tally.hits++;
          const late = performance.now() + PATIENCE_MS;
          while (Atomics.load(words, READ) !== tally.trials && performance.now() < late);
          if (Atomics.load(words, READ) !== tally.trials) {
            tally.count('wedged', 1, `record ${tally.trials} was not read`);
            break;
          }
          for (let looks = between(next, 0, LONGEST_PAUSE); looks > 0; looks--) Atomics.load(words, READ);
          if (tally.trials % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        bell.close();
      });
    } finally {
      await lane.close();
      shared.close();
      rmSync(folder, { recursive: true });
    }
  },
});
