import { expect } from 'vitest';
import type { ServerAnswer } from '../../src/calls/many-answers.ts';
import type { RequestContext } from '../../src/calls/running.ts';
import type { BusError } from '../../src/contract/index.ts';
import type { Fabric } from './fabric.ts';
import { flow } from './flow.ts';
import type { Participant } from './pair.ts';

/** Serves `work`: requests wait until `answer` is called. */
export class Desk {
  readonly asked: RequestContext[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #answers: ((value: unknown) => void)[] = [];
  readonly #medium: Fabric;

  constructor(medium: Fabric, { bus }: Participant) {
    this.#medium = medium;
    bus.serve('work', (_, context) => {
      this.asked.push(context);
      this.signals.push(context.signal);
      return new Promise((resolve) => this.#answers.push(resolve));
    });
  }

  /** Its oldest request is answered, and the answer arrives. */
  async answer(value: unknown): Promise<void> {
    this.#answers.shift()?.(value);
    await flow(this.#medium);
  }

  get aborted(): boolean[] {
    return this.signals.map(({ aborted }) => aborted);
  }
}

/** What an iteration has given so far, and how it ended. */
export interface Read {
  /** `b: value`, or `b: CODE`. */
  readonly items: string[];
  end: string | undefined;
}

export function read(answers: AsyncIterable<ServerAnswer>): Read {
  const result: Read = { items: [], end: undefined };
  const all = async (): Promise<void> => {
    for await (const { from, value, error } of answers)
      result.items.push(`${from.name}: ${error === undefined ? String(value) : error.code}`);
  };
  all().then(
    () => {
      result.end = 'done';
    },
    ({ code }: BusError) => {
      result.end = code;
    },
  );
  return result;
}

/** Nothing of a request for `work` is left at `asker`. */
export function nothingPending({ engine }: Participant): void {
  const { hash } = engine.interest.entry('work');
  const links = [...engine.membership.members].map(({ link }) => link.outbound.topic('work', hash));
  const accounts = [...links, engine.local.topic(engine.interest.entry('work'))];
  expect([engine.requests.pending, ...accounts.map(({ outstanding }) => outstanding)]).toEqual([
    0,
    ...accounts.map(() => 0),
  ]);
}
