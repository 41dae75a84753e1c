import type { Bus, Message, SubscribeOptions, Subscription, TopicContract } from '@busbar/core';

// biome-ignore lint/suspicious/noExplicitAny: a test that states no type checks the value itself
export type Whatever = any;

export declare class Recorder<T = Whatever> {
  messages: Message<T>[];
  readonly subscription: Subscription<T>;
  readonly data: T[];
  take(message: Message<T>): void;
  reach(count: number): Promise<Message<T>[]>;
}

export declare function record<T = Whatever>(
  bus: Bus,
  topic: string | TopicContract<unknown, T>,
  options?: SubscribeOptions,
): Recorder<T>;
