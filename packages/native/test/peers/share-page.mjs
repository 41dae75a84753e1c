// Shares a page and a doorbell: [memory, doorbell]. At each ring it answers word 0 with word 1 = word 0 + 1, and a message.
// Told 'exit', it exits with code 7; told a descriptor of its parent, it tries to change the size of that file.
import { ftruncateSync, openSync } from 'node:fs';
import { available, createDoorbell, createSharedMemory } from '@busbar/native';

await available();
const memory = createSharedMemory('shared-page', 4096);
const words = new Int32Array(memory.buffer);
const doorbell = createDoorbell(() => {
  words[1] = words[0] + 1;
  // By a microtask: it must run without anything else happening in this process.
  queueMicrotask(() => process.send('answered'));
});

function codeOf(call) {
  try {
    call();
    return 'done';
  } catch (error) {
    return error.code;
  }
}

process.on('message', (message) => {
  if (message === 'exit') process.exit(7);
  const fd = openSync(`/proc/${process.ppid}/fd/${Number(message)}`, 'r+');
  process.send([0, 4096, 12_288].map((bytes) => codeOf(() => ftruncateSync(fd, bytes))));
});
process.on('disconnect', () => process.exit());
process.send([memory.descriptor, doorbell.descriptor]);
