import { allocateFrameBuffer, copyAligned, type FrameBuffer, frameBuffer, OK } from '@busbar/core/contract';
import { createSharedMemory, openSharedMemory } from '@busbar/native';
import { MappedWords, maxRingFrame, RingReader, RingWriter, ringBytes } from '@busbar/ring';
import { MESSAGE_BYTES } from './contracts.ts';
import type { Turn } from './turn.ts';

/** Bytes of each ring. */
const CAPACITY = 65_536;
/** A spinner gives way to its event loop every so often: for the bus, and for Ctrl-C. */
const LOOKS_A_TURN = 10_000;

/** Where another process finds a side's inbox. */
export interface RingAddress {
  readonly pid: number;
  readonly descriptor: number;
}

/** One side of two rings, one each way, that looks for messages in a loop and never sleeps. */
export class RingEnd {
  readonly address: RingAddress;
  readonly #reader: RingReader;
  readonly #frame = allocateFrameBuffer(maxRingFrame(CAPACITY));
  readonly #message = allocateFrameBuffer(MESSAGE_BYTES);
  #outbox: FrameBuffer | undefined;
  #writer: RingWriter | undefined;
  #spinning = false;

  /** @throws BusError RESOURCE_EXHAUSTED | NEEDS_NATIVE */
  constructor() {
    const { buffer, descriptor } = createSharedMemory('critical', ringBytes(CAPACITY));
    const memory = frameBuffer(buffer);
    this.#reader = new RingReader(new MappedWords(memory.i32), memory, CAPACITY);
    this.address = { pid: process.pid, descriptor };
  }

  /** What is sent goes to the inbox at `address`. @throws BusError when it is not to be had */
  connect({ pid, descriptor }: RingAddress): void {
    this.#outbox = frameBuffer(openSharedMemory(pid, descriptor, ringBytes(CAPACITY)).buffer);
    this.#writer = new RingWriter(new MappedWords(this.#outbox.i32), CAPACITY);
  }

  /** Copies a message of MESSAGE_BYTES into the other side's inbox. */
  send(): void {
    const writer = this.#writer;
    if (writer?.claim(MESSAGE_BYTES) !== OK) throw new Error('no room for a message in the ring');
    copyAligned(this.#message, 0, this.#outbox as FrameBuffer, writer.offset, MESSAGE_BYTES);
    writer.stage(MESSAGE_BYTES);
    writer.publish();
  }

  /** Spins from the next turn on; `onMessage` runs for each message, once it is copied out. */
  start(onMessage: () => void): void {
    this.#spinning = true;
    const turn = (): void => {
      for (let look = 0; look < LOOKS_A_TURN && this.#spinning; look++) if (this.#take()) onMessage();
      if (this.#spinning) setImmediate(turn);
    };
    setImmediate(turn);
  }

  stop(): void {
    this.#spinning = false;
  }

  #take(): boolean {
    const length = this.#reader.next(this.#frame);
    if (length === 0) return false;
    if (length !== MESSAGE_BYTES) throw new Error(`the ring answered ${length}`);
    this.#reader.release();
    return true;
  }
}

/** Messages to and fro between two sides that spin, one at a time; the other one sends back whatever comes. */
export function ringFor(turn: Turn, end: RingEnd): Promise<void> {
  return new Promise((resolve) => {
    let sentAt = 0;
    end.start(() => {
      const now = performance.now();
      turn.roundTrip(now - sentAt);
      if (turn.over(now)) {
        end.stop();
        resolve();
        return;
      }
      sentAt = turn.idle(now);
      end.send();
    });
    sentAt = performance.now();
    end.send();
  });
}
