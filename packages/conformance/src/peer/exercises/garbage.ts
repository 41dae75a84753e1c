import { crc32 } from 'node:zlib';
import { BACK_PRESSURED, DONE, NOT_CONNECTED, OK, resultName } from '@busbar/core/contract';
import { garbageCase } from '../garbage-cases.ts';
import type { Host } from '../host.ts';

/** Length and CRC-32 of a frame, in one comparable string. */
export function digest(bytes: Uint8Array): string {
  return `${bytes.length}:${crc32(bytes)}`;
}

/** Commits the cases from `start` on, as they are, and flushes; ends early where the sender closes. */
export async function sendGarbage(
  host: Host,
  agent: string,
  to: string,
  seed: number,
  start: number,
  count: number,
): Promise<void> {
  const { sender } = host.get(agent).outlet(to);
  for (let index = start; index < start + count; ) {
    const bytes = garbageCase(seed, index);
    const result = sender.tryClaim(bytes.length);
    if (result === OK) {
      sender.frame.u8.set(bytes, sender.offset);
      sender.commit();
      index++;
    } else if (result === BACK_PRESSURED || result === NOT_CONNECTED) {
      sender.flush();
      await new Promise((resolve) => setImmediate(resolve));
    } else return;
  }
  sender.flush();
}

/** Commits `bytes` as one frame and flushes. */
export function sendBytes(host: Host, agent: string, to: string, bytes: Uint8Array): void {
  const { sender } = host.get(agent).outlet(to);
  const result = sender.tryClaim(bytes.length);
  if (result !== OK) throw new Error(`the claim was answered ${resultName(result)}`);
  sender.frame.u8.set(bytes, sender.offset);
  sender.commit();
  sender.flush();
}

const taken = new Map<string, string[]>();

/** From now on the agent notes what its frames were instead of checking them. */
export function digestFrames(host: Host, agent: string): void {
  const list: string[] = [];
  taken.set(agent, list);
  host.get(agent).inbox.handleWith((frame, offset, length) => {
    list.push(digest(frame.u8.subarray(offset, offset + length)));
    return DONE;
  });
}

/** From now on the agent checks its frames again. */
export function checkFrames(host: Host, agent: string): void {
  host.get(agent).inbox.handleWith(undefined);
}

/** Takes the frames noted since the last call, once there are `count`, or none has come for `quietMs`. */
export async function digests(host: Host, agent: string, count: number, quietMs: number): Promise<string[]> {
  const list = taken.get(agent) ?? [];
  await host.get(agent).inbox.until(() => list.length >= count, quietMs);
  return list.splice(0);
}
