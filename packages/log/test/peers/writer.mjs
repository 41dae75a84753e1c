/** A writer in a process of its own: each message is a number of records of 1000 bytes to append; the answer says how it went. */
import { LogWriter } from '@busbar/log';
import { available } from '@busbar/native';

await available();
const [, , directory] = process.argv;
let writer;

process.on('message', (count) => {
  try {
    writer ??= LogWriter.open(directory, { segmentBytes: 65_536 });
    let result = 0;
    for (let n = 0; n < count && result === 0; n++) {
      result = writer.claim(1000);
      if (result === 0) {
        const sequence = writer.last + 1;
        for (let i = 0; i < 1000; i++) writer.frame.u8[writer.offset + i] = (sequence * 31 + i * 7) & 0xff;
        writer.commit(1000, 1);
      }
    }
    const { last, trouble } = writer;
    process.send({ result, last, trouble: trouble && { code: trouble.code, remedy: trouble.remedy } });
  } catch (error) {
    process.send({ thrown: { code: error.code, where: error.where } });
  }
});
process.send('up');
