import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeHandshake, encodeHandshake, type Handshake, refusal } from '../src/handshake.ts';

const uint31 = fc.nat({ max: 2 ** 31 - 1 });
const message: fc.Arbitrary<Handshake> = fc.oneof(
  fc.record({ op: fc.constant('open' as const), ring: uint31, bell: uint31 }),
  fc.record({ op: fc.constantFrom(...(['attached', 'abandoned', 'unreachable', 'met'] as const)), ring: uint31 }),
  fc.record({ op: fc.constant('ring' as const), ring: uint31, memory: uint31, nonce: uint31, bell: uint31 }),
  fc.record({ op: fc.constant('meet' as const), ring: uint31, key: uint31 }),
  fc.record({ op: fc.constant('handed' as const), ring: uint31, nonce: uint31 }),
  fc.tuple(uint31, fc.string()).map(([ring, reason]) => refusal(ring, reason)),
);

test('what is said is understood', () => {
  fc.assert(
    fc.property(message, (said) => {
      expect(decodeHandshake(encodeHandshake(said))).toEqual(said);
    }),
  );
});

test('anything else is nothing, and no exception', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void decodeHandshake(bytes)));
  fc.assert(fc.property(fc.json(), (text) => void decodeHandshake(Buffer.from(text))));
  for (const text of [
    'null',
    '[]',
    '{}',
    '{"op":"open","ring":1}',
    '{"op":"open","ring":1,"bell":-1}',
    '{"op":"open","ring":1.5,"bell":1}',
    '{"op":"ring","ring":1,"memory":2,"nonce":3,"bell":2147483648}',
    '{"op":"refused","ring":1,"reason":2}',
    '{"op":"attached"}',
    '{"op":"meet","ring":1}',
    '{"op":"handed","ring":1,"nonce":"2"}',
    '{"op":"close","ring":1}',
    `{"op":"refused","ring":1,"reason":"${'x'.repeat(3000)}"}`,
  ]) {
    expect(decodeHandshake(Buffer.from(text)), text).toBeUndefined();
  }
});
