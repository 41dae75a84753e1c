import { Packr } from 'msgpackr';
import type { Program } from '../program.ts';
import { OBJECT } from '../programs/object.ts';

const MESSAGES_PER_LOOK = 256;

/** Pack and unpack, with nothing in between. */
export const program: Program = {
  async drive() {
    const packr = new Packr({ useRecords: false });
    return async (milliseconds) => {
      let count = 0;
      for (const end = performance.now() + milliseconds; performance.now() < end; count += MESSAGES_PER_LOOK) {
        for (let i = 0; i < MESSAGES_PER_LOOK; i++) {
          if (packr.unpack(packr.pack(OBJECT)).id !== OBJECT.id) throw new Error('not the object that was packed');
        }
      }
      return count;
    };
  },
};
