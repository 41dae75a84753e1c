import { align8, type Clock, FLAG, FrameHeader, HEADER_BYTES, SECTION, WHOLE } from '../contract/index.ts';
import type { OutMessage } from './out-message.ts';

/** Reused for every header written by this thread: from claim to commit nothing else runs. */
export const header = new FrameHeader();

/** Flags and sections of `message` in one frame; returns the bytes of its header. */
export function describeWhole(message: OutMessage, isNamed: boolean, isSampled: boolean): number {
  header.flags = WHOLE;
  header.sections = 0;
  describeTerms(message);
  let head: number = HEADER_BYTES;
  if (isNamed) head += describeName(message);
  if (message.headers !== undefined) head += describeHeaders(message.headers);
  if (message.expiry !== 0) {
    header.flags |= FLAG.EXPIRY;
    head += 8;
  }
  if (isSampled) {
    header.flags |= FLAG.SAMPLED_TIME;
    head += 8;
  }
  return head;
}

/** Of its next fragment, which is not yet said to be the last; returns the bytes of its header. */
export function describePiece(message: OutMessage, isFirst: boolean): number {
  header.flags = 0;
  header.sections = 0;
  header.total = message.size;
  header.fragmentOffset = message.written;
  describeTerms(message);
  let head = HEADER_BYTES + 8;
  if (!isFirst) return head;
  // A clock is nothing beside a message of this size.
  header.flags |= FLAG.FIRST | FLAG.SAMPLED_TIME;
  head += 8 + describeName(message);
  if (message.expiry !== 0) {
    header.flags |= FLAG.EXPIRY;
    head += 8;
  }
  return message.headers === undefined ? head : head + describeHeaders(message.headers);
}

/** What adds no bytes to the header: best-effort, acknowledged, sent before. */
function describeTerms(message: OutMessage): void {
  if (!message.reliable) header.sections |= SECTION.BEST_EFFORT;
  if (message.acknowledged) {
    header.sections |= SECTION.ACKNOWLEDGED;
    if (message.redelivered) header.flags |= FLAG.REDELIVERED;
  }
}

function describeName({ topic }: OutMessage): number {
  header.sections |= SECTION.TOPIC_NAME;
  return align8(1 + topic.label.length);
}

function describeHeaders(headers: Uint8Array): number {
  header.sections |= SECTION.HEADERS;
  return align8(2 + headers.length);
}

/** The rest of what `describeWhole` or `describePiece` has begun; the message has its sequence. */
export function complete(message: OutMessage, clock: Clock): void {
  header.kind = message.kind;
  header.priority = message.priority;
  header.codec = message.codec;
  header.topicId = message.topic.id;
  header.flow = message.flow;
  header.sequence = message.sequence;
  header.messageId = message.id;
  header.expiry = message.expiry;
  if ((header.flags & FLAG.SAMPLED_TIME) !== 0) header.sampledTime = clock.now() * 1000;
  if ((header.sections & SECTION.TOPIC_NAME) !== 0) header.topicName = message.topic.label;
  header.headersLength = message.headers === undefined ? 0 : message.headers.length;
}

/** A control frame of `length` bytes; it bears its send time unless that is 0. */
export function describeControl(kind: number, messageId: number, length: number, sampledTime: number): void {
  header.kind = kind;
  header.priority = 0;
  header.codec = 0;
  header.flags = sampledTime === 0 ? WHOLE : WHOLE | FLAG.SAMPLED_TIME;
  header.sections = 0;
  header.topicId = 0;
  header.flow = 0;
  header.sequence = 0;
  header.messageId = messageId;
  header.length = length;
  header.sampledTime = sampledTime;
}
