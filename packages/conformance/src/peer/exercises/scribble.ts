import { crc32 } from 'node:zlib';
import { BACK_PRESSURED, DONE, encodeFrame, HEADER_BYTES, KIND, NOT_CONNECTED, OK } from '@busbar/core/contract';
import type { Host } from '../host.ts';

const ORIGINAL = 0x11;
/** How long a scribbler keeps writing after each commit, and a doubter sleeps between two looks at a frame. */
const SCRIBBLE_MS = 1;
const DOUBT_MS = 0.5;
/** The latest frames are all scribbled on: the doubter may be behind. Few enough to be in one turn of any ring. */
const SCRIBBLED_FRAMES = 4;

/** Commits `frames` frames of `bytes` payload and goes on writing into the payload of each, as a hostile peer can. */
export async function scribble(host: Host, agent: string, to: string, frames: number, bytes: number): Promise<void> {
  const { sender } = host.get(agent).outlet(to);
  const image = encodeFrame({ kind: KIND.EVENT, payload: new Uint8Array(bytes).fill(ORIGINAL) });
  const length = HEADER_BYTES + bytes;
  const latest: { u8: Uint8Array; start: number }[] = [];
  for (let sent = 0; sent < frames; ) {
    const result = sender.tryClaim(length);
    if (result === BACK_PRESSURED || result === NOT_CONNECTED) {
      sender.flush();
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    if (result !== OK) throw new Error('the sender closed');
    const { u8 } = sender.frame;
    const start = sender.offset;
    u8.set(image.subarray(0, length), start);
    sender.commit();
    const end = performance.now() + SCRIBBLE_MS;
    latest.push({ u8, start: start + HEADER_BYTES });
    if (latest.length > SCRIBBLED_FRAMES) latest.shift();
    for (let value = 0; performance.now() < end; value++) {
      for (const target of latest) target.u8.fill(value, target.start, target.start + bytes);
    }
    sender.flush();
    sent++;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export interface Doubts {
  readonly frames: number;
  /** Frames that a scribbler had reached before they were copied out: harmless, and the proof that it tried. */
  readonly reached: number;
  /** Frames that changed while their handler looked at them. */
  readonly changed: number;
}

const NEVER = new Int32Array(new SharedArrayBuffer(4));
const found = new Map<string, { frames: number; reached: number; changed: number }>();

/** From now on the agent looks at each frame twice. */
export function doubtFrames(host: Host, agent: string): void {
  const counts = { frames: 0, reached: 0, changed: 0 };
  found.set(agent, counts);
  host.get(agent).inbox.handleWith((frame, offset, length) => {
    const payload = frame.u8.subarray(offset + HEADER_BYTES, offset + length);
    const before = crc32(payload);
    const reached = payload.some((byte) => byte !== ORIGINAL);
    // Asleep, so that the scribbler gets its turn even where both share a core.
    Atomics.wait(NEVER, 0, 0, DOUBT_MS);
    counts.frames++;
    if (crc32(payload) !== before) counts.changed++;
    if (reached) counts.reached++;
    return DONE;
  });
}

export async function doubts(host: Host, agent: string, count: number, quietMs: number): Promise<Doubts> {
  const counts = found.get(agent) ?? { frames: 0, reached: 0, changed: 0 };
  await host.get(agent).inbox.until(() => counts.frames >= count, quietMs);
  return counts;
}
