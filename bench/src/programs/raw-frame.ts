import {
  allocateFrameBuffer,
  copyAligned,
  type FrameBuffer,
  FrameHeader,
  HEADER_BYTES,
  KIND,
  OK,
  type Sender,
  writeFrameHeader,
} from '@busbar/core/contract';

const header = new FrameHeader();

/** Writes event frames of one size: a full header, the sequence as message id, the payload copied in. */
export class RawFrameWriter {
  readonly #sender: Sender;
  readonly #length: number;
  readonly #payload: FrameBuffer;
  readonly #size: number;

  constructor(sender: Sender, size: number) {
    this.#sender = sender;
    this.#length = HEADER_BYTES + size;
    this.#size = size;
    this.#payload = allocateFrameBuffer(Math.max(size, 8));
    this.#payload.u8.fill(7);
  }

  /** The result code of the claim; the frame is committed when it is OK. */
  write(messageId: number): number {
    const sender = this.#sender;
    const result = sender.tryClaim(this.#length);
    if (result !== OK) return result;
    const { frame, offset } = sender;
    header.length = this.#length;
    header.kind = KIND.EVENT;
    header.messageId = messageId;
    copyAligned(this.#payload, 0, frame, writeFrameHeader(frame, offset, header), this.#size);
    sender.commit();
    return OK;
  }
}

/** The message id of a frame that a `RawFrameWriter` wrote. */
export function messageIdAt(frame: FrameBuffer, offset: number): number {
  const word = (offset + 24) >> 2;
  return (frame.i32[word] >>> 0) + (frame.i32[word + 1] >>> 0) * 4_294_967_296;
}
