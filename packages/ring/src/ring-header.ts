import { BusError } from '@busbar/core/contract';
import type { AtomicBuffer } from './atomic-buffer.ts';
import {
  CAPACITY_OFFSET,
  isCapacity,
  LAYOUT_VERSION,
  MAGIC,
  MAGIC_OFFSET,
  NONCE_OFFSET,
  ringBytes,
  VERSION_OFFSET,
} from './ring-layout.ts';

/** Makes fresh, zeroed memory a ring. The nonce tells the producer by another way that it is the one meant. */
export function formatRing(words: AtomicBuffer, capacity: number, nonce: number): void {
  if (!isCapacity(capacity)) throw new BusError('MISUSE', `a ring of ${capacity} bytes: a power of two is needed`);
  words.storePlain(VERSION_OFFSET, LAYOUT_VERSION);
  words.storePlain(CAPACITY_OFFSET, capacity);
  words.storePlain(NONCE_OFFSET, nonce);
  words.storeRelease(MAGIC_OFFSET, MAGIC);
}

/**
 * Checks that mapped memory of `bytes` is the ring meant, and returns its capacity.
 * @throws BusError PROTOCOL_ERROR | VERSION_MISMATCH
 */
export function checkRing(words: AtomicBuffer, bytes: number, nonce: number): number {
  const where = 'the header of a ring';
  if (words.loadAcquire(MAGIC_OFFSET) !== MAGIC) throw new BusError('PROTOCOL_ERROR', 'not a ring', { where });
  const version = words.loadAcquire(VERSION_OFFSET);
  if (version !== LAYOUT_VERSION) {
    throw new BusError(
      'VERSION_MISMATCH',
      `the peer lays rings out by version ${version}, this side by ${LAYOUT_VERSION}`,
      {
        where,
        remedy: 'install matching releases of @busbar/ring on both sides',
      },
    );
  }
  if (words.loadAcquire(NONCE_OFFSET) !== nonce)
    throw new BusError('PROTOCOL_ERROR', 'another ring than the one announced', { where });
  const capacity = words.loadAcquire(CAPACITY_OFFSET);
  if (!isCapacity(capacity) || ringBytes(capacity) !== bytes) {
    throw new BusError('PROTOCOL_ERROR', `a ring of ${capacity} bytes in a mapping of ${bytes}`, { where });
  }
  return capacity;
}
