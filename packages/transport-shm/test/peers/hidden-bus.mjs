// A participant whose descriptors /proc shows to nobody, in the runtime directory it is given. Named `echo` it serves and
// tells its parent what frames it hears of; any other name finds, asks it and sends it a loan as soon as it is told where the
// other's descriptors would be, and tells what came of that. Both tell a descriptor of theirs first.
import '../../../native/test/peers/hide.mjs';
import { createBus } from '@busbar/core';
import { createDoorbell, openBell } from '@busbar/native';
import { shm } from '@busbar/transport-shm';

const [directory, name] = process.argv.slice(2);
const bus = await createBus({ name, directory, plugins: [shm()] });

function opens(pid, descriptor) {
  try {
    openBell(pid, descriptor).close();
    return true;
  } catch {
    return false;
  }
}

if (name === 'echo') {
  bus.serve('echo', ({ once }) => ({ twice: once * 2 }));
  bus.subscribe('frames', ({ data, via }) => process.send({ via, bytes: data.length, last: data.at(-1) }));
}
process.on('message', async ({ pid, descriptor }) => {
  const hidden = !opens(pid, descriptor);
  const { twice } = await bus.request('echo', { once: 21 });
  const frames = bus.publisher('frames');
  const loan = await frames.loan(500_000);
  loan.view.fill(7);
  loan.send();
  process.send({ hidden, twice });
});
process.on('disconnect', () => process.exit());
process.send(createDoorbell(() => {}).descriptor);
