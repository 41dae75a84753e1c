import type { Part } from '../acknowledged/processing.ts';
import { BusError, type PeerInfo } from '../contract/index.ts';
import type { Message, NackOptions } from '../message.ts';

export class ReceivedMessage implements Message {
  readonly topic: string;
  readonly data: unknown;
  readonly from: PeerInfo;
  readonly via: string;
  readonly priority: Message['priority'];
  readonly id: number;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly transitMicros: number | undefined;
  readonly redelivered: boolean;
  /** What its sender is to be told; undefined: nothing. */
  readonly #part: Part | undefined;

  constructor(
    topic: string,
    data: unknown,
    from: PeerInfo,
    via: string,
    priority: Message['priority'],
    id: number,
    headers: Readonly<Record<string, string>> | undefined,
    transitMicros: number | undefined,
    redelivered: boolean,
    part: Part | undefined,
  ) {
    this.topic = topic;
    this.data = data;
    this.from = from;
    this.via = via;
    this.priority = priority;
    this.id = id;
    this.headers = headers;
    this.transitMicros = transitMicros;
    this.redelivered = redelivered;
    this.#part = part;
  }

  ack(): void {
    this.#part?.ack();
  }

  nack(options?: NackOptions): void {
    if (this.#part === undefined) {
      throw new BusError('MISUSE', 'only an acknowledged message can be refused: nobody would send this one again', {
        where: `nack of ${this.topic}`,
        remedy: "publish it with reliability: 'acknowledged'",
      });
    }
    this.#part.nack(options);
  }
}
