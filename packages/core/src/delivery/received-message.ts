import type { Part } from '../acknowledged/processing.ts';
import { BusError, type PeerInfo } from '../contract/index.ts';
import type { Message, NackOptions } from '../message.ts';

/** A message as most are: nobody waits for a word about it. */
export class ReceivedMessage implements Message {
  readonly topic: string;
  readonly data: unknown;
  readonly from: PeerInfo;
  readonly via: string;
  readonly priority: Message['priority'];
  readonly id: number;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly transitMicros: number | undefined;

  constructor(
    topic: string,
    data: unknown,
    from: PeerInfo,
    via: string,
    priority: Message['priority'],
    id: number,
    headers: Readonly<Record<string, string>> | undefined,
    transitMicros: number | undefined,
  ) {
    this.topic = topic;
    this.data = data;
    this.from = from;
    this.via = via;
    this.priority = priority;
    this.id = id;
    this.headers = headers;
    this.transitMicros = transitMicros;
  }

  get redelivered(): boolean {
    return false;
  }

  ack(): void {}

  nack(_options?: NackOptions): void {
    throw new BusError('MISUSE', 'only an acknowledged message can be refused: nobody would send this one again', {
      where: `nack of ${this.topic}`,
      remedy: "publish it with reliability: 'acknowledged'",
    });
  }
}

/** A message whose sender waits to hear that it is processed. */
export class AcknowledgedMessage extends ReceivedMessage {
  readonly #redelivered: boolean;
  readonly #part: Part;

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
    part: Part,
  ) {
    super(topic, data, from, via, priority, id, headers, transitMicros);
    this.#redelivered = redelivered;
    this.#part = part;
  }

  override get redelivered(): boolean {
    return this.#redelivered;
  }

  override ack(): void {
    this.#part.ack();
  }

  override nack(options?: NackOptions): void {
    this.#part.nack(options);
  }
}
