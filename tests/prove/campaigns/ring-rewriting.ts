import { crc32 } from 'node:zlib';
import { between, random } from '@busbar/conformance/campaigns';
import { allocateFrameBuffer, type FrameBuffer, frameBuffer } from '@busbar/core/contract';
import { available, createSharedMemory, type SharedMemory } from '@busbar/native';
import { AT_END, EMPTY, formatRing, MappedWords, maxRingFrame, POISONED, RingReader, ringBytes } from '@busbar/ring';
import { campaign } from '../campaign.ts';
import { type Participant, withParticipants } from '../participant.ts';
import { CAPACITY } from '../ring/checked-ring.ts';
import { judged } from '../ring/sealed-frame.ts';

const TRIAL_MS = 1_000;
const FRAMES_A_TURN = 500;
/** A ring whose length words lie may have nothing more to say. */
const EMPTY_TURNS = 3_000;
/** Looks at a frame that was accepted, while its writer goes on. */
const MOST_LOOKS = 8;
const LARGEST = maxRingFrame(CAPACITY);

/**
 * A second process writes frames with checksums and rewrites them all the time, before, while and after they are
 * copied: bytes of their payloads and headers, with noise and with what other frames have in that place, their length
 * words, the ring's header. Shown for every frame that the reader hands over: it is of a legal length; its bytes do not
 * change once `next` has returned; and where its header is sound and its checksum right, it is, to the byte, one that
 * was sealed. Not shown, since no layout could: that what a peer rewrites before the copy is noticed without the
 * checksum, or that a frame comes once. A trial is a second, on as many rings as are poisoned or fall silent in it; a
 * hit is one in which frames were rejected.
 */
export const ringRewriting = campaign({
  name: 'ring/rewriting-peer',
  smoke: 3,
  full: 60,
  execute: (tally, trials, seed) =>
    withParticipants(async (_, start) => {
      await available();
      const next = random(seed);
      const peer = start('ring-rewriter');
      const sums = { right: 0, rejected: 0, rings: 0, poisoned: 0, rewrites: 0 };
      for (; tally.trials < trials; tally.trials++) {
        const rejectedBefore = sums.rejected;
        for (const until = performance.now() + TRIAL_MS; performance.now() < until; sums.rings++) {
          const ring = new RewrittenRing();
          const rewriting = rewrite(peer, ring.shared, between(next, 0, 0x7fff_ffff));
          const ended = await ring.read(until, next);
          await peer.call('stop');
          sums.rewrites += await rewriting;
          ring.shared.close();
          if (ended === 'poisoned') sums.poisoned++;
          sums.right += ring.right;
          sums.rejected += ring.rejected;
          tally.count('corrupt', ring.mixed, 'frames were accepted that nobody sealed');
          tally.count('corrupt', ring.changed, 'frames changed after they were handed over');
          tally.count('corrupt', ring.illegal, 'answers are no lengths');
        }
        if (sums.rejected > rejectedBefore) tally.hits++;
      }
      for (const [what, count] of Object.entries(sums)) tally.measure(what, count);
    }),
});

function rewrite(peer: Participant<'ring-rewriter'>, shared: SharedMemory, seed: number): Promise<number> {
  return peer.call('rewrite', process.pid, shared.descriptor, seed);
}

class RewrittenRing {
  readonly shared: SharedMemory = createSharedMemory('prove', ringBytes(CAPACITY));
  right = 0;
  rejected = 0;
  mixed = 0;
  changed = 0;
  illegal = 0;
  readonly #reader: RingReader;
  readonly #frame: FrameBuffer = allocateFrameBuffer(LARGEST);

  constructor() {
    const memory = frameBuffer(this.shared.buffer);
    const words = new MappedWords(memory.i32);
    formatRing(words, CAPACITY, 1);
    this.#reader = new RingReader(words, memory, CAPACITY);
  }

  /** Reads until the time is over, the ring poisoned, at its end, or silent. */
  async read(until: number, next: () => number): Promise<'poisoned' | 'over'> {
    for (let empty = 0; empty < EMPTY_TURNS && performance.now() < until; ) {
      const before = this.#reader.frames;
      for (let i = 0; i < FRAMES_A_TURN; i++) {
        const length = this.#reader.next(this.#frame);
        if (length === POISONED) return 'poisoned';
        if (length === AT_END) return 'over';
        if (length === EMPTY) break;
        this.#take(length, next);
      }
      this.#reader.release();
      empty = this.#reader.frames === before && before > 0 ? empty + 1 : 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return 'over';
  }

  #take(length: number, next: () => number): void {
    if (!(length > 0 && length <= LARGEST)) {
      this.illegal++;
      return;
    }
    const bytes = this.#frame.u8.subarray(0, length);
    const atFirst = crc32(bytes);
    const judgement = judged(this.#frame, length);
    this[judgement]++;
    for (let looks = between(next, 1, MOST_LOOKS); looks > 0; looks--) {
      if (crc32(bytes) === atFirst) continue;
      this.changed++;
      break;
    }
  }
}
