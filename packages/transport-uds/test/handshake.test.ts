import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  decodeControl,
  decodeHello,
  encodeDial,
  encodeHello,
  encodeRefused,
  HELLO_BYTES,
  TOKEN_BYTES,
} from '../src/handshake.ts';

const token = randomBytes(TOKEN_BYTES);

test('an invitation and a refusal come back as they went', () => {
  expect(decodeControl(encodeDial(4_294_967_295, token, '/run/ü.sock'))).toEqual({
    kind: 'dial',
    number: 4_294_967_295,
    token,
    path: '/run/ü.sock',
  });
  expect(decodeControl(encodeRefused(3, 'no'))).toEqual({ kind: 'refused', number: 3, reason: 'no' });
});

test('a long reason is cut', () => {
  expect(encodeRefused(1, 'x'.repeat(100_000)).length).toBeLessThan(2_000);
});

test('every truncation of an invitation without its path, and any other kind, is nothing', () => {
  const dial = encodeDial(1, token, '/a');
  for (let length = 0; length <= dial.length - 2; length++) {
    expect(decodeControl(dial.subarray(0, length))).toBeUndefined();
  }
  expect(decodeControl(Uint8Array.of(9, 0, 0, 0, 1, 0, 0, 0))).toBeUndefined();
});

test('a hello has one size and one magic', () => {
  const hello = encodeHello(5, token);
  expect(hello.length).toBe(HELLO_BYTES);
  expect(decodeHello(hello)).toEqual({ number: 5, token });
  expect(decodeHello(hello.subarray(1))).toBeUndefined();
  expect(decodeHello(Buffer.concat([hello, hello]))).toBeUndefined();
  hello[0] ^= 1;
  expect(decodeHello(hello)).toBeUndefined();
});
