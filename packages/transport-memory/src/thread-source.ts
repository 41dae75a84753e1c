import { align8, type FrameBuffer, type FrameHandler, frameBuffer, type PeerInfo } from '@busbar/core/contract';
import { RECORD_WORDS_BYTES } from './frame-ring.ts';
import type { MemoryReceiver } from './memory-receiver.ts';
import type { Source } from './source.ts';
import { END, ThreadChannel, type ThreadMessage } from './thread-channel.ts';

/** The reading end of a channel from another thread: blocks of frames, each a private copy. */
export class ThreadSource implements Source {
  readonly peer: PeerInfo;
  listed = false;
  readonly #inbox: MemoryReceiver;
  readonly #channel: ThreadChannel;
  /** Blocks not read to their end; the first is being read, at `#position`. */
  readonly #blocks: FrameBuffer[] = [];
  #position = 0;
  #frames = 0;
  #bytes = 0;
  #open = true;

  constructor(inbox: MemoryReceiver, token: string, peer: PeerInfo) {
    this.peer = peer;
    this.#inbox = inbox;
    this.#channel = new ThreadChannel(token, (message) => this.#take(message));
    inbox.attach(this);
  }

  get pending(): boolean {
    return this.#blocks.length > 0;
  }

  read(handler: FrameHandler, limit: number): number {
    let handed = 0;
    while (handed < limit && this.#blocks.length > 0) {
      const block = this.#blocks[0];
      const length = block.i32[this.#position >> 2];
      handler(block, this.#position + RECORD_WORDS_BYTES, length, this.peer);
      const bytes = RECORD_WORDS_BYTES + align8(length);
      this.#position += bytes;
      this.#bytes += bytes;
      handed++;
      if (this.#position < block.u8.length) continue;
      this.#blocks.shift();
      this.#position = 0;
    }
    this.#frames += handed;
    if (this.#open && handed > 0) this.#channel.post({ frames: this.#frames, bytes: this.#bytes });
    return handed;
  }

  pull(): void {
    while (this.#open) {
      const message = this.#channel.take();
      if (message === undefined) this.#close();
      else this.#take(message);
    }
  }

  inboxClosed(): void {
    if (this.#open) this.#channel.post(END);
    this.#close();
  }

  #take(message: ThreadMessage): void {
    if (message === END) {
      this.#inbox.forget(this);
      this.#close();
    } else if (message instanceof Uint8Array) {
      this.#blocks.push(frameBuffer(message.buffer, message.byteOffset, message.byteLength, true));
      if (!this.listed) this.#inbox.list(this);
    }
  }

  #close(): void {
    this.#open = false;
    this.#channel.close();
  }
}
