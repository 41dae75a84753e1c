import { allocateFrameBuffer, type FrameBuffer } from '../contract/index.ts';

/** A fragmented message being put together; its bytes are private from the first fragment on. */
export class Assembly {
  readonly buffer: FrameBuffer;
  /** Payload bytes of the whole message. */
  readonly total: number;
  received = 0;
  readonly kind: number;
  readonly codec: number;
  readonly topicId: number;
  readonly messageId: number;
  readonly sections: number;
  readonly redelivered: boolean;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly expiry: number;
  readonly sampledTime: number;

  constructor(
    total: number,
    kind: number,
    codec: number,
    topicId: number,
    messageId: number,
    sections: number,
    redelivered: boolean,
    headers: Readonly<Record<string, string>> | undefined,
    expiry: number,
    sampledTime: number,
  ) {
    this.buffer = allocateFrameBuffer(total);
    this.total = total;
    this.kind = kind;
    this.codec = codec;
    this.topicId = topicId;
    this.messageId = messageId;
    this.sections = sections;
    this.redelivered = redelivered;
    this.headers = headers;
    this.expiry = expiry;
    this.sampledTime = sampledTime;
  }
}
