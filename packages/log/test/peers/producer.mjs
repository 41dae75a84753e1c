/** `node producer.mjs DIRECTORY NUMBER COUNT`: appends records that say who wrote them, and the how manieth each is. */
import { openLane } from '@busbar/log';
import { available } from '@busbar/native';

await available();
const [, , directory, number, count] = process.argv;
const lane = openLane(directory, { segmentBytes: 65_536 });
const { writer } = lane;
for (let n = 0; n < Number(count); n++) {
  if (writer.claim(8) !== 0) throw writer.trouble;
  writer.frame.i32[writer.offset >> 2] = Number(number);
  writer.frame.i32[(writer.offset >> 2) + 1] = n;
  writer.commit(8, Date.now());
  if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
}
await lane.close();
process.disconnect();
