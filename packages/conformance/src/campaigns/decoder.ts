import { allocateFrameBuffer, DONE, FrameDecoder, isBusError } from '@busbar/core/contract';
import { digest } from '../peer/exercises/garbage.ts';
import { garbageCase } from '../peer/garbage-cases.ts';
import { between, random } from '../random.ts';
import { type CampaignResult, Tally } from './result.ts';
import { streamModel } from './stream-model.ts';

const BATCH = 20;
const MAX_FRAME_LENGTH = 65_536;

/**
 * C7 for the contract's own `FrameDecoder`, in this process: the same garbage as over a transport, cut into chunks at
 * random - every tenth stream one byte at a time - and compared with the plainest reading of the whole.
 */
export function decoderCampaign({ seed = 1, trials = 50_000 } = {}): CampaignResult {
  const tally = new Tally('frame-decoder', seed);
  for (let start = 0; start < trials; start += BATCH) {
    const commits = Array.from({ length: Math.min(BATCH, trials - start) }, (_, i) => garbageCase(seed, start + i));
    const expected = streamModel(commits, MAX_FRAME_LENGTH);
    const next = random(seed + start);
    const { frames, cut } = decode(padded(commits), (start / BATCH) % 10 === 0 ? () => 1 : () => between(next, 1, 700));
    tally.trials += commits.length;
    tally.hits += frames.length;
    const wrong = expected.frames.findIndex((frame, i) => frame !== frames[i]);
    const extra = frames.length > expected.frames.length;
    tally.count('corrupt', wrong >= 0 || extra ? 1 : 0, `stream of cases from ${start} on, frame ${wrong}`);
    tally.expect(cut === expected.cut, `the stream of cases from ${start} on was ${cut ? '' : 'not '}cut`);
  }
  return tally.result();
}

function padded(commits: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(commits.flatMap((commit) => [commit, Buffer.alloc(-commit.length & 7)]));
}

/** Feeds the stream in chunks of `chunkLength` bytes, each at the place in its buffer that its position asks for. */
function decode(stream: Uint8Array, chunkLength: () => number): { frames: string[]; cut: boolean } {
  const decoder = new FrameDecoder(MAX_FRAME_LENGTH);
  const frames: string[] = [];
  const chunk = allocateFrameBuffer(1_024);
  for (let position = 0; position < stream.length; ) {
    const length = Math.min(chunkLength(), stream.length - position);
    const start = position & 7;
    chunk.u8.set(stream.subarray(position, position + length), start);
    try {
      for (let at = start; at < start + length; ) {
        at = decoder.push(
          chunk,
          at,
          start + length,
          (frame, offset, bytes) => {
            frames.push(digest(frame.u8.subarray(offset, offset + bytes)));
            return DONE;
          },
          3,
        );
      }
    } catch (error) {
      if (isBusError(error) && error.code === 'PROTOCOL_ERROR') return { frames, cut: true };
      throw error;
    }
    position += length;
  }
  return { frames, cut: false };
}
