import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { Peer, scratch } from './harness.ts';

/** Less than a ring takes. */
const NO_ROOM_BYTES = 65_536;
const TRANSPORTS = ['shm', 'uds'];

/** The most bytes that a file of process `pid` may have, a memfd like any other: the kernel's own refusal. */
function limitFiles(pid: number, bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
}

/** What process `pid` holds: rings mapped, open memfds, all that is open. */
function holdings(pid: number): { rings: number; memfds: number; descriptors: number } {
  const folder = `/proc/${pid}/fd`;
  const open = readdirSync(folder).map((fd) => target(`${folder}/${fd}`));
  return {
    rings: readFileSync(`/proc/${pid}/maps`, 'latin1').match(/memfd:busbar-/g)?.length ?? 0,
    memfds: open.filter((one) => one.includes('memfd:')).length,
    descriptors: open.length,
  };
}

/** What a descriptor leads to; '' when it was closed since it was listed. */
function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}

test('no room for a ring: the other transport serves, explain says why, nothing leaks, room brings shm back', async () => {
  const directory = scratch();
  const receiver = await Peer.open({ name: 'receiver', directory, transports: TRANSPORTS });
  const sender = await Peer.start();
  await sender.run(
    (peer, given) => peer.open({ ...given, policy: peer.core.rules([{ match: {}, prefer: ['shm'] }]) }),
    {
      name: 'sender',
      directory,
      transports: TRANSPORTS,
    },
  );
  await receiver.run(async ({ bus, kept }) => {
    await bus.subscribe('filled.up', ({ via }) => {
      kept.via = via;
    }).ready;
  });
  /** Publishes; by which transport it came. */
  const publish = async (): Promise<string> => {
    const outcomes = await sender.run(async ({ bus }) => {
      const { deliveries } = await bus.publish('filled.up', 'word');
      return deliveries.map(({ outcome }) => outcome);
    });
    expect(outcomes).toEqual(['delivered']);
    return receiver.run(({ kept }) => kept.via as string);
  };
  const refusal = async (): Promise<string> => {
    const [{ rejected }] = await sender.run(({ bus }) => bus.explain('filled.up', 100));
    return rejected.find(({ transport }) => transport === 'shm')?.reason ?? '';
  };

  limitFiles(receiver.pid, NO_ROOM_BYTES);
  expect(await publish()).toBe('uds');
  // Soon it may be tried again; every message does so, and finds it down for longer.
  let reason = await refusal();
  while (!reason.includes('down')) {
    await publish();
    reason = await refusal();
  }
  expect(reason).toMatch(/RESOURCE_EXHAUSTED: the peer gave no ring: .* no room for \d+ bytes/);
  const publishAWhile = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      expect(await publish()).toBe('uds');
      await pause();
    }
  };
  // Time for whatever else is opened on first use; shm is tried again and again, later each time.
  await publishAWhile();
  const both = () => [receiver, sender].map(({ pid }) => holdings(pid));
  const before = both();
  await publishAWhile();
  await vi.waitFor(() => expect(both()).toEqual(before));

  limitFiles(receiver.pid, 'unlimited');
  while ((await publish()) !== 'shm') await pause();
  expect(await refusal()).not.toContain('shm');
  // One each way: what is owed for messages goes back as they came.
  await vi.waitFor(() => expect(holdings(receiver.pid)).toMatchObject({ rings: before[0].rings + 2, memfds: 0 }));
});

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
