import {
  align8,
  allocateFrameBuffer,
  BusError,
  copyAligned,
  FLAG,
  type FrameBuffer,
  type FrameHeader,
  type Lease,
  type PeerInfo,
} from '../contract/index.ts';
import type { LinkHost } from './host.ts';

/** Most bytes of a transport's name, and of a descriptor. */
const MAX_NAME_BYTES = 32;
const MAX_DESCRIPTOR_BYTES = 64;

/** Most bytes of a reference. */
export const MAX_REFERENCE_BYTES: number = align8(1 + MAX_NAME_BYTES) + MAX_DESCRIPTOR_BYTES;

/** The last one written; it is copied into a frame at once. */
const scratch = allocateFrameBuffer(MAX_REFERENCE_BYTES);

/** What a frame with the flag `by-ref` has as its payload. */
export interface Reference {
  /** Whose regions the memory is of. */
  readonly transport: string;
  readonly descriptor: Uint8Array;
}

/**
 * Payload of a reference, valid until the next call: one byte that says how long the transport's name is, the name, zeros
 * up to a multiple of 8, the descriptor. `bytes` of `buffer`, from 0 on.
 */
export function writeReference(transport: string, descriptor: Uint8Array): { buffer: FrameBuffer; bytes: number } {
  const { u8 } = scratch;
  const start = align8(1 + transport.length);
  u8.fill(0, 0, start);
  u8[0] = transport.length;
  for (let i = 0; i < transport.length; i++) u8[1 + i] = transport.charCodeAt(i);
  u8.set(descriptor, start);
  return { buffer: scratch, bytes: start + descriptor.length };
}

/** The reference in `[start, end)` of private memory. @throws BusError PROTOCOL_ERROR */
export function readReference(u8: Uint8Array, start: number, end: number): Reference {
  const length = end > start ? u8[start] : 0;
  const at = start + align8(1 + length);
  if (length === 0 || length > MAX_NAME_BYTES || at >= end || end - at > MAX_DESCRIPTOR_BYTES)
    throw new BusError('PROTOCOL_ERROR', 'a reference that makes no sense');
  return {
    transport: String.fromCharCode(...u8.subarray(start + 1, start + 1 + length)),
    descriptor: u8.slice(at, end),
  };
}

/** What the reference in `[start, end)` leads to; undefined when it is not to be had any more. @throws BusError PROTOCOL_ERROR */
export function openReference(
  host: Pick<LinkHost, 'regions' | 'limits'>,
  peer: PeerInfo,
  u8: Uint8Array,
  start: number,
  end: number,
): Lease | undefined {
  const { transport, descriptor } = readReference(u8, start, end);
  const provider = host.regions(transport);
  if (provider === undefined) throw new BusError('PROTOCOL_ERROR', `${JSON.stringify(transport)} has no memory here`);
  const lease = provider.open(descriptor, peer);
  const { maxMessageBytes } = host.limits;
  if (lease === undefined || lease.view.length <= maxMessageBytes) return lease;
  lease.release();
  throw new BusError(
    'PROTOCOL_ERROR',
    `a message of ${lease.view.length} bytes exceeds the limit of ${maxMessageBytes}`,
  );
}

/** The frame at `offset`, which `header` describes, with `payload` in the place of its reference; `header` is that of it then. */
export function withPayload(
  buffer: FrameBuffer,
  offset: number,
  header: FrameHeader,
  payload: Uint8Array,
): FrameBuffer {
  const { headerLength } = header;
  header.length = headerLength + payload.length;
  header.flags &= ~FLAG.BY_REF;
  const frame = allocateFrameBuffer(header.length);
  copyAligned(buffer, offset, frame, 0, headerLength);
  frame.i32[0] = header.length;
  // Flags are the highest byte of the second word.
  frame.u8[7] = header.flags;
  frame.u8.set(payload, headerLength);
  return frame;
}
