import { expect, test } from 'vitest';
import { CONTRACT_VERSION, contractCompatible } from '../../src/contract/version.ts';

test.each([
  ['1.0', '1.0', true],
  ['1.0', '1.7', true],
  ['1.7', '1.0', false],
  ['2.0', '1.9', false],
  ['1.9', '2.0', false],
  ['0.3', '0.3', true],
  ['0.3', '0.4', false],
  ['0.4', '0.3', false],
  ['1.10', '1.9', false],
  ['1.9', '1.10', true],
  ['1', '1.0', false],
  ['1.0.0', '1.0', false],
  ['v1.0', '1.0', false],
  ['', '1.0', false],
])('a plugin for %s with a bus of %s: %s', (offered, implemented, compatible) => {
  expect(contractCompatible(offered, implemented)).toBe(compatible);
});

test('what is no version is not compatible', () => {
  for (const odd of [undefined, null, 1, {}]) expect(contractCompatible(odd as unknown as string)).toBe(false);
  expect(contractCompatible(CONTRACT_VERSION)).toBe(true);
});
