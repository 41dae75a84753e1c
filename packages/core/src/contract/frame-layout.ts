/**
 * Frame, version 1: the bytes of one message, or of a fragment, on any transport. Little-endian, 8-byte aligned.
 * This file is the only place that spells an offset; `frame-layout.test.ts` parses the diagram and compares.
 *
 * ```
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +---------------------------------------------------------------+
 *  |                 frame length (header included)                |  0
 *  +---------------+---------------+-------+-------+---------------+
 *  |    version    |     kind      | prio  | codec |     flags     |  4
 *  +---------------+---------------+-------+-------+---------------+
 *  |                           topic id                            |  8
 *  +---------------+---------------+-------------------------------+
 *  |     flow      |   sections    |         header length         | 12
 *  +---------------+---------------+-------------------------------+
 *  |                    flow sequence (64 bit)                     | 16
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |               message id / correlation (64 bit)               | 24
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |  sections, each padded to 8 bytes, then the payload           | 32
 * ```
 *
 * Sections follow in this order, each present when its bit says so:
 *
 * | section      | present when                 | bytes                                              |
 * | ------------ | ---------------------------- | -------------------------------------------------- |
 * | fragment     | not (FIRST and LAST)         | u32 total payload bytes, u32 offset of this piece  |
 * | expiry       | flag EXPIRY                  | u64 microseconds (monotonic live, wall when stored)|
 * | checksum     | flag CHECKSUM                | u32 CRC-32 of the frame with this word 0, u32 0    |
 * | sampled time | flag SAMPLED_TIME            | u64 microseconds, monotonic, at the sender         |
 * | origin       | flag ORIGIN                  | u64 instance id, u8 length, participant name       |
 * | topic name   | section bit TOPIC_NAME       | u8 length, name                                    |
 * | headers      | section bit HEADERS          | u16 length, JSON object of strings, UTF-8          |
 *
 * Rules (each has a conformance test):
 *  F1  The frame length counts the header, excludes the pad (0 bytes), and is checked before anything is allocated;
 *      the next frame begins at align8(length).
 *  F2  Unknown version: error, the frame is skipped, the link kept.
 *  F3  Reserved bits are written 0 and ignored.
 *  F4  Only the bus fragments; a message has one flow sequence, each fragment carries total and offset.
 *  F5  Stream media carry frames back to back and survive any split; record media carry exactly one a record.
 *  F6  A length over the limit or under 32: PROTOCOL_ERROR, counted, link cut, process alive.
 *  F7  Payloads are 8-aligned: the header length is a multiple of 8.
 *  F8  No wall clock and no UUID on the fast path.
 *  F9  Unknown kind below 128: answered with error UNSUPPORTED_KIND; from 128 on: skipped; both counted.
 *  F10 Checksum: computed by the sender from its own copy, verified on the receiver's private copy.
 *  F11 Expiry is monotonic while live, wall clock plus boot id when stored.
 */

export const FRAME_VERSION = 1;

/** Bytes of the fixed header; also the least legal frame length. */
export const HEADER_BYTES = 32;
/** A header with all its sections stays below this: the header length field has 16 bits. */
export const MAX_HEADER_BYTES = 65_528;

export const FRAME_LENGTH_OFFSET = 0;
export const VERSION_OFFSET = 4;
export const KIND_OFFSET = 5;
/** Low 4 bits priority, high 4 bits codec id. */
export const PRIO_CODEC_OFFSET = 6;
export const FLAGS_OFFSET = 7;
export const TOPIC_ID_OFFSET = 8;
export const FLOW_OFFSET = 12;
export const SECTIONS_OFFSET = 13;
export const HEADER_LENGTH_OFFSET = 14;
export const SEQUENCE_OFFSET = 16;
export const MESSAGE_ID_OFFSET = 24;

/** Frame kinds. 1 to 127 must be understood or answered (F9); from 128 on a receiver may skip them. */
export const KIND = {
  HELLO: 1,
  SUBSCRIBE: 2,
  UNSUBSCRIBE: 3,
  EVENT: 4,
  REQUEST: 5,
  REPLY: 6,
  ERROR: 7,
  CHUNK: 8,
  END: 9,
  CANCEL: 10,
  PROGRESS: 11,
  CREDIT: 12,
  CONFIRM: 13,
  NACK: 14,
  RECEIPT: 15,
  SKIP: 16,
  ATTACH: 17,
  PING: 18,
  BYE: 19,
  OFFER: 20,
  MEASURED: 128,
} as const;
export type FrameKind = (typeof KIND)[keyof typeof KIND];

/** First unknown kind that a receiver skips instead of answering (F9). */
export const SKIPPABLE_KIND = 128;

export const FLAG = {
  FIRST: 1,
  LAST: 2,
  BY_REF: 4,
  ORIGIN: 8,
  EXPIRY: 16,
  CHECKSUM: 32,
  REDELIVERED: 64,
  SAMPLED_TIME: 128,
} as const;

/** A message in one frame. */
export const WHOLE = FLAG.FIRST | FLAG.LAST;

export const SECTION = {
  TOPIC_NAME: 1,
  HEADERS: 2,
  /** Adds no bytes: the message is best-effort, so a receiver need not wait for it and the link's account skips it. */
  BEST_EFFORT: 4,
  /** Adds no bytes: the sender wants to hear when a handler has processed the message (kinds RECEIPT and NACK). */
  ACKNOWLEDGED: 8,
  /** Adds no bytes: of a best-effort message: all that its flow carried before and is not confirmed is best-effort, too. */
  PASSABLE: 16,
} as const;

/** Section bits that a reader knows; others are reserved (F3). */
export const SECTION_BITS: number =
  SECTION.TOPIC_NAME | SECTION.HEADERS | SECTION.BEST_EFFORT | SECTION.ACKNOWLEDGED | SECTION.PASSABLE;

/** Section bits that add bytes to the header. */
export const SECTION_BYTES: number = SECTION.TOPIC_NAME | SECTION.HEADERS;

/** Flows of one link and priority; the flow byte is below this. */
export const FLOWS_PER_PRIORITY = 64;
/** Flows of one link: index = priority * FLOWS_PER_PRIORITY + flow. */
export const FLOWS_PER_LINK = 5 * FLOWS_PER_PRIORITY;

/** Rounds up to the 8-byte grid on which frames begin. */
export function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}
