import { readdirSync, readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { between, random } from '@busbar/conformance/campaigns';
import { createBus } from '@busbar/core';
import type { PeerTransport, Receiver, TransportPlugin } from '@busbar/core/contract';
import { shm } from '@busbar/transport-shm';
import { campaign } from '../campaign.ts';
import { type Participant, withParticipants } from '../participant.ts';
import { SILENT } from '../silent.ts';
import { readContent } from '../stream-check.ts';

const TRIAL_MS = 1_000;
const MOST_CALM = 300;
/** Messages of a peer's whole life are looked at again when it has gone, the latest of them. */
const KEPT_MESSAGES = 64;
/** What a peer leaves is closed within a turn or two of its end. */
const CLOSED_MS = 5_000;
const LOOK_MS = 5;

interface Seen {
  frames: number;
  /** Frames that changed while the bus had them. */
  changed: number;
  messages: number;
  /** Messages that are not what was published, by content or topic. */
  wrong: number;
  /** Messages that changed after their handler had returned. */
  changedLater: number;
  cuts: number;
}

/**
 * A participant of another process gives its frames checksums and rewrites them all the time where they lie in the ring
 * of this one - of each frame the payload, or one byte of the header, and rarely length words - while this bus reads
 * over the real transport. Shown: every message that reaches a handler has the content and topic that were published;
 * frames do not change from their hand-over until the bus is done with them, nor messages afterwards; what does not
 * match its checksum, or cannot be read, is a PROTOCOL_ERROR that cuts this peer only; no ring and no descriptor
 * stays. Not shown: that a frame without a checksum would be noticed - what a sender commits is its own affair, whenever
 * it writes it. A trial is a second with as many lives of the peer as are cut in it; a hit is one with a cut.
 */
export const shmRewriting = campaign({
  name: 'shm/rewriting-peer',
  smoke: 3,
  full: 60,
  execute: (tally, trials, seed) =>
    withParticipants(async (directory, start) => {
      const next = random(seed);
      const seen: Seen = { frames: 0, changed: 0, messages: 0, wrong: 0, changedLater: 0, cuts: 0 };
      const kept: { data: Uint8Array; checksum: number }[] = [];
      const bus = await createBus({ logger: SILENT, name: 'reader', directory, plugins: [doubting(shm(), seen)] });
      let cut: () => void = () => {};
      bus.on('error', (error) => {
        if (error.code === 'PROTOCOL_ERROR') seen.cuts++;
        else tally.find(error.message);
        cut();
      });
      await bus.subscribe('rewritten.>', ({ data, topic }) => {
        const bytes = data as Uint8Array;
        const { sequence, intact } = readContent(bytes);
        seen.messages++;
        if (!intact || topic !== (sequence % 2 === 0 ? 'rewritten.even' : 'rewritten.odd')) seen.wrong++;
        kept.push({ data: bytes, checksum: crc32(bytes) });
        if (kept.length > KEPT_MESSAGES) kept.shift();
      }).ready;
      const peer = start('rewriting-bus');
      let lives = 0;
      let descriptors = 0;
      for (; tally.trials < trials; tally.trials++) {
        const cutsBefore = seen.cuts;
        for (const until = performance.now() + TRIAL_MS; performance.now() < until; lives++) {
          const over = new Promise<void>((resolve) => {
            cut = resolve;
          });
          await live(peer, directory, lives, between(next, 0, 0x7fff_ffff), between(next, 0, MOST_CALM), over, until);
          tally.count(
            'leaked',
            (await soon(() => mappedRings() === 0)) ? 0 : mappedRings(),
            `rings after life ${lives}`,
          );
          for (const { data, checksum } of kept.splice(0)) if (crc32(data) !== checksum) seen.changedLater++;
        }
        if (seen.cuts > cutsBefore) tally.hits++;
        if (descriptors === 0) descriptors = openDescriptors();
      }
      await soon(() => openDescriptors() <= descriptors);
      tally.count('leaked', Math.max(0, openDescriptors() - descriptors), 'descriptors');
      tally.count('corrupt', seen.wrong, 'messages were not what was published');
      tally.count('corrupt', seen.changed, 'frames changed while the bus had them');
      tally.count('corrupt', seen.changedLater, 'messages changed after they were handled');
      tally.measure('lives', lives);
      for (const what of ['frames', 'messages', 'cuts'] as const) tally.measure(what, seen[what]);
      await bus.close();
    }),
});

/** One life of the peer: until this bus has cut it, or the time is over. */
async function live(
  peer: Participant<'rewriting-bus'>,
  directory: string,
  number: number,
  seed: number,
  calm: number,
  cut: Promise<void>,
  until: number,
): Promise<void> {
  const living = peer.call('join', directory, `rewriter-${number}`, seed, calm);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, until - performance.now()));
  });
  await Promise.race([cut, late, living]);
  clearTimeout(timer);
  await peer.call('leave');
  await living;
}

/** `plugin`, with a look at each frame before and after the bus has it. */
function doubting(plugin: TransportPlugin, seen: Seen): TransportPlugin {
  return {
    ...plugin,
    async create(context) {
      const inner = (await plugin.create(context)) as PeerTransport;
      return {
        listen: async () => doubtingReceiver(await inner.listen(), seen),
        connect: (address, peer, signal) => inner.connect(address, peer, signal),
        close: () => inner.close(),
      };
    },
  };
}

function doubtingReceiver(inner: Receiver, seen: Seen): Receiver {
  return {
    address: inner.address,
    poll: (handler, limit) =>
      inner.poll((frame, offset, length, from) => {
        const bytes = frame.u8.subarray(offset, offset + length);
        const before = crc32(bytes);
        const answer = handler(frame, offset, length, from);
        seen.frames++;
        if (crc32(bytes) !== before) seen.changed++;
        return answer;
      }, limit),
    onReadable: (callback) => inner.onReadable(callback),
    prepareToSleep: () => inner.prepareToSleep(),
    drain: (peer) => inner.drain(peer),
    onClose: (callback) => inner.onClose(callback),
    close: () => inner.close(),
  };
}

/** True as soon as `condition` holds; false when it does not in time. */
async function soon(condition: () => boolean): Promise<boolean> {
  for (const end = performance.now() + CLOSED_MS; performance.now() < end; ) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return false;
}

function mappedRings(): number {
  return readFileSync('/proc/self/maps', 'latin1').match(/memfd:busbar-/g)?.length ?? 0;
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
