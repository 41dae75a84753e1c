import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStand, newParticipant, numberedFrame, type Stand, sendFrame } from '@busbar/conformance/control';
import { HEADER_BYTES, OK, type PeerInfo, type PeerTransport, type Receiver, type Sender } from '@busbar/core/contract';
import { onTestFinished } from 'vitest';
import { shm } from '../src/index.ts';

export interface End extends Stand {
  readonly self: PeerInfo;
  readonly transport: PeerTransport;
  readonly directory: string;
}

/** Sees each control message, may change it, and says whether it goes on. */
export type Pass = (from: string, message: Record<string, unknown>) => boolean;

/** Two participants of this process, linked. */
export async function openEnds(pass: Pass = () => true): Promise<[End, End]> {
  const directory = mkdtempSync(join(tmpdir(), 'shm-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const [one, two] = [newParticipant('one'), newParticipant('two')];
  const stands = new Map<string, Stand>();
  const end = async (self: PeerInfo): Promise<End> => {
    const stand = createStand({
      self,
      directory,
      post(to, message) {
        const copy = JSON.parse(Buffer.from(message).toString());
        if (pass(self.name, copy))
          setImmediate(() => stands.get(to)?.control.deliver(self.id, Buffer.from(JSON.stringify(copy))));
      },
    });
    stands.set(self.id, stand);
    const transport = (await shm().create(stand.context)) as PeerTransport;
    onTestFinished(() => transport.close());
    return { ...stand, self, transport, directory };
  };
  const ends: [End, End] = [await end(one), await end(two)];
  ends[0].control.link(two);
  ends[1].control.link(one);
  return ends;
}

export interface Pair {
  readonly one: End;
  readonly two: End;
  /** From one into two. */
  readonly sender: Sender;
  readonly receiver: Receiver;
}

export async function openPair(pass?: Pass): Promise<Pair> {
  const [one, two] = await openEnds(pass);
  const receiver = await two.transport.listen();
  const sender = await one.transport.connect(receiver.address, two.self);
  return { one, two, sender, receiver };
}

/** A numbered frame as it arrives: without padding. */
export function frameOf(sequence: number, bytes: number): Uint8Array {
  return numberedFrame(sequence, bytes).subarray(0, HEADER_BYTES + bytes);
}

/** Claims, writes, commits and flushes; the result of the claim. */
export function send(sender: Sender, frame: Uint8Array): number {
  const result = sendFrame(sender, frame);
  sender.flush();
  return result;
}

/** Commits as many frames of `bytes` as there is room for; how many. */
export function fill(sender: Sender, bytes: number): number {
  let count = 0;
  while (send(sender, frameOf(count, bytes)) === OK) count++;
  return count;
}

/** Resolves when the doorbell has rung for `receiver`. */
export function readable(receiver: Receiver): Promise<void> {
  return new Promise((resolve) => receiver.onReadable(resolve));
}

/** Rings mapped into this process. */
export function mappedRings(): number {
  return readFileSync('/proc/self/maps', 'latin1').match(/memfd:busbar-/g)?.length ?? 0;
}

export function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

export function closed(sender: Sender): Promise<unknown> {
  return new Promise((resolve) => sender.onClose(resolve));
}
