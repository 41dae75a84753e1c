import { readdirSync, readFileSync } from 'node:fs';
import type { Lease, PeerInfo, Slab } from '@busbar/core/contract';
import { createDoorbell, sharedMemoryAvailable } from '@busbar/native';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { decodeDescriptor, encodeDescriptor } from '../../src/regions/descriptor.ts';
import { ShmRegions } from '../../src/regions/provider.ts';
import { MAX_READERS, regionBytes, slotsOf } from '../../src/regions/region-layout.ts';

const SMALL_REGION = regionBytes(4096, slotsOf(4096));
const LARGE_REGION = regionBytes(1_048_576, 1);

beforeAll(async () => {
  expect(await sharedMemoryAvailable()).toEqual({ available: true });
});

/** As if it ran in this process: its numbers lead to our own descriptors. */
function peerOf(id: string): PeerInfo {
  return { id: id.repeat(16).slice(0, 16), name: id, pid: process.pid, uid: process.getuid?.(), verified: true };
}

const OWNER = peerOf('a');
const READER = peerOf('b');
const HIDDEN = peerOf('c');

interface Side {
  readonly regions: ShmRegions;
  readonly retired: number[];
  rings: number;
}

function side(limit = SMALL_REGION): Side {
  const retired: number[] = [];
  const doorbell = createDoorbell(() => {
    made.rings++;
    made.regions.rung();
  });
  const regions = new ShmRegions(
    {
      name: 'shm',
      label: 'test',
      bell: doorbell.descriptor,
      reaches: (peer) => peer !== HIDDEN,
      retired: (number) => retired.push(number),
    },
    limit,
  );
  const made: Side = { regions, retired, rings: 0 };
  onTestFinished(() => {
    regions.close();
    doorbell.close();
  });
  return made;
}

/** Everything that can be had of slots of `bytes`. */
function takeAll(regions: ShmRegions, bytes: number): Slab[] {
  const slabs: Slab[] = [];
  for (let slab = regions.tryAlloc(bytes); slab !== undefined; slab = regions.tryAlloc(bytes)) {
    slabs.push(slab);
    expect(slabs.length).toBeLessThanOrEqual(slotsOf(4096));
  }
  return slabs;
}

function exported(regions: ShmRegions, slab: Slab, peer = READER): Uint8Array {
  return Uint8Array.from(regions.export(slab, peer) as Uint8Array);
}

let owner: Side;
let reader: Side;

beforeEach(() => {
  owner = side();
  reader = side();
});

function lend(bytes: number): { slab: Slab; lease: Lease } {
  const slab = owner.regions.tryAlloc(bytes) as Slab;
  const lease = reader.regions.open(exported(owner.regions, slab), OWNER) as Lease;
  return { slab, lease };
}

