import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isBusError } from '../../src/contract/errors.ts';
import { allocateFrameBuffer, type FrameBuffer } from '../../src/contract/frame-buffer.ts';
import { FrameDecoder } from '../../src/contract/frame-decoder.ts';
import { align8, HEADER_BYTES } from '../../src/contract/frame-layout.ts';
import { DONE, type FrameHandler, KEEP } from '../../src/contract/transport.ts';
import { Random } from '../support/random.ts';

const MAX_FRAME = 4096;

/** A frame whose bytes follow from its length and place: the decoder looks at the length word only. */
function frameOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 4; i < length; i++) bytes[i] = (seed * 31 + i * 7) & 0xff;
  new DataView(bytes.buffer).setUint32(0, length, true);
  return bytes;
}

/** The frames back to back, each padded to the 8-byte grid. */
function streamOf(frames: readonly Uint8Array[]): Uint8Array {
  const stream = new Uint8Array(frames.reduce((sum, { length }) => sum + align8(length), 0));
  let at = 0;
  for (const frame of frames) {
    stream.set(frame, at);
    at += align8(frame.length);
  }
  return stream;
}

/** A chunk as a medium has it: at any offset of a buffer that holds other things besides. */
function chunkOf(bytes: Uint8Array, at: number): FrameBuffer {
  const chunk = allocateFrameBuffer(at + bytes.length + 8);
  chunk.u8.fill(0xee);
  chunk.u8.set(bytes, at);
  return chunk;
}

/** Copies what it is handed; checks alignment. */
function collector(): { readonly frames: Uint8Array[]; readonly handler: FrameHandler } {
  const frames: Uint8Array[] = [];
  const handler: FrameHandler = (buffer, offset, length) => {
    expect(offset % 8).toBe(0);
    frames.push(buffer.u8.slice(offset, offset + length));
    return DONE;
  };
  return { frames, handler };
}

/** Feeds `bytes` in one chunk at offset `at`, `limit` frames a call, until all are taken. */
function feed(decoder: FrameDecoder, bytes: Uint8Array, at: number, handler: FrameHandler, limit: number): void {
  const chunk = chunkOf(bytes, at);
  const end = at + bytes.length;
  for (let position = at; position < end; ) {
    const before = decoder.frames;
    position = decoder.push(chunk, position, end, handler, limit);
    expect(decoder.frames - before).toBeLessThanOrEqual(limit);
  }
}

const lengths = fc.array(fc.integer({ min: HEADER_BYTES, max: 300 }), { minLength: 1, maxLength: 20 });

