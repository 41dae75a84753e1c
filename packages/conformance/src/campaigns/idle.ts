import { campaign } from './campaign.ts';

/** 0.1 % of a core. */
const BUDGET_MS_PER_SECOND = 1;
/** Optimizing and collecting go on in the background after work. */
const SETTLE_MS = 1_000;
const ATTEMPTS = 3;

export const idle = campaign({
  name: 'idle',
  row: 'C8',
  claim: 'a connected pair that has nothing to say uses less than 0.1 % of a core',
  suiteTrials: 5,
  async execute({ fleet, tally, trials: seconds, patienceMs }) {
    const [a, b] = await fleet.pair();
    await fleet.connect(b, a);
    const together = await fleet.spawn('process');
    const [c, d] = [await fleet.agent(together, 'c'), await fleet.agent(together, 'd')];
    await fleet.connect(c, d);
    const bare = await fleet.spawn('process');
    const stream = { stream: 1, sizes: [100] };
    for (const [from, to] of [
      [a, b],
      [c, d],
    ]) {
      await to.call.expect(from.self.id, stream);
      await from.call.send(to.self.id, stream, 100);
      const { arrived } = await to.call.received(from.self.id, stream.stream, 100, patienceMs);
      if (arrived > 0) tally.hits = seconds;
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    tally.trials = seconds;
    const budgetMs = seconds * BUDGET_MS_PER_SECOND;
    // CPU time, not elapsed time; yet a collection may fall into one window, so the least of three counts.
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < ATTEMPTS && least > budgetMs; i++) {
      const work = await Promise.all(
        [a.peer, b.peer, together, bare].map((peer) => peer.exercise.idle(seconds * 1_000)),
      );
      const bareMs = work.pop() ?? 0;
      least = Math.min(least, Math.max(...work) - bareMs);
    }
    tally.measure('busyMs', least);
    tally.expect(least <= budgetMs, `${least.toFixed(1)} ms of work in ${seconds} s beyond those of a bare process`);
  },
});
