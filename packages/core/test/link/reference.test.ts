import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, FLAG, FrameHeader, frameBuffer, KIND, readFrameHeader, WHOLE } from '../../src/contract/index.ts';
import { MAX_REFERENCE_BYTES, readReference, withPayload, writeReference } from '../../src/link/reference.ts';

const NAME = fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/);
const DESCRIPTOR = fc.uint8Array({ minLength: 1, maxLength: 64 });

test('what is written is read, wherever it stands', () => {
  fc.assert(
    fc.property(NAME, DESCRIPTOR, fc.nat(100), (transport, descriptor, at) => {
      const { buffer, bytes } = writeReference(transport, descriptor);
      expect(bytes).toBeLessThanOrEqual(MAX_REFERENCE_BYTES);
      const moved = new Uint8Array(at * 8 + bytes + 8);
      moved.set(buffer.u8.subarray(0, bytes), at * 8);
      expect(readReference(moved, at * 8, at * 8 + bytes)).toEqual({ transport, descriptor });
    }),
  );
});

test('anything else is refused, or read as a name and a descriptor that nobody has', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        const { transport, descriptor } = readReference(bytes, 0, bytes.length);
        expect(transport.length).toBeLessThanOrEqual(32);
        expect(descriptor.length).toBeGreaterThan(0);
        expect(descriptor.length).toBeLessThanOrEqual(64);
      } catch (error) {
        expect(error).toMatchObject({ code: 'PROTOCOL_ERROR' });
      }
    }),
  );
});

test('a frame is given its payload in the place of the reference; all else of it stays', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 2000 }), fc.nat(1000), (payload, sequence) => {
      const { buffer, bytes } = writeReference('shm', new Uint8Array(32));
      const flags = WHOLE | FLAG.BY_REF | FLAG.EXPIRY;
      const encoded = encodeFrame({
        kind: KIND.EVENT,
        flags,
        sequence,
        topicId: 3,
        topicName: 'a.topic',
        expiry: 77,
        payload: buffer.u8.slice(0, bytes),
      });
      const header = new FrameHeader();
      const frame = frameBuffer(Uint8Array.from(encoded).buffer);
      expect(readFrameHeader(frame, 0, frame.i32[0], header)).toBe('');
      const whole = withPayload(frame, 0, header, payload);
      const read = new FrameHeader();
      expect(readFrameHeader(whole, 0, header.length, read)).toBe('');
      expect(read).toMatchObject({
        flags: WHOLE | FLAG.EXPIRY,
        sequence,
        topicId: 3,
        topicName: 'a.topic',
        expiry: 77,
      });
      expect(whole.u8.slice(read.headerLength, read.length)).toEqual(payload);
    }),
  );
});
