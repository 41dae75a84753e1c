import { decoderCampaign, isClean } from '@busbar/conformance/campaigns';
import { expect, test } from 'vitest';

test('C7 the frame decoder cuts 50,000 garbage cases exactly as F1, F5 and F6 say, at any split', () => {
  const result = decoderCampaign();
  expect(result.trials).toBe(50_000);
  expect(isClean(result), JSON.stringify(result)).toBe(true);
});
