import { type FrameBuffer, type FrameHandler, frameBuffer, type PeerInfo } from '@busbar/core/contract';
import type { Bell, SharedMemory } from '@busbar/native';
import { AT_END, formatRing, MappedWords, POISONED, RingReader } from '@busbar/ring';
import { RING_BYTES } from './capabilities.ts';

/** Room is given back when so much has been copied out, not only at the end of a poll: the sender goes on meanwhile. */
const RELEASE_BYTES = RING_BYTES / 4;
/** Polls in which other rings had frames and this one had none, after which it sleeps by itself. */
const IDLE_POLLS = 64;
/** More frames than any ring holds: a record has 16 bytes at least. */
const MAX_FRAMES = RING_BYTES / 16;

/** One sender's ring, at the side that reads it and owns the memory. */
export class InboundRing {
  readonly peer: PeerInfo;
  /** The sender's number for it. */
  readonly number: number;
  readonly memory: SharedMemory;
  readonly nonce: number;
  /** Asleep: a commit rings, and nobody polls. */
  parked = false;
  /** Its sender has ended, or its link: it goes as soon as it is empty. */
  ending = false;
  /** Its sender broke the rules; nothing more is read. */
  poisoned = false;
  /** Read no more. */
  closed = false;
  readonly #reader: RingReader;
  readonly #bell: Bell;
  #idlePolls = 0;
  /** Frames that may be read in all. */
  #lastFrame = Number.POSITIVE_INFINITY;

  constructor(peer: PeerInfo, number: number, memory: SharedMemory, nonce: number, bell: Bell) {
    this.peer = peer;
    this.number = number;
    this.memory = memory;
    this.nonce = nonce;
    this.#bell = bell;
    const view = frameBuffer(memory.buffer);
    const words = new MappedWords(view.i32);
    formatRing(words, RING_BYTES, nonce);
    this.#reader = new RingReader(words, view, RING_BYTES);
    this.park();
  }

  /**
   * Copies at most `limit` frames to `into`, one after the other, and hands them over. Returns how many.
   *
   * | allocates                 | blocks | syscalls                            | callable from          |
   * | a view, for > 256 bytes   | no     | 1 when the sender waits and sleeps  | the receiver's thread  |
   */
  read(into: FrameBuffer, handler: FrameHandler, limit: number): number {
    const reader = this.#reader;
    const most = Math.min(limit, this.#lastFrame - reader.frames);
    let handed = 0;
    while (handed < most) {
      const length = reader.next(into);
      if (length <= 0) {
        if (length === POISONED) this.poisoned = true;
        if (length === AT_END) this.ending = true;
        break;
      }
      handed++;
      handler(into, 0, length, this.peer);
      if (this.closed) return handed;
      if (reader.unreleased > RELEASE_BYTES && reader.release()) this.#bell.ring();
    }
    if (handed > 0) {
      this.#idlePolls = 0;
      if (reader.release()) this.#bell.ring();
    }
    return handed;
  }

  /** It had nothing while others had; true when that is so for a while, and it sleeps. */
  passedOver(): boolean {
    return ++this.#idlePolls >= IDLE_POLLS && this.park();
  }

  /** Its link has ended: what lies in it is read, and not what a sender that lives on may go on writing. */
  drain(): void {
    this.ending = true;
    this.#lastFrame = this.#reader.frames + MAX_FRAMES;
  }

  /** True: asleep. False: there is something to read. */
  park(): boolean {
    this.parked = this.#reader.announceSleep();
    return this.parked;
  }

  /** Polled again. */
  unpark(): void {
    this.parked = false;
    this.#idlePolls = 0;
    this.#reader.cancelSleep();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#bell.close();
    this.memory.close();
  }
}
