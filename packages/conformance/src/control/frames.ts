import { DONE, encodeFrame, type FrameHandler, KIND, OK, type Receiver, type Sender } from '@busbar/core/contract';

/** An event frame, padded to 8 bytes, whose payload is `bytes` long and derives from `sequence`. */
export function numberedFrame(sequence: number, bytes: number): Uint8Array {
  const payload = Uint8Array.from({ length: bytes }, (_, i) => (sequence * 31 + i * 7) & 0xff);
  return encodeFrame({ kind: KIND.EVENT, sequence, payload });
}

/** Claims room for a frame, writes and commits it, without a flush; the result of the claim. */
export function sendFrame(sender: Sender, frame: Uint8Array): number {
  const length = new DataView(frame.buffer, frame.byteOffset).getUint32(0, true);
  const result = sender.tryClaim(length);
  if (result !== OK) return result;
  sender.frame.u8.set(frame.subarray(0, length), sender.offset);
  sender.commit();
  return result;
}

export interface CollectedFrames {
  /** Copies, without padding, in the order of their arrival. */
  readonly frames: Uint8Array[];
  /** Resolves when so many are there. */
  readonly until: (count: number) => Promise<void>;
}

/** Takes everything that arrives, by `perPoll` frames at most, and lets the receiver sleep whenever there is nothing. */
export function collectFrames(receiver: Receiver, perPoll = 1_000): CollectedFrames {
  const frames: Uint8Array[] = [];
  let wanted = Number.POSITIVE_INFINITY;
  let resolve = (): void => {};
  const take: FrameHandler = (frame, offset, length) => {
    frames.push(frame.u8.slice(offset, offset + length));
    if (frames.length >= wanted) resolve();
    return DONE;
  };
  const poll = (): void => {
    receiver.poll(take, perPoll);
    if (!receiver.prepareToSleep()) setImmediate(poll);
  };
  receiver.onReadable(poll);
  poll();
  return {
    frames,
    until(count) {
      return new Promise((done) => {
        wanted = count;
        resolve = done;
        if (frames.length >= count) done();
      });
    },
  };
}
