import fc from 'fast-check';
import { expect, test } from 'vitest';
import { flowHash } from '../../src/interest/topic-entry.ts';

test('a flow is 0 to 63, the same for the same topic and key', () => {
  fc.assert(
    fc.property(fc.string(), fc.option(fc.string(), { nil: undefined }), (topic, key) => {
      const flow = flowHash(topic, key);
      expect(Number.isInteger(flow) && flow >= 0 && flow < 64).toBe(true);
      expect(flowHash(topic, key)).toBe(flow);
    }),
  );
});

test('keys spread over the flows, and the key is not glued to the topic', () => {
  const flows = new Set(Array.from({ length: 1000 }, (_, i) => flowHash('a.b', `key-${i}`)));
  expect(flows.size).toBe(64);
  const glued = Array.from({ length: 64 }, (_, i) => flowHash(`topic${i}`, 'x') === flowHash(`topic${i}x`, undefined));
  expect(glued.filter(Boolean).length).toBeLessThan(8);
});
