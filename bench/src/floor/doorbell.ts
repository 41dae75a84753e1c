import { available, createDoorbell, openBell } from '@busbar/native';
import { pingPong } from '../ping-pong.ts';
import type { Program } from '../program.ts';

interface Introduction {
  readonly pid: number;
  readonly descriptor: number;
}

/** A byte through a pipe that the other event loop watches, to and fro, and nothing else. */
export const program: Program = {
  async serve({ partner }) {
    await available();
    let answer = (): void => {};
    const doorbell = createDoorbell(() => answer());
    partner.onMessage((message) => {
      const { pid, descriptor } = message as Introduction;
      const bell = openBell(pid, descriptor);
      answer = () => bell.ring();
      partner.send({ pid: process.pid, descriptor: doorbell.descriptor } satisfies Introduction);
    });
  },

  async drive({ partner }) {
    await available();
    let answered = (): void => {};
    const doorbell = createDoorbell(() => answered());
    partner.send({ pid: process.pid, descriptor: doorbell.descriptor } satisfies Introduction);
    const { pid, descriptor } = await new Promise<Introduction>((resolve) => {
      partner.onMessage((message) => resolve(message as Introduction));
    });
    const bell = openBell(pid, descriptor);
    return (milliseconds, latencies) =>
      pingPong(milliseconds, latencies, (onAnswer) => {
        answered = onAnswer;
        return () => bell.ring();
      });
  },
};
