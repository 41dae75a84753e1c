import { between, random } from '@busbar/conformance/campaigns';
import { type Bus, BusError, createBus, type Loan, OK, type Publisher } from '@busbar/core';
import { shm } from '@busbar/transport-shm';
import { campaign } from '../campaign.ts';
import { monotonicMs } from '../monotonic.ts';
import { type Participant, withParticipants } from '../participant.ts';
import { SILENT } from '../silent.ts';

const TOPIC = 'leased.bytes';
const BORROWERS = 2;
/** Room for some sixty slots of the largest loan: a leak shows soon. */
const LENDING_BYTES = 4_194_304;
const LARGEST_BYTES = 60_000;
/** After the kill is ordered, until it strikes. */
const LONGEST_DELAY_MS = 3;
/** Longer than anybody is slow: who waits so long waits for a slot that nobody has any more. */
const WEDGED_MS = 20_000;

/**
 * Lends memory to two processes that keep some of it, and kills one with -9 while it has some, again and again, in the
 * middle of further loans. What the dead had is lent again, what the living have stays as it is, and in the end all
 * that could be lent at first still can. A hit is a kill of a process that held leases.
 */
export const shmLeases = campaign({
  name: 'shm/leases',
  smoke: 10,
  full: 1_000,
  execute: (tally, trials, seed) =>
    withParticipants(async (directory, start) => {
      const next = random(seed);
      const plugins = [shm({ lendingBytes: LENDING_BYTES })];
      await using bus = await createBus({ logger: SILENT, name: 'lender', directory, plugins });
      const publisher = bus.publisher(TOPIC);
      const most = await lendable(publisher);
      let started = 0;
      const borrower = async (): Promise<Participant<'borrower'>> => {
        const process = start('borrower');
        await process.call('open', directory, `borrower-${started++}`, TOPIC);
        return process;
      };
      const borrowers = await Promise.all(Array.from({ length: BORROWERS }, borrower));
      const lender = new Lender(publisher, next);
      while (tally.trials < trials) {
        const victim = borrowers[between(next, 0, BORROWERS - 1)];
        while ((await victim.call('holding')) === 0) await lender.lendFor(1);
        const lending = lender.lendFor(2 * LONGEST_DELAY_MS);
        await new Promise((resolve) => setTimeout(resolve, between(next, 0, LONGEST_DELAY_MS)));
        await Promise.all([victim.kill(), lending]);
        tally.trials++;
        tally.hits++;
        borrowers[borrowers.indexOf(victim)] = await borrower();
        for (const one of borrowers) tally.count('corrupt', (await one.call('settle')).wrong, 'leases that changed');
        const report = await publisher.flush({ deadline: WEDGED_MS }).catch(() => undefined);
        if (report === undefined) tally.count('hung', 1, 'loans without an outcome');
        if (lender.wedged) tally.count('wedged', 1, 'a loan was waited for in vain');
        if (report === undefined || lender.wedged) return;
      }
      await gone(bus, BORROWERS);
      for (const one of borrowers) await one.call('settle');
      const left = await lendable(publisher);
      tally.count('leaked', most - left, 'slots that nobody has');
      tally.measure('loans', lender.loans);
    }),
});

class Lender {
  readonly #publisher: Publisher;
  readonly #next: () => number;
  loans = 0;
  wedged = false;

  constructor(publisher: Publisher, next: () => number) {
    this.#publisher = publisher;
    this.#next = next;
  }

  /** Lends memory of any size, each time filled with one byte, for so many ms and once at least. */
  async lendFor(milliseconds: number): Promise<void> {
    const end = monotonicMs() + milliseconds;
    do {
      const loan = await this.#loan();
      if (loan === undefined) return;
      loan.view.fill(++this.loans & 0xff);
      while (loan.send() !== OK) await this.#publisher.writable();
    } while (monotonicMs() < end);
  }

  async #loan(): Promise<Loan | undefined> {
    try {
      return await this.#publisher.loan(between(this.#next, 1, LARGEST_BYTES), { deadline: WEDGED_MS });
    } catch (error) {
      this.wedged = true;
      if (error instanceof BusError && error.code === 'DEADLINE_EXCEEDED') return undefined;
      throw error;
    }
  }
}

/** How many of the largest loans can be had at a time. */
async function lendable(publisher: Publisher): Promise<number> {
  const loans: Loan[] = [];
  try {
    for (;;) loans.push(await publisher.loan(LARGEST_BYTES, { deadline: 500 }));
  } catch {
    return loans.length;
  } finally {
    for (const loan of loans) loan.release();
  }
}

/** Resolves when all but `count` peers are known to be gone. */
async function gone(bus: Bus, count: number): Promise<void> {
  while (bus.peers.length > count) await new Promise((resolve) => bus.on('lost', resolve));
}
