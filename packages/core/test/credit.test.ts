import { expect, test } from 'vitest';
import { CreditHold } from '../src/credit.ts';

test('credit goes back once, when the last holder lets go', () => {
  const returned: [number, boolean][] = [];
  const hold = new CreditHold({ returned: (cost, reliable) => returned.push([cost, reliable]) }, 100, false, 0);
  // The delivery itself is the first holder: who lets go while it still offers the message is not the last.
  hold.retain();
  hold.release();
  hold.retain();
  hold.release();
  expect(returned).toEqual([]);
  hold.release();
  expect(returned).toEqual([[100, false]]);
});