describe('FrameDecoder', () => {
  test('hands over the same frames however the stream is split, wherever the chunks lie', () => {
    fc.assert(
      fc.property(
        lengths,
        fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 500 }), at: fc.integer({ min: 0, max: 24 }) }), {
          minLength: 1,
        }),
        fc.integer({ min: 1, max: 5 }),
        (sizes, cuts, limit) => {
          const frames = sizes.map(frameOf);
          const stream = streamOf(frames);
          const decoder = new FrameDecoder(MAX_FRAME);
          const { frames: handed, handler } = collector();
          for (let at = 0, i = 0; at < stream.length; i++) {
            const cut = cuts[i % cuts.length];
            feed(decoder, stream.subarray(at, at + cut.bytes), cut.at, handler, limit);
            at += cut.bytes;
          }
          expect(handed).toEqual(frames);
          expect(decoder.frames).toBe(frames.length);
          expect(decoder.pending).toBe(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('survives one byte at a time', () => {
    const frames = [32, 33, 40, 300, 32].map(frameOf);
    const decoder = new FrameDecoder(MAX_FRAME);
    const { frames: handed, handler } = collector();
    for (const byte of streamOf(frames)) feed(decoder, Uint8Array.of(byte), 3, handler, 1);
    expect(handed).toEqual(frames);
  });

  test('takes no byte beyond its limit of frames, and goes on where it stopped', () => {
    const frames = [40, 40, 40].map(frameOf);
    const stream = streamOf(frames);
    const chunk = chunkOf(stream, 0);
    const decoder = new FrameDecoder(MAX_FRAME);
    const { frames: handed, handler } = collector();
    expect(decoder.push(chunk, 0, stream.length, handler, 0)).toBe(0);
    expect(decoder.push(chunk, 0, stream.length, handler, 2)).toBe(80);
    expect(decoder.push(chunk, 80, stream.length, handler, 2)).toBe(120);
    expect(handed).toEqual(frames);
  });

  test('frames that lie whole in an aligned chunk are handed over in place', () => {
    const chunk = chunkOf(streamOf([frameOf(48, 1)]), 8);
    let where: [FrameBuffer, number] | undefined;
    new FrameDecoder(MAX_FRAME).push(
      chunk,
      8,
      56,
      (buffer, offset) => {
        where = [buffer, offset];
        return DONE;
      },
      1,
    );
    expect(where).toEqual([chunk, 8]);
    expect(where?.[0]).toBe(chunk);
  });

  test('a buffer taken over by KEEP is not written again', () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 31 }), (sizes, step) => {
        const frames = sizes.map(frameOf);
        const stream = streamOf(frames);
        const decoder = new FrameDecoder(MAX_FRAME);
        const kept: { buffer: FrameBuffer; offset: number; length: number; index: number }[] = [];
        let index = 0;
        const keeper: FrameHandler = (buffer, offset, length) => {
          index++;
          if (!buffer.transferable) return DONE;
          kept.push({ buffer, offset, length, index: index - 1 });
          return KEEP;
        };
        for (let at = 0; at < stream.length; at += step) feed(decoder, stream.subarray(at, at + step), 0, keeper, 9);
        expect(index).toBe(frames.length);
        for (const { buffer, offset, length, index: which } of kept)
          expect(buffer.u8.slice(offset, offset + length)).toEqual(frames[which]);
        // Longer than a header, every frame was put together in a buffer that may be taken.
        expect(kept.length).toBeGreaterThanOrEqual(sizes.filter((size) => size > HEADER_BYTES).length > 0 ? 1 : 0);
      }),
    );
  });

  test.each([0, 1, 31, MAX_FRAME + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])(
    'a length of %i is a protocol error before anything is allotted, in any split (F6)',
    (length) => {
      const header = frameOf(HEADER_BYTES, 1);
      new DataView(header.buffer).setUint32(0, length, true);
      for (const step of [1, 5, 32]) {
        const decoder = new FrameDecoder(MAX_FRAME);
        const { frames, handler } = collector();
        const attempt = () => {
          for (let at = 0; at < header.length; at += step) feed(decoder, header.subarray(at, at + step), 0, handler, 1);
        };
        expect(attempt).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }));
        expect(frames).toEqual([]);
        expect(decoder.pending).toBeLessThanOrEqual(HEADER_BYTES);
      }
    },
  );

  test('a frame of exactly the limit passes', () => {
    const frame = frameOf(MAX_FRAME, 3);
    const decoder = new FrameDecoder(MAX_FRAME);
    const { frames, handler } = collector();
    feed(decoder, frame.subarray(0, 100), 0, handler, 1);
    feed(decoder, frame.subarray(100), 0, handler, 1);
    expect(frames).toEqual([frame]);
  });

  test('garbage gives frames within the limit or a protocol error, nothing else', () => {
    const random = new Random(7);
    let errors = 0;
    for (let run = 0; run < 20_000; run++) {
      const decoder = new FrameDecoder(MAX_FRAME);
      const bytes = new Uint8Array(8 + random.below(200)).map(() => random.below(256));
      // Half of the runs begin with a length that passes.
      if (random.chance(0.5)) new DataView(bytes.buffer).setUint32(0, random.below(120), true);
      const sizes: number[] = [];
      try {
        for (let at = 0; at < bytes.length; ) {
          const step = 1 + random.below(60);
          feed(
            decoder,
            bytes.subarray(at, at + step),
            random.below(9),
            (_, offset, length) => {
              expect(offset % 8).toBe(0);
              sizes.push(length);
              return DONE;
            },
            3,
          );
          at += step;
        }
      } catch (error) {
        if (!isBusError(error) || error.code !== 'PROTOCOL_ERROR') throw error;
        errors++;
      }
      expect(sizes.every((size) => size >= HEADER_BYTES && size <= MAX_FRAME)).toBe(true);
      expect(sizes.reduce((sum, size) => sum + align8(size), 0)).toBeLessThanOrEqual(bytes.length);
      expect(decoder.pending).toBeLessThanOrEqual(align8(MAX_FRAME));
    }
    expect(errors).toBeGreaterThan(10_000);
  });
});
