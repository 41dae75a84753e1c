import { campaign } from './campaign.ts';

const FRAMES = 100;

export const absent = campaign({
  name: 'absent',
  row: 'absent',
  claim: 'what the capabilities claim is there, what they deny is not',
  suiteTrials: 1,
  async execute({ fleet, tally, capabilities, patienceMs }) {
    const [a, b] = await fleet.pair();
    const stream = { stream: 1, sizes: [100] };
    await b.call.expect(a.self.id, stream);
    tally.sent(await a.call.send(b.self.id, stream, FRAMES), FRAMES);
    const { arrived } = await b.call.received(a.self.id, stream.stream, FRAMES, patienceMs);
    tally.trials = 1;
    if (arrived > 0) tally.hits = 1;
    const shape = await a.peer.exercise.shape(a.self.id, b.self.id, capabilities.confirms === 'none' ? 0 : FRAMES);
    tally.expect(shape.regions === capabilities.regions, `regions are ${shape.regions ? '' : 'not '}offered`);
    tally.expect(!shape.topic, 'a peer-addressed transport has appender or tail');
    const due = { none: [0, 0, 0], copied: [FRAMES, 0, 0], stored: [FRAMES, FRAMES, 0] }[capabilities.confirms];
    const { copied, stored } = shape.confirmed;
    tally.expect(
      copied === due[0] && stored === due[1],
      `of ${FRAMES} frames ${copied} are confirmed as copied, ${stored} as stored; confirms is ${capabilities.confirms}`,
    );
    tally.expect(/^[a-z][a-z0-9-]*:/.test(a.address) && a.address.length <= 255, `'${a.address}' is not an address`);
  },
});
