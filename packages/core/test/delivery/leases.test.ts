import { expect, test } from 'vitest';
import type { Lease } from '../../src/contract/index.ts';
import { OwnBytes, SharedLease } from '../../src/delivery/leases.ts';

class Counted implements Lease {
  readonly view = new Uint8Array([1, 2, 3]);
  released = 0;
  release(): void {
    this.released++;
  }
  [Symbol.dispose](): void {
    this.release();
  }
}

test('a shared lease goes with the last of its holders, however often each says so', () => {
  const lease = new Counted();
  const shared = new SharedLease(lease);
  const [one, two] = [shared.share(), shared.share()];
  shared.release();
  expect(one.view).toBe(lease.view);
  one.release();
  one.release();
  expect(lease.released).toBe(0);
  two[Symbol.dispose]();
  expect(lease.released).toBe(1);
  two.release();
  expect(lease.released).toBe(1);
});

test('private bytes stay as they are', () => {
  const own = new OwnBytes(new Uint8Array([9]));
  own.release();
  own[Symbol.dispose]();
  expect(own.view).toEqual(new Uint8Array([9]));
});
