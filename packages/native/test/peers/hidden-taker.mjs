// Hidden, it is told { path, pid, key, memory, doorbell } of a hidden owner: answers what opening those through /proc
// says, connects to `path` with a bell of its own, and answers 'met'; told 'handed' it takes what it was handed. Rung, it
// answers the word in the page, and rings back.
import './hide.mjs';
import { available, connectHandover, createDoorbell, isOutOfReach, openBell, openSharedMemory } from '@busbar/native';

await available();
let handover;
let handed;
let terms;
let rung = false;

function refusal(open) {
  try {
    open().close();
    return 'opened';
  } catch (error) {
    return `${error.code} ${error.cause.code} ${isOutOfReach(error)}`;
  }
}

function answer() {
  if (!rung || handed === undefined) return;
  const memory = handed.sharedMemory(0, 4096);
  const bell = handed.bell(1);
  process.send(new Int32Array(memory.buffer)[0]);
  bell.ring();
}

const doorbell = createDoorbell(() => {
  rung = true;
  answer();
});
process.on('message', (message) => {
  if (message === 'handed') {
    handed = handover.receive(terms.key, 2);
    answer();
    return;
  }
  terms = message;
  const { pid, memory, doorbell: owners, path, key } = terms;
  process.send([refusal(() => openSharedMemory(pid, memory, 4096)), refusal(() => openBell(pid, owners))]);
  handover = connectHandover(path, pid);
  handover.send(key, [doorbell.descriptor]);
  process.send('met');
});
process.on('disconnect', () => process.exit());
process.send('ready');
