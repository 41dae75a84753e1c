import { available, createSharedMemory, openSharedMemory } from '@busbar/native';
import { pingPong } from '../ping-pong.ts';
import type { Program } from '../program.ts';

/** Words on lines of their own. */
const PING = 0;
const PONG = 64;
const BYTES = 4096;
const IDLE_TURNS = 50;

interface Introduction {
  readonly pid: number;
  readonly descriptor: number;
}

/** A shared word to and fro: `looks` at it in each turn of the event loop. */
export function sharedWords(looks: number): Program {
  return {
    async serve({ partner }) {
      await available();
      const { buffer, descriptor } = createSharedMemory('floor', BYTES);
      const words = new Int32Array(buffer);
      let seen = 0;
      let idle = 0;
      const turn = (): void => {
        const before = seen;
        for (let i = 0; i < looks; i++) {
          const ping = Atomics.load(words, PING);
          if (ping === seen) continue;
          seen = ping;
          Atomics.store(words, PONG, ping);
        }
        idle = seen === before ? idle + 1 : 0;
        // The other program has the cores to itself when this one is not measured.
        if (idle * looks < IDLE_TURNS * 10_000) setImmediate(turn);
        else setTimeout(turn, 1);
      };
      turn();
      partner.send({ pid: process.pid, descriptor } satisfies Introduction);
    },

    async drive({ partner }) {
      await available();
      const { pid, descriptor } = await new Promise<Introduction>((resolve) => {
        partner.onMessage((message) => resolve(message as Introduction));
      });
      const words = new Int32Array(openSharedMemory(pid, descriptor, BYTES).buffer);
      let sent = 0;
      return (milliseconds, latencies) => {
        let running = true;
        let answered = (): void => {};
        const turn = (): void => {
          for (let i = 0; i < looks; i++) if (Atomics.load(words, PONG) === sent) answered();
          if (running) setImmediate(turn);
        };
        const count = pingPong(milliseconds, latencies, (onAnswer) => {
          answered = onAnswer;
          return () => void Atomics.store(words, PING, ++sent);
        });
        setImmediate(turn);
        return count.finally(() => {
          running = false;
          answered = () => {};
        });
      };
    },
  };
}
