import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { campaign } from '../campaign.ts';
import { type Participant, withParticipants } from '../participant.ts';

const SENDERS_A_PROCESS = 20;
/** What a participant may take for a hundred idle senders, in shared memory and its own. */
const MOST_BYTES = 67_108_864;
/** After the last word, until what is idle is asleep. */
const QUIET_MS = 1_000;
const NAMED = '/dev/shm';

/**
 * One participant with as many senders as there are trials, a hundred in full, each with a ring of its own: idle, it has
 * less than 64 MiB more than without them - all rings mapped by it, whoever made them, plus what its process has grown.
 * Then everybody is killed with -9, and no process has a memfd of Busbar's open or mapped, nor has /dev/shm a name more.
 * A hit is a sender that was heard over its ring.
 */
export const shmMemory = campaign({
  name: 'shm/memory',
  smoke: 20,
  full: 100,
  async execute(tally, trials) {
    const namesBefore = readdirSync(NAMED);
    let ids: string[] = [];
    await withParticipants(async (directory, start) => {
      const listener = start('crowd');
      await listener.call('listen', directory);
      const before = await listener.call('memory');
      const crowds: Participant<'crowd'>[] = [];
      const spoken: Promise<number>[] = [];
      for (let senders = 0; senders < trials; senders += SENDERS_A_PROCESS) {
        const crowd = start('crowd');
        const count = Math.min(SENDERS_A_PROCESS, trials - senders);
        crowds.push(crowd);
        spoken.push(crowd.call('speak', directory, `c${senders}`, count));
      }
      const delivered = (await Promise.all(spoken)).reduce((sum, count) => sum + count, 0);
      tally.trials = trials;
      tally.hits = await listener.call('heard');
      tally.count('lost', trials - Math.min(delivered, tally.hits), 'words of the senders');
      await setTimeout(QUIET_MS);
      const after = await listener.call('memory');
      const growth = after.privateBytes - before.privateBytes;
      tally.count('leaked', after.memfds, 'descriptors of memory that its senders have opened');
      tally.expect(after.rings >= trials, `${after.rings} rings for ${trials} senders`);
      tally.expect(
        after.sharedBytes + growth < MOST_BYTES,
        `${after.sharedBytes} bytes of rings and ${growth} of growth for ${trials} senders`,
      );
      tally.measure('rings', after.rings);
      tally.measure('ringsMiB', after.sharedBytes / 1_048_576);
      tally.measure('growthMiB', growth / 1_048_576);
      ids = (await Promise.all([listener, ...crowds].map((process) => process.call('ids')))).flat();
      tally.expect(holdersOf(ids).length > crowds.length, 'a search for the memory does not find who has it');
      // Killed with -9, all of them, where this ends.
    });
    const left = holdersOf(ids);
    tally.count('leaked', left.length, `memory: ${left.slice(0, 3).join(', ')}`);
    const names = readdirSync(NAMED).filter((name) => !namesBefore.includes(name));
    tally.count('leaked', names.length, `${NAMED}: ${names.slice(0, 3).join(', ')}`);
  },
});

/** Processes that have memory of the participants `ids` mapped or open. A memfd goes with the last of them. */
function holdersOf(ids: readonly string[]): string[] {
  const names = new Set(ids.map((id) => `memfd:busbar-${id}`));
  const isTheirs = (text: string): boolean => {
    for (const [name] of text.matchAll(/memfd:busbar-[0-9a-f]+/g)) if (names.has(name)) return true;
    return false;
  };
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      if (isTheirs(readFileSync(`/proc/${pid}/maps`, 'latin1'))) return true;
      return readdirSync(`/proc/${pid}/fd`).some((fd) => isTheirs(readlinkSync(`/proc/${pid}/fd/${fd}`)));
    } catch {
      // It ended meanwhile, or closed what was listed, or is another user's.
      return false;
    }
  });
}