describe('lending', () => {
  test('what is written is read where it is, by whom it was exported to', () => {
    const { slab, lease } = lend(4001);
    expect(slab.view).toHaveLength(4001);
    slab.view.fill(7);
    expect(lease.view).toEqual(slab.view);
    expect(lease.view.buffer).not.toBe(slab.view.buffer);
    lease.release();
  });

  test('a slot is free when its owner and every reader have let go of it, not before', () => {
    const [first, ...others] = takeAll(owner.regions, 100);
    expect(others).toHaveLength(slotsOf(4096) - 1);
    const one = reader.regions.open(exported(owner.regions, first), OWNER) as Lease;
    const other = side();
    const two = other.regions.open(exported(owner.regions, first, peerOf('c')), OWNER) as Lease;
    expect(owner.regions.tryAlloc(100)).toBeUndefined();
    one.release();
    two.release();
    expect(owner.regions.tryAlloc(100)).toBeUndefined();
    first.release();
    first.release();
    const again = owner.regions.tryAlloc(100);
    expect(again).toBeDefined();
    expect(owner.regions.tryAlloc(100)).toBeUndefined();
  });

  test('exported a second time it is the same; released twice it is released once', () => {
    const { slab, lease } = lend(10);
    const descriptor = exported(owner.regions, slab);
    expect(exported(owner.regions, slab)).toEqual(descriptor);
    slab.release();
    lease.release();
    const all = takeAll(owner.regions, 10);
    expect(all).toHaveLength(slotsOf(4096));
    lease.release();
    lease[Symbol.dispose]();
    expect(owner.regions.tryAlloc(10)).toBeUndefined();
  });

  test('a lease that comes back rings for who waits, and for nobody else', async () => {
    const { slab, lease } = lend(10);
    slab.release();
    const rest = takeAll(owner.regions, 10);
    expect(rest).toHaveLength(slotsOf(4096) - 1);
    const freed = new Promise<void>((resolve) => owner.regions.onFree(resolve));
    lease.release();
    await freed;
    expect(owner.regions.tryAlloc(10)).toBeDefined();
    expect(owner.rings).toBe(1);
  });

  test('who begins to wait when something has just come back is told at once', async () => {
    const { slab, lease } = lend(10);
    slab.release();
    takeAll(owner.regions, 10);
    lease.release();
    await new Promise<void>((resolve) => owner.regions.onFree(resolve));
    expect(owner.rings).toBe(0);
    expect(owner.regions.tryAlloc(10)).toBeDefined();
  });

  test('a peer that the kernel has not named, and one too many, are told of nothing', () => {
    const slab = owner.regions.tryAlloc(10) as Slab;
    expect(owner.regions.export(slab, { ...READER, verified: false })).toBeUndefined();
    expect(owner.regions.export(slab, HIDDEN)).toBeUndefined();
    for (let i = 0; i < MAX_READERS; i++)
      expect(owner.regions.export(slab, peerOf(`${String(i).padStart(4, '0')}`))).toBeDefined();
    expect(owner.regions.export(slab, READER)).toBeUndefined();
  });
});

