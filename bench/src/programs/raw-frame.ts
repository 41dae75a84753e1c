import {
  allocateFrameBuffer,
  copyAligned,
  type FrameBuffer,
  FrameHeader,
  HEADER_BYTES,
  KIND,
  OK,
  type Sender,
  type TransportCapabilities,
  writeFrameHeader,
} from '@busbar/core/contract';

const header = new FrameHeader();

/** Writes payloads of one size as event frames: a header, the sequence as message id, the payload copied in. */
export class RawFrameWriter {
  /** Frames that one payload takes: more than one where no frame holds it, and it goes in pieces as the bus cuts it. */
  readonly pieces: number;
  readonly #sender: Sender;
  readonly #payload: FrameBuffer;
  readonly #size: number;
  readonly #pieceBytes: number;
  /** Where in the payload the next frame begins. */
  #start = 0;

  constructor(sender: Sender, size: number, { maxFrameLength, preferredFragment }: TransportCapabilities) {
    this.#sender = sender;
    this.#size = size;
    this.#payload = allocateFrameBuffer(Math.max(size, 8));
    this.#payload.u8.fill(7);
    this.#pieceBytes = HEADER_BYTES + size <= maxFrameLength ? size : preferredFragment;
    this.pieces = size === 0 ? 1 : Math.ceil(size / this.#pieceBytes);
  }

  /** Writes the next piece. The result code of the claim; the frame is committed when it is OK. */
  write(messageId: number): number {
    const sender = this.#sender;
    const start = this.#start;
    const bytes = Math.min(this.#size - start, this.#pieceBytes);
    const result = sender.tryClaim(HEADER_BYTES + bytes);
    if (result !== OK) return result;
    const { frame, offset } = sender;
    header.length = HEADER_BYTES + bytes;
    header.kind = KIND.EVENT;
    header.messageId = messageId;
    copyAligned(this.#payload, start, frame, writeFrameHeader(frame, offset, header), bytes);
    sender.commit();
    this.#start = start + bytes < this.#size ? start + bytes : 0;
    return OK;
  }
}

/** The message id of a frame that a `RawFrameWriter` wrote. */
export function messageIdAt(frame: FrameBuffer, offset: number): number {
  const word = (offset + 24) >> 2;
  return (frame.i32[word] >>> 0) + (frame.i32[word + 1] >>> 0) * 4_294_967_296;
}
