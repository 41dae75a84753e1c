// Serves a call and tells what it does. Ends on Ctrl+C, once what it has begun is answered.
import { createBus } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import { Log, Review } from './contracts.ts';

const bus = await createBus({ name: 'reviewer', plugins: [uds()], closeOnSignals: true });

bus.serve(Review, async ({ diff }, { from }) => {
  await bus.publish(Log, { text: `reviewing ${diff.length} characters for ${from.name}` });
  if (diff.includes('TODO')) return { ok: false, why: 'it leaves something to do' };
  return { ok: true, why: 'nothing is missing' };
});

console.log(`reviewer ${bus.self.pid}: ready`);
