import { createBus, type Lease, type Publisher } from '@busbar/core';
import { shm } from '@busbar/transport-shm';
import { pingPong } from '../ping-pong.ts';
import type { Program } from '../program.ts';

/** One message of any size must not fill the window. */
const LIMITS = { topicCredit: 16_777_216 };
/** Bytes written and read of each loan, unless all are. */
const TOUCHED = 64;

/** A loan of `size` bytes to and fro: written, sent, read under a lease, released; one way is half of it. */
export function loanPingPong(filled: boolean): Program {
  const touch = (view: Uint8Array): Uint8Array => (filled ? view : view.subarray(0, TOUCHED));

  async function send(publisher: Publisher, size: number): Promise<void> {
    const loan = await publisher.loan(size);
    touch(loan.view).fill(7);
    const result = loan.send();
    if (result !== 0) throw new Error(`one loan at a time, and it is refused: ${result}`);
  }

  function read(lease: Lease): void {
    const bytes = touch(lease.view);
    // Every 64th byte, that is every cache line.
    for (let i = 0; i < bytes.length; i += 64) if (bytes[i] !== 7) throw new Error('it is not what was sent');
    lease.release();
  }

  return {
    async serve({ directory, size }) {
      const bus = await createBus({ name: 'serve', plugins: [shm()], directory, limits: LIMITS });
      const pong = bus.publisher('bench.pong');
      bus.subscribe<Lease>(
        'bench.ping',
        ({ data }) => {
          read(data);
          void send(pong, size);
        },
        { lease: true },
      );
    },

    async drive({ directory, size }) {
      const bus = await createBus({ name: 'drive', plugins: [shm()], directory, limits: LIMITS });
      const ping = bus.publisher('bench.ping');
      let answered = (): void => {};
      const pongs = bus.subscribe<Lease>(
        'bench.pong',
        ({ data }) => {
          read(data);
          answered();
        },
        { lease: true },
      );
      await pongs.ready;
      return (milliseconds, latencies) =>
        pingPong(milliseconds, latencies, (onAnswer) => {
          answered = onAnswer;
          return () => void send(ping, size);
        });
    },
  };
}
