import { BusError, type TransportCapabilities, type TransportPlugin } from '@busbar/core/contract';
import { random } from '../random.ts';
import { type Fate, TamperedSender } from './tampered-sender.ts';
import { wrapPlugin } from './wrap.ts';

export interface ChaosOptions {
  /** Everything follows from it: the same seed and the same frames meet the same fate. Default 1. */
  readonly seed?: number;
  /** Shares of the frames, 0 to 1, that are lost, arrive twice, arrive after the next, or arrive cut short. */
  readonly drop?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  readonly truncate?: number;
  /** Milliseconds by which a frame is held back, and all after it: up to this, at random. */
  readonly delay?: number;
  /** Frames of a sender after which its medium breaks. */
  readonly killAfter?: number;
}

const SHARES = ['drop', 'duplicate', 'reorder', 'truncate'] as const;
const HEADER_KEPT_BYTES = 32;

/**
 * A transport that behaves badly in a replayable way, for tests of what stands on it. It says what it takes away:
 * with `drop`, `truncate` or `killAfter` it is no longer lossless, with `reorder` or `duplicate` no longer ordered,
 * and it confirms nothing, since the medium no longer sees what the sender committed.
 *
 * @throws BusError INVALID_OPTION for a share outside 0 to 1, or a negative or fractional count
 */
export function chaos(plugin: TransportPlugin, options: ChaosOptions = {}): TransportPlugin {
  check(options);
  const { seed = 1, killAfter = Number.POSITIVE_INFINITY } = options;
  let senders = 0;
  return wrapPlugin(plugin, {
    capabilities: takenAway(options),
    sender(inner, { maxFrameLength }) {
      const next = random(seed + Math.imul(senders++, 7_919));
      return new TamperedSender(inner, maxFrameLength, (n, length) =>
        n >= killAfter ? { dies: true } : draw(options, next, length),
      );
    },
  });
}

/** Draws the same number of times for each frame, so that one option does not shift what another does. */
function draw(options: ChaosOptions, next: () => number, length: number): Fate {
  const [drop, duplicate, reorder, truncate] = SHARES.map((share) => next() < (options[share] ?? 0));
  const cut = next();
  const delayMs = Math.floor(next() * ((options.delay ?? 0) + 1));
  const keep = HEADER_KEPT_BYTES + Math.floor(cut * Math.max(0, length - HEADER_KEPT_BYTES));
  return {
    copies: drop ? 0 : duplicate ? 2 : 1,
    late: reorder,
    delayMs,
    ...(truncate ? { keep } : {}),
  };
}

function takenAway({ drop, duplicate, reorder, truncate, killAfter }: ChaosOptions): Partial<TransportCapabilities> {
  const some = (share: number | undefined): boolean => share !== undefined && share > 0;
  return {
    confirms: 'none',
    ...(some(drop) || some(truncate) || killAfter !== undefined ? { lossless: false } : {}),
    ...(some(reorder) || some(duplicate) ? { ordered: false } : {}),
  };
}

function check(options: ChaosOptions): void {
  for (const share of SHARES) {
    const value = options[share] ?? 0;
    if (!(value >= 0 && value <= 1)) {
      throw new BusError('INVALID_OPTION', `${share} is ${value}`, { where: 'chaos', remedy: 'give a share, 0 to 1' });
    }
  }
  for (const count of ['delay', 'killAfter'] as const) {
    const value = options[count] ?? 0;
    if (!Number.isInteger(value) || value < 0) {
      throw new BusError('INVALID_OPTION', `${count} is ${value}`, { where: 'chaos', remedy: 'give a whole number' });
    }
  }
}
