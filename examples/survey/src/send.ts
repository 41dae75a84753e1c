import { BACK_PRESSURED, CLOSED, type Publisher } from '@busbar/core';

/**
 * Sends `value`, waiting for room as long as a subscriber is behind. Returns undefined when it went out at once, so
 * that a handler which returns this stays synchronous in the usual case.
 */
export function send<T>(publisher: Publisher<T>, value: T): Promise<void> | undefined {
  return publisher.send(value) === BACK_PRESSURED ? sendLater(publisher, value) : undefined;
}

async function sendLater<T>(publisher: Publisher<T>, value: T): Promise<void> {
  let result: number = BACK_PRESSURED;
  while (result === BACK_PRESSURED) {
    // `writable` rejects when the bus closes meanwhile: the survey is over and nobody wants the value.
    result = await publisher.writable().then(
      () => publisher.send(value),
      () => CLOSED,
    );
  }
}
