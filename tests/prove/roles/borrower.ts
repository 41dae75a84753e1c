import { type Bus, createBus, type Lease } from '@busbar/core';
import { shm } from '@busbar/transport-shm';
import { SILENT } from '../silent.ts';

/** Leases that it keeps until it is told, or is killed. */
const KEPT = 3;

let bus: Bus | undefined;
const kept: { readonly lease: Lease; readonly byte: number }[] = [];
let heard = 0;
let wrong = 0;

/** Every byte of a loan is the same; a loan whose memory was used again too early is of two kinds. */
function isWhole(view: Uint8Array, byte: number): boolean {
  return view.every((one) => one === byte);
}

function take(lease: Lease): void {
  heard++;
  const [byte] = lease.view;
  if (!isWhole(lease.view, byte)) wrong++;
  if (kept.length < KEPT) kept.push({ lease, byte });
  else lease.release();
}

/** Reads what it is lent where it is, and is slow to give some of it back. */
export const actions = {
  async open(directory: string, name: string, topic: string): Promise<void> {
    bus = await createBus({ logger: SILENT, name, directory, plugins: [shm()] });
    await bus.subscribe<Lease>(topic, ({ data }) => take(data), { lease: true }).ready;
  },

  /** Leases not released. */
  holding: (): number => kept.length,

  /** Looks at what it has kept, and releases it. How many were not what they had been, of all it was ever lent. */
  settle(): { heard: number; wrong: number } {
    for (const { lease, byte } of kept.splice(0)) {
      if (!isWhole(lease.view, byte)) wrong++;
      lease.release();
    }
    return { heard, wrong };
  },
};
