// Hidden, it owns a page and a doorbell and answers [memory, doorbell]. Told { path, pid, key } it opens a handover point at
// `path` and answers 'open'; told 'met' it hands both over to process `pid`, for the bell that this has brought; it
// rings that with 42 in the page, and answers 'rung' when its own doorbell rings.
import './hide.mjs';
import { available, createDoorbell, createSharedMemory, openHandoverPoint } from '@busbar/native';

await available();
const memory = createSharedMemory('hidden', 4096);
const doorbell = createDoorbell(() => process.send('rung'));
let point;
let terms;
process.on('message', (message) => {
  if (message !== 'met') {
    terms = message;
    point = openHandoverPoint(terms.path);
    process.send('open');
    return;
  }
  const handover = point.accept(terms.pid);
  const handed = handover.receive(terms.key, 1);
  const bell = handed.bell(0);
  handover.send(terms.key, [memory.descriptor, doorbell.descriptor]);
  handover.close();
  point.close();
  new Int32Array(memory.buffer)[0] = 42;
  process.send('handed', () => bell.ring());
});
process.on('disconnect', () => process.exit());
process.send([memory.descriptor, doorbell.descriptor]);
