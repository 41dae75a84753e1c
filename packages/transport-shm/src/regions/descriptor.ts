/** Where a peer finds what it is lent: numbers of the owner's process, and of its region. */
export interface Descriptor {
  /** The owner's number for the region; never used again. */
  readonly region: number;
  /** Descriptor of the memfd in the owner's process. */
  readonly memory: number;
  readonly nonce: number;
  /** Descriptor of the owner's doorbell. */
  readonly bell: number;
  readonly slot: number;
  readonly generation: number;
  /** Which word of the slot is this peer's. */
  readonly reader: number;
  /** Bytes of the payload, from the start of the slot on. */
  readonly bytes: number;
}

const FIELDS = 8;
export const DESCRIPTOR_BYTES: number = FIELDS * 4;

const words = new Int32Array(FIELDS);
const bytes = new Uint8Array(words.buffer);

/** The eight fields in the order of `Descriptor`, as 32-bit little-endian words; valid until the next call. */
export function encodeDescriptor(descriptor: Descriptor): Uint8Array {
  words[0] = descriptor.region;
  words[1] = descriptor.memory;
  words[2] = descriptor.nonce;
  words[3] = descriptor.bell;
  words[4] = descriptor.slot;
  words[5] = descriptor.generation;
  words[6] = descriptor.reader;
  words[7] = descriptor.bytes;
  return bytes;
}

/** Undefined unless it is one, with no field below 0. What the fields say is for the reader to check. */
export function decodeDescriptor(from: Uint8Array): Descriptor | undefined {
  if (from.length !== DESCRIPTOR_BYTES) return undefined;
  bytes.set(from);
  for (let i = 0; i < FIELDS; i++) if (words[i] < 0) return undefined;
  return {
    region: words[0],
    memory: words[1],
    nonce: words[2],
    bell: words[3],
    slot: words[4],
    generation: words[5],
    reader: words[6],
    bytes: words[7],
  };
}
