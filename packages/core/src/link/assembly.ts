import { allocateFrameBuffer, type FrameBuffer, type FrameHeader } from '../contract/index.ts';
import type { FirstFrame } from './incoming-message.ts';

/** A fragmented message being put together; its bytes are private from the first fragment on. */
export class Assembly implements FirstFrame {
  readonly buffer: FrameBuffer;
  /** Payload bytes of the whole message. */
  readonly total: number;
  received = 0;
  readonly kind: number;
  readonly codec: number;
  readonly topicId: number;
  readonly messageId: number;
  readonly sections: number;
  readonly flags: number;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly expiry: number;
  readonly sampledTime: number;

  /** What the first fragment says, with its `headers` parsed. */
  constructor(first: FrameHeader, topicId: number, headers: Readonly<Record<string, string>> | undefined) {
    this.buffer = allocateFrameBuffer(first.total);
    this.total = first.total;
    this.kind = first.kind;
    this.codec = first.codec;
    this.topicId = topicId;
    this.messageId = first.messageId;
    this.sections = first.sections;
    this.flags = first.flags;
    this.headers = headers;
    this.expiry = first.expiry;
    this.sampledTime = first.sampledTime;
  }
}