describe('the limit', () => {
  test('more than is ever lent is TOO_LARGE; idle regions make room for other sizes, and their readers are told', () => {
    owner = side(LARGE_REGION);
    expect(() => owner.regions.tryAlloc(1_048_577)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
    const { slab, lease } = lend(10);
    expect(owner.regions.tryAlloc(1_000_000)).toBeUndefined();
    lease.release();
    slab.release();
    expect(owner.regions.tryAlloc(1_000_000)).toBeDefined();
    expect(owner.retired).toHaveLength(1);
    expect(owner.regions.tryAlloc(10)).toBeUndefined();
    const mapped = mappings();
    reader.regions.retired(OWNER, owner.retired[0]);
    expect(mappings()).toBe(mapped - 1);
  });

  test('closed, it lends nothing, and leaves no descriptor and no mapping of shared memory', () => {
    const before = [mappings(), descriptors()];
    const two = side();
    const slab = two.regions.tryAlloc(10) as Slab;
    const lease = reader.regions.open(exported(two.regions, slab), OWNER) as Lease;
    two.regions.close();
    reader.regions.close();
    expect(() => two.regions.tryAlloc(10)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(two.regions.export(slab, READER)).toBeUndefined();
    lease.release();
    slab.release();
    expect(lease.view).toEqual(new Uint8Array(10));
    // The doorbell is the test's own.
    expect([mappings(), descriptors() - 2]).toEqual(before);
  });
});

test('idle is who has neither a slab nor a lease, and is told so once', () => {
  const told: string[] = [];
  owner.regions.onIdle(() => told.push('at once'));
  expect(told).toEqual(['at once']);
  const { slab, lease } = lend(10);
  owner.regions.onIdle(() => told.push('owner'));
  reader.regions.onIdle(() => told.push('reader'));
  expect(told).toHaveLength(1);
  slab.release();
  expect(told.slice(1)).toEqual(['owner']);
  lease.release();
  lease.release();
  expect(told.slice(1)).toEqual(['owner', 'reader']);
});

test('a reader that closes lets go of what it has', () => {
  const { slab } = lend(10);
  slab.release();
  takeAll(owner.regions, 10);
  reader.regions.close();
  expect(owner.regions.tryAlloc(10)).toBeDefined();
});

describe('a link that breaks', () => {
  test('what a dead peer had is free; what a living one has opened stays its own until it lets go', () => {
    const { slab, lease } = lend(10);
    slab.view[0] = 1;
    slab.release();
    takeAll(owner.regions, 10);
    owner.regions.peerLost(READER, false);
    reader.regions.peerLost(OWNER, false);
    expect(owner.regions.tryAlloc(10)).toBeUndefined();
    expect(lease.view[0]).toBe(1);
    lease.release();
    const again = owner.regions.tryAlloc(10) as Slab;
    expect(again).toBeDefined();
    exported(owner.regions, again);
    again.release();
    expect(owner.regions.tryAlloc(10)).toBeUndefined();
    owner.regions.peerLost(READER, true);
    expect(owner.regions.tryAlloc(10)).toBeDefined();
  });

  test('what was not opened by then cannot be opened any more', () => {
    const slab = owner.regions.tryAlloc(10) as Slab;
    const descriptor = exported(owner.regions, slab);
    slab.release();
    takeAll(owner.regions, 10);
    owner.regions.peerLost(READER, false);
    expect(owner.regions.tryAlloc(10)).toBeDefined();
    expect(reader.regions.open(descriptor, OWNER)).toBeUndefined();
  });

  test('what was opened after all, while it was being taken back, is not lent to another', () => {
    const slab = owner.regions.tryAlloc(10) as Slab;
    const descriptor = exported(owner.regions, slab);
    slab.release();
    takeAll(owner.regions, 10);
    owner.regions.peerLost(READER, false);
    const lease = reader.regions.open(descriptor, OWNER) as Lease;
    expect(lease).toBeDefined();
    expect(owner.regions.tryAlloc(10)).toBeUndefined();
    lease.release();
    expect(owner.regions.tryAlloc(10)).toBeDefined();
  });
});

describe('a peer that lies', () => {
  test.each([
    ['another nonce', { nonce: 1 }],
    ['a slot too many', { slot: 64 }],
    ['no bytes', { bytes: 0 }],
    ['more than the slot has', { bytes: 4097 }],
    ['reader 0, which is the generation', { reader: 0 }],
    ['a reader too many', { reader: MAX_READERS + 1 }],
    ['a generation that no word can say', { generation: 2 ** 30 }],
    ['memory that is a pipe', { region: 9, memory: -1 }],
  ])('%s is PROTOCOL_ERROR', (_, change) => {
    const slab = owner.regions.tryAlloc(10) as Slab;
    const { bell, ...told } = decodeDescriptor(exported(owner.regions, slab)) as NonNullable<
      ReturnType<typeof decodeDescriptor>
    >;
    const lie = { ...told, bell, ...change };
    if (lie.memory === -1) lie.memory = bell;
    expect(() => reader.regions.open(encodeDescriptor(lie), OWNER)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_ERROR' }),
    );
  });

  test('memory of another kind, and nonsense, are PROTOCOL_ERROR, and leave nothing open', () => {
    const slab = owner.regions.tryAlloc(10) as Slab;
    const told = decodeDescriptor(exported(owner.regions, slab)) as NonNullable<ReturnType<typeof decodeDescriptor>>;
    // Its header, overwritten.
    const words = new Int32Array(slab.view.buffer);
    const before = descriptors();
    for (const [word, value] of [
      [0, 1],
      [1, 2],
      [3, 8192],
      [4, 65],
    ]) {
      const was = words[word];
      words[word] = value;
      expect(() => reader.regions.open(encodeDescriptor({ ...told, region: 5 }), OWNER)).toThrow(
        expect.objectContaining({ code: 'PROTOCOL_ERROR' }),
      );
      words[word] = was;
    }
    expect(() => reader.regions.open(new Uint8Array(7), OWNER)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_ERROR' }),
    );
    expect(() => reader.regions.open(encodeDescriptor(told), { ...OWNER, verified: false })).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_ERROR' }),
    );
    expect(descriptors()).toBe(before);
  });
});

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Shared mappings of regions. */
function mappings(): number {
  return readFileSync('/proc/self/maps', 'utf8').match(/memfd:test/g)?.length ?? 0;
}
