import {
  DONE,
  type FrameBuffer,
  type FrameHandler,
  HEADER_BYTES,
  MESSAGE_ID_OFFSET,
  type PeerInfo,
  type Receiver,
  SEQUENCE_OFFSET,
  TOPIC_ID_OFFSET,
} from '@busbar/core/contract';
import { type Stream, senderNumber } from './content.ts';
import { Journal } from './journal.ts';
import { StreamCheck } from './stream-check.ts';

const POLL_LIMIT = 256;

/** Polls a receiver as a bus does - while there is something, then by announced sleep - and checks what it gives. */
export class Inbox {
  /** Frames handed over, of whatever kind. */
  frames = 0;
  /** Frames that belong to no stream that was announced, or came from somebody else than they say. */
  strangers = 0;
  readonly notes: string[] = [];
  readonly #receiver: Receiver;
  readonly #streams = new Map<string, StreamCheck>();
  readonly #senders = new Map<string, PeerInfo>();
  readonly #identified: boolean;
  #paused = false;
  #turn: NodeJS.Immediate | undefined;
  /** Called after each pass that handed over frames. */
  readonly #waiting = new Set<() => void>();
  /** Takes frames in the checker's place: for garbage, and for tests of what a handler sees. */
  #override: FrameHandler | undefined;

  /** `identified`: the transport claims to know whose each frame is. */
  constructor(receiver: Receiver, identified: boolean) {
    this.#receiver = receiver;
    this.#identified = identified;
    receiver.onReadable(() => this.#poll());
    this.#schedule();
  }

  expect(from: PeerInfo, stream: Stream, journalPath?: string): void {
    const sender = senderNumber(from.id);
    this.#senders.set(String(sender), from);
    const check = new StreamCheck(sender, stream, journalPath === undefined ? undefined : new Journal(journalPath));
    this.#streams.set(`${sender}/${stream.stream}`, check);
  }

  check(from: string, stream: number): StreamCheck {
    const check = this.#streams.get(`${senderNumber(from)}/${stream}`);
    if (check === undefined) throw new Error(`stream ${stream} of ${from} was not announced`);
    return check;
  }

  /** Resolves when `done` holds, or when no frame has come for `quietMs`. */
  until(done: () => boolean, quietMs: number): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => {
      let seen = this.frames;
      const settle = (): void => {
        clearInterval(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = (): void => {
        if (done()) settle();
      };
      const timer = setInterval(() => {
        // Timers come first in a turn: a process that was starved has yet to look at what has arrived.
        if (seen === this.frames) setImmediate(() => seen === this.frames && settle());
        seen = this.frames;
      }, quietMs);
      this.#waiting.add(look);
    });
  }

  handleWith(handler: FrameHandler | undefined): void {
    this.#override = handler;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  /** Hands over everything that is there now. */
  empty(): void {
    while (this.#receiver.poll(this.#handle, POLL_LIMIT) > 0);
  }

  stop(): void {
    this.#paused = true;
    if (this.#turn !== undefined) clearImmediate(this.#turn);
  }

  #schedule(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#poll();
    });
  }

  #poll(): void {
    if (this.#paused) return;
    const handed = this.#receiver.poll(this.#handle, POLL_LIMIT);
    if (handed > 0) for (const look of this.#waiting) look();
    if (handed > 0 || !this.#receiver.prepareToSleep()) this.#schedule();
  }

  readonly #handle: FrameHandler = (frame, offset, length, from) => {
    this.frames++;
    if ((offset & 7) !== 0) this.#stranger(`a frame handed over at offset ${offset}, which is not 8-aligned (F7)`);
    if (this.#override !== undefined) return this.#override(frame, offset, length, from);
    if (length < HEADER_BYTES) {
      this.#stranger(`a frame of ${length} bytes`);
      return DONE;
    }
    const sender = word(frame, offset + MESSAGE_ID_OFFSET);
    const check = this.#streams.get(`${sender}/${word(frame, offset + TOPIC_ID_OFFSET)}`);
    if (check === undefined) {
      this.#stranger(`a frame of ${length} bytes that belongs to no stream`);
      return DONE;
    }
    if (this.#identified && from !== this.#senders.get(String(sender))) {
      this.#stranger(`a frame of ${sender} handed over as from ${from?.id ?? 'nobody'}`);
    }
    check.take(frame, offset, length, word(frame, offset + SEQUENCE_OFFSET));
    return DONE;
  };

  #stranger(note: string): void {
    this.strangers++;
    if (this.notes.length < 4) this.notes.push(`corrupt: ${note}`);
  }
}

function word(frame: FrameBuffer, offset: number): number {
  return frame.i32[offset >> 2] >>> 0;
}
