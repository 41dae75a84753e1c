import { between, random } from '@busbar/conformance/campaigns';
import { type Colleague, expectAll, expectBeginning, rest } from '../agreement.ts';
import { campaign } from '../campaign.ts';
import { monotonicMs } from '../monotonic.ts';
import { withParticipants } from '../participant.ts';

const PARTICIPANTS = 4;
const EARLIEST_KILL_MS = 5;
const LATEST_KILL_MS = 60;
/** How long the survivors go on after a death. */
const AFTERMATH_MS = 30;
/** A death not known by then is not known. */
const KNOWN_MS = 5_000;
const LOOK_MS = 2;

/**
 * Four participants send to each other; one dies by kill -9 at a random moment, and another takes its place. A trial is
 * a hit when a survivor had deliveries to the dead one under way.
 */
export const busKills = campaign({
  name: 'bus/kills',
  smoke: 15,
  full: 1_000,
  execute: (tally, trials, seed) =>
    withParticipants(async (directory, start) => {
      const next = random(seed);
      let born = 0;
      const join = async (): Promise<Colleague> => {
        const process = start('colleague');
        const name = `p${born++}`;
        return { process, name, id: await process.call('open', directory, name, ['uds']) };
      };
      let colleagues = await Promise.all(Array.from({ length: PARTICIPANTS }, join));
      for (let round = 0; round < trials; round++) {
        await Promise.all(colleagues.map((colleague) => sees(colleague, colleagues)));
        await Promise.all(colleagues.map(({ process }) => process.call('begin', round)));
        const goneBefore = await gone(colleagues);
        for (const { process } of colleagues) await process.call('work', round, between(next, 0, 0x7fff_ffff));
        await pause(between(next, EARLIEST_KILL_MS, LATEST_KILL_MS));

        const [victim] = colleagues.splice(between(next, 0, colleagues.length - 1), 1);
        const killedAt = monotonicMs();
        await victim.process.kill();
        const known = await Promise.all(colleagues.map(({ process }) => lostAt(process, victim.id)));
        for (const at of known) {
          if (at === undefined) tally.count('hung', 1, `${victim.name}'s death was not told in ${KNOWN_MS} ms`);
          else tally.measure('toldMaxMs', at - killedAt);
        }
        await pause(AFTERMATH_MS);

        const reports = await rest(tally, colleagues);
        for (const receiver of colleagues) {
          await expectBeginning(tally, round, victim, receiver);
          for (const [index, sender] of colleagues.entries()) {
            if (sender !== receiver) await expectAll(tally, round, sender, reports[index].sent, receiver);
          }
        }
        tally.trials++;
        const goneAfter = await gone(colleagues);
        if (colleagues.some(({ id }) => (goneAfter.get(id) ?? 0) > (goneBefore.get(id) ?? 0))) tally.hits++;
        colleagues = [...colleagues, await join()];
      }
    }),
});

async function lostAt(process: Colleague['process'], peer: string): Promise<number | undefined> {
  for (const end = performance.now() + KNOWN_MS; performance.now() < end; await pause(LOOK_MS)) {
    const at = await process.call('lostAt', peer);
    if (at !== undefined) return at;
  }
  return undefined;
}

async function sees(colleague: Colleague, all: readonly Colleague[]): Promise<void> {
  for (const end = performance.now() + KNOWN_MS; performance.now() < end; await pause(LOOK_MS)) {
    const peers = await colleague.process.call('peers');
    if (all.every((other) => other === colleague || peers.includes(other.id))) return;
  }
  throw new Error(`${colleague.name} does not see all others within ${KNOWN_MS} ms`);
}

/** Deliveries of each that ended as peer-gone so far. */
async function gone(colleagues: readonly Colleague[]): Promise<Map<string, number>> {
  const accounts = await Promise.all(colleagues.map(({ process }) => process.call('account')));
  return new Map(colleagues.map(({ id }, index) => [id, accounts[index].gone]));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
