import {
  BACK_PRESSURED,
  BusError,
  CLOSED,
  type FrameBuffer,
  frameBuffer,
  OK,
  type PeerInfo,
  SenderBase,
} from '@busbar/core/contract';
import type { Bell, SharedMemory } from '@busbar/native';
import { checkRing, MappedWords, RingWriter } from '@busbar/ring';
import type { Waiters } from './waiters.ts';

/** A commit waits until its record's cache lines have come from the other core; so many small frames wait once. */
const BATCH_FRAMES = 16;
/** Frames of more are worth a commit each. */
const SMALL_BYTES = 1024;

/**
 * The writing end of one ring. The first frame after a flush is seen at once, so that nothing waits for the end of a
 * turn that sends a single message; the small ones of a burst are seen by batches.
 */
export class ShmSender extends SenderBase {
  readonly frame: FrameBuffer;
  readonly peer: PeerInfo;
  readonly #memory: SharedMemory;
  readonly #bell: Bell;
  readonly #writer: RingWriter;
  readonly #waiters: Waiters;
  readonly #ended: (reason: BusError | undefined) => void;
  /** For `Waiters`: it is among them. */
  waiting = false;
  #read = 0;
  /** Frames since the last flush, or the last batch: but for the first they are staged. */
  #burst = 0;

  /**
   * Once made, it closes `memory` and `bell`; `ended` hears of that, with the reason where it is no orderly close.
   * @throws BusError PROTOCOL_ERROR | VERSION_MISMATCH
   */
  constructor(
    peer: PeerInfo,
    memory: SharedMemory,
    nonce: number,
    bell: Bell,
    maxFrameLength: number,
    waiters: Waiters,
    ended: (reason: BusError | undefined) => void,
  ) {
    super(maxFrameLength);
    this.peer = peer;
    this.#memory = memory;
    this.#bell = bell;
    this.#waiters = waiters;
    this.#ended = ended;
    this.frame = frameBuffer(memory.buffer);
    const words = new MappedWords(this.frame.i32);
    this.#writer = new RingWriter(words, checkRing(words, memory.bytes, nonce));
  }

  get writableBytes(): number {
    return this.isOpen ? this.#writer.room() : 0;
  }

  get awake(): boolean {
    return this.isOpen && this.#writer.consumerAwake;
  }

  override confirmed(level: 'copied' | 'stored' | 'synced'): number {
    if (level !== 'copied') return 0;
    if (this.isOpen) {
      this.#read = this.#writer.framesRead();
      if (this.#writer.poisoned) this.#poisoned();
    }
    return this.#read;
  }

  override onWritable(callback: () => void): void {
    super.onWritable(callback);
    this.#wait();
  }

  override onConfirmed(callback: () => void): void {
    super.onConfirmed(callback);
    this.#wait();
  }

  protected claim(length: number): number {
    const writer = this.#writer;
    let result = writer.claim(length);
    if (result !== OK && this.#burst > 1) {
      // The receiver can give no room back for what it does not see.
      this.flush();
      result = writer.claim(length);
    }
    if (result === OK) {
      this.offset = writer.offset;
      return OK;
    }
    if (!writer.poisoned) return BACK_PRESSURED;
    this.#poisoned();
    return CLOSED;
  }

  /**
   * | allocates | blocks | syscalls                       | callable from      |
   * | no        | no     | 0; 1 when the receiver sleeps  | the owner's thread |
   */
  protected publish(length: number): void {
    const writer = this.#writer;
    writer.stage(length);
    const burst = this.#burst++;
    if (burst > 0 && burst < BATCH_FRAMES && length <= SMALL_BYTES) return;
    this.#burst = 1;
    writer.publish();
    if (writer.mustWake()) this.#bell.ring();
  }

  override flush(): void {
    const staged = this.#burst > 1;
    this.#burst = 0;
    if (!staged || !this.isOpen) return;
    this.#writer.publish();
    if (this.#writer.mustWake()) this.#bell.ring();
  }

  /** For `Waiters`: what this sender waits for has come. */
  arrived(): boolean {
    return this.#writer.arrived();
  }

  /** For `Waiters`: asks the receiver to ring. False: it has come already. */
  announce(): boolean {
    return this.#writer.announceWait();
  }

  /** For `Waiters`: it has come; who waits is told. */
  progressed(): void {
    const read = this.#read;
    if (this.confirmed('copied') > read) this.becameConfirmed();
    if (this.isOpen && this.awaitsRoom && this.#writer.hasSlack) this.becameWritable();
    if (!this.waiting && (this.awaitsRoom || this.awaitsConfirmation)) this.#wait();
  }

  /** The peer is gone, or has closed its inbox. */
  end(what: string): void {
    this.fail(new BusError('PEER_GONE', what, { where: where(this.peer), outcome: 'unknown' }));
  }

  #wait(): void {
    if (!this.isOpen) return;
    this.flush();
    this.#writer.want(this.awaitsConfirmation);
    this.#waiters.add(this);
  }

  #poisoned(): void {
    this.fail(
      new BusError('PROTOCOL_ERROR', 'the receiver wrote into the ring what no receiver writes', {
        where: where(this.peer),
      }),
    );
  }

  protected release(reason: BusError | undefined): void {
    if (reason === undefined) {
      this.#writer.end();
      if (this.#writer.mustWake()) this.#bell.ring();
    }
    this.#waiters.remove(this);
    this.#bell.close();
    this.#memory.close();
    this.#ended(reason);
  }
}

function where(peer: PeerInfo): string {
  return `participant ${peer.name} (pid ${peer.pid})`;
}
