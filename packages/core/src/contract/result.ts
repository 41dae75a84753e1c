/**
 * Outcomes of hot-path calls. Expected outcomes are numbers, so that a full queue costs no exception;
 * misuse and broken media throw `BusError`.
 *
 * | code            | meaning                                   | what to do                                         |
 * | --------------- | ----------------------------------------- | -------------------------------------------------- |
 * | OK              | accepted                                  | go on                                              |
 * | NOT_CONNECTED   | no receiver is attached yet               | wait for it (`onWritable`), or take another route  |
 * | BACK_PRESSURED  | no room now; nothing was written          | wait for `onWritable`, or drop by policy           |
 * | CLOSED          | this sender or bus is closed for good     | stop                                               |
 * | TOO_LARGE       | the frame can never fit                   | fragment, or take another route                    |
 */
export const OK = 0;
export const NOT_CONNECTED = -1;
export const BACK_PRESSURED = -2;
export const CLOSED = -3;
export const TOO_LARGE = -4;

export type SendResult = typeof OK | typeof NOT_CONNECTED | typeof BACK_PRESSURED | typeof CLOSED | typeof TOO_LARGE;

const NAMES = ['OK', 'NOT_CONNECTED', 'BACK_PRESSURED', 'CLOSED', 'TOO_LARGE'];

/** The name of a result code, for logs and error texts. */
export function resultName(code: number): string {
  return NAMES[-code] ?? `unknown result ${code}`;
}
