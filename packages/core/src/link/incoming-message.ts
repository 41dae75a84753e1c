import {
  allocateFrameBuffer,
  FLAG,
  type FrameBuffer,
  type FrameHeader,
  type Lease,
  SECTION,
} from '../contract/index.ts';
import type { InTopic } from './in-topic.ts';

/** What the first frame of a message says of it, or the only one. */
export type FirstFrame = Pick<
  FrameHeader,
  'kind' | 'codec' | 'messageId' | 'sections' | 'flags' | 'expiry' | 'sampledTime'
>;

/** A received message on its way to subscriptions, calls or pending requests. Reused: valid during the call. */
export class IncomingMessage {
  kind = 0;
  priority = 0;
  codec = 0;
  flowIndex = 0;
  messageId = 0;
  reliable = true;
  /** Its sender wants to hear when it is processed. */
  acknowledged = false;
  /** It was sent before, maybe to another receiver. */
  redelivered = false;
  via = '';
  /** When nobody may take it any more; see `Expiry`. */
  expiry = 0;
  /** Microseconds of the sender's clock; 0 when not sampled. */
  sampledTime = 0;
  topic!: InTopic;
  headers: Readonly<Record<string, string>> | undefined;
  /** The payload is `[start, end)` of private memory; `start` is a multiple of 8. */
  buffer!: FrameBuffer;
  start = 0;
  end = 0;
  /** The payload came by reference and is here; whoever takes the message calls `copyOut`, or keeps the lease. */
  lease: Lease | undefined;
  /** Credit to return when it is taken. */
  cost = 0;

  describe({ kind, codec, messageId, sections, flags, expiry, sampledTime }: FirstFrame): void {
    this.kind = kind;
    this.codec = codec;
    this.messageId = messageId;
    this.reliable = (sections & SECTION.BEST_EFFORT) === 0;
    this.acknowledged = (sections & SECTION.ACKNOWLEDGED) !== 0;
    this.redelivered = (flags & FLAG.REDELIVERED) !== 0;
    this.expiry = expiry;
    this.sampledTime = (flags & FLAG.SAMPLED_TIME) !== 0 ? sampledTime : 0;
  }

  /** Bytes of the payload. */
  get size(): number {
    return this.lease === undefined ? this.end - this.start : this.lease.view.length;
  }

  /** Copies what came by reference into private memory, and lets go of it. */
  copyOut(): void {
    const { lease } = this;
    if (lease === undefined) return;
    this.buffer = allocateFrameBuffer(lease.view.length);
    this.buffer.u8.set(lease.view);
    this.start = 0;
    this.end = lease.view.length;
    lease.release();
    this.lease = undefined;
  }
}

/** What is looked at of an answer to a request, whether it came over a link or from the own bus. */
export type Answer = Pick<IncomingMessage, 'kind' | 'messageId' | 'codec' | 'buffer' | 'start' | 'end'>;
