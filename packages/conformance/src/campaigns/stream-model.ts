import { align8, HEADER_BYTES } from '@busbar/core/contract';
import { digest } from '../peer/exercises/garbage.ts';

/** What a receiver must hand over of what was committed. */
export interface Expectation {
  readonly frames: readonly string[];
  /** The medium must be cut after the last of them. */
  readonly cut: boolean;
}

/** Record media (F5): each commit is one frame, whatever it states. */
export function recordModel(commits: readonly Uint8Array[]): Expectation {
  return { frames: commits.map(digest), cut: false };
}

/**
 * Stream media (F1, F5, F6), in the plainest way there is: all commits in one array, each with its pad of zeros, cut
 * by the lengths that stand in it.
 */
export function streamModel(commits: readonly Uint8Array[], maxFrameLength: number): Expectation {
  const bytes = new Uint8Array(commits.reduce((sum, commit) => sum + align8(commit.length), 0));
  let end = 0;
  for (const commit of commits) {
    bytes.set(commit, end);
    end += align8(commit.length);
  }
  const view = new DataView(bytes.buffer);
  const frames: string[] = [];
  for (let position = 0; position + HEADER_BYTES <= end; ) {
    const length = view.getUint32(position, true);
    if (length < HEADER_BYTES || length > maxFrameLength) return { frames, cut: true };
    if (position + align8(length) > end) break;
    frames.push(digest(bytes.subarray(position, position + length)));
    position += align8(length);
  }
  return { frames, cut: false };
}
