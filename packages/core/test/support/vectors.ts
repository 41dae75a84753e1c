import { readFileSync } from 'node:fs';
import { allocateFrameBuffer, FLAG, type FrameBuffer, SECTION } from '../../src/contract/index.ts';

/** One golden frame; see `vectors/README.md`. */
export interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly length: number;
  readonly version: number;
  readonly kind: number;
  readonly priority: number;
  readonly codec: number;
  readonly flags: readonly (keyof typeof FLAG)[];
  readonly topicId: number;
  readonly flow: number;
  readonly sections: readonly (keyof typeof SECTION)[];
  readonly headerLength: number;
  readonly sequence: number;
  readonly messageId: number;
  readonly total?: number;
  readonly fragmentOffset?: number;
  readonly expiry?: number;
  readonly checksum?: number;
  readonly sampledTime?: number;
  readonly originId?: string;
  readonly originName?: string;
  readonly topicName?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload: string;
}

/** A frame that is wrong, and what a receiver does with it. */
export interface Malformed {
  readonly name: string;
  readonly answer: 'cut' | 'skip' | 'accept';
  readonly hex: string;
}

function load<T>(file: string): readonly T[] {
  return JSON.parse(readFileSync(new URL(`../vectors/${file}.json`, import.meta.url), 'utf8'));
}

export const golden: readonly Vector[] = ['kinds', 'sections', 'fragments', 'self-contained'].flatMap(load<Vector>);
export const malformed = load<Malformed>('malformed');

export function flagBits(vector: Vector): number {
  return vector.flags.reduce((bits, name) => bits | FLAG[name], 0);
}

export function sectionBits(vector: Vector): number {
  return vector.sections.reduce((bits, name) => bits | SECTION[name], 0);
}

export function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** `bytes` at offset `at` of a buffer that is `filler` everywhere else: a reader must not see the filler. */
export function placed(bytes: Uint8Array, at: number, filler: number): FrameBuffer {
  const buffer = allocateFrameBuffer(at + bytes.length + 64);
  buffer.u8.fill(filler);
  buffer.u8.set(bytes, at);
  return buffer;
}
