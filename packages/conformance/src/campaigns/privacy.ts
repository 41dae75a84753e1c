import { HEADER_BYTES } from '@busbar/core/contract';
import { campaign } from './campaign.ts';

const PAYLOAD_BYTES = 4_096;

export const privacy = campaign({
  name: 'privacy',
  row: 'C7',
  claim: 'a sender that goes on writing after commit cannot change the bytes that a handler looks at',
  suiteTrials: 500,
  fullTrials: 20_000,
  async execute({ fleet, tally, trials, capabilities, patienceMs }) {
    const [a, b] = await fleet.pair();
    const bytes = Math.min(PAYLOAD_BYTES, capabilities.maxFrameLength - HEADER_BYTES);
    await b.peer.exercise.doubtFrames(b.self.id);
    await a.peer.exercise.scribble(a.self.id, b.self.id, trials, bytes);
    const seen = await b.peer.exercise.doubts(b.self.id, trials, patienceMs);
    tally.trials = seen.frames;
    // None reached, of so many: the medium copies at commit, and what is written later goes nowhere.
    tally.hits = seen.reached > 0 ? seen.reached : seen.frames;
    tally.measure('reached', seen.reached);
    tally.count('corrupt', seen.changed, `of ${seen.frames} frames changed while their handler ran`);
  },
});
