import { FLOWS_PER_LINK, type FrameBuffer, type FrameHeader, KIND, SKIPPABLE_KIND } from '../contract/index.ts';
import type { Answers } from './answers.ts';
import type { LinkHost } from './host.ts';
import type { InTopics } from './in-topics.ts';
import type { Link } from './link.ts';
import { decodeMeasured } from './measured.ts';
import { CREDIT_QUESTION, readPairs, STREAM_CREDIT } from './pairs.ts';

/** Frames from one peer that carry no message: confirmation, credit, questions and their answers. */
export class ControlFrames {
  readonly #link: Link;
  readonly #host: LinkHost;
  readonly #answers: Answers;
  readonly #topics: InTopics;
  /** The stream that the pairs of a credit frame speak of. */
  #stream = 0;

  constructor(link: Link, host: LinkHost, answers: Answers, topics: InTopics) {
    this.#link = link;
    this.#host = host;
    this.#answers = answers;
    this.#topics = topics;
  }

  /** The payload of the frame is `[start, end)`. */
  take(header: FrameHeader, buffer: FrameBuffer, start: number, end: number, via: string): void {
    switch (header.kind) {
      case KIND.CONFIRM:
        readPairs(buffer, start, end, this.#onConfirm);
        this.#link.confirmed();
        return;
      case KIND.CREDIT:
        if (header.messageId === CREDIT_QUESTION) {
          readPairs(buffer, start, end, this.#onCreditQuestion);
          return;
        }
        if (header.messageId === STREAM_CREDIT) {
          readPairs(buffer, start, end, this.#onStreamCredit);
          return;
        }
        readPairs(buffer, start, end, this.#onCredit);
        this.#link.outbound.releaseWaiting();
        return;
      case KIND.CANCEL:
        this.#host.cancelled(this.#link, header.messageId);
        return;
      case KIND.PING:
        if (header.messageId !== 0) this.#link.answer(KIND.RECEIPT, header.messageId, NO_PAYLOAD);
        return;
      case KIND.RECEIPT:
        this.#link.pings.answered(header.messageId);
        return;
      case KIND.ERROR:
        this.#host.logger.warn(`${this.#link.peer.name} refused a frame`, {
          answer: Buffer.from(buffer.u8.slice(start, end)).toString(),
        });
        return;
      case KIND.MEASURED:
        this.#link.measured(decodeMeasured(buffer.u8.subarray(start, end)));
        return;
      case KIND.NACK:
      case KIND.BYE:
        return;
      default:
        this.#host.counters.protocolErrors++;
        if (header.kind < SKIPPABLE_KIND) {
          this.#link.answer(KIND.ERROR, header.messageId, unsupportedKind(header.kind, via));
        }
    }
  }

  readonly #onConfirm = (flow: number, sequence: number): void => {
    if (flow < FLOWS_PER_LINK) this.#link.outbound.flows.confirm(flow, sequence);
  };

  readonly #onCreditQuestion = (topicId: number, heard: number): void => {
    if (topicId === 0) this.#answers.linkAsked(heard);
    else this.#topics.asked(topicId, heard);
  };

  readonly #onStreamCredit = (key: number, value: number): void => {
    if (key === 0) this.#stream = value;
    else this.#host.streamCredited(this.#link, this.#stream, value);
  };

  readonly #onCredit = (topicId: number, taken: number): void => {
    this.#link.outbound.credit(topicId, taken);
  };
}

const NO_PAYLOAD = new Uint8Array(0);

function unsupportedKind(kind: number, via: string): Uint8Array {
  const error = { code: 'UNSUPPORTED_KIND', message: `kind ${kind} is unknown here`, via };
  return Buffer.from(JSON.stringify(error));
}
