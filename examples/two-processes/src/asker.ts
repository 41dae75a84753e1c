// Asks the reviewer, listens to its log, and ends. Without a reviewer it fails at once: NO_RESPONDERS.
import { createBus } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import { Log, Review } from './contracts.ts';

await using bus = await createBus({ name: 'asker', plugins: [uds()] });

const log = bus.subscribe(Log, ({ data, from, via }) => console.log(`  ${from.name} over ${via}: ${data.text}`));
await log.ready;

for (const diff of ['+ return 42', '+ // TODO: handle errors']) {
  const { ok, why } = await bus.request(Review, { diff }, { deadline: 5_000 });
  console.log(`${diff}: ${ok ? 'approved' : 'rejected'}, ${why}`);
}
