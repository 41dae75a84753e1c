import { openSync } from 'node:fs';
import type { TransportPlugin } from '@busbar/core/contract';
import type { Row } from '../campaigns/campaign.ts';
import { TamperedSender } from '../chaos/tampered-sender.ts';
import { type Wrapping, wrapPlugin } from '../chaos/wrap.ts';
import { lane } from './lane.ts';
import { UnboundedSender } from './unbounded-sender.ts';

/**
 * Planted faults: each a transport that is sound but for one thing, and the row of the table that must notice. Most
 * faults are rare, as real ones are; a suite that meets them only when they are frequent would be of little use.
 */
export { lane } from './lane.ts';

/** Frames of one sender between two planted faults; above what any row but C2 sends over one connection. */
const RARELY = 4_001;

/** The row that each fault of this module breaks, by the name of its export. */
export const FAULTS: Readonly<Record<string, Row>> = {
  cutsLargeFrames: 'C1',
  dropsRarely: 'C2',
  reordersRarely: 'C2',
  duplicatesRarely: 'C2',
  refusesNothing: 'C3',
  deliversClaimed: 'C4',
  probeThrows: 'C5',
  leaksDescriptors: 'C6',
  swallowsClose: 'C6',
  decodesInPlace: 'C7',
  polls: 'C8',
};

/** Frames of over 128 KiB lose their last bytes. */
export function cutsLargeFrames(): TransportPlugin {
  return tampering((_n, length) => (length > 131_072 ? { keep: length - 8 } : {}));
}

export function dropsRarely(): TransportPlugin {
  return tampering((n) => (isRare(n) ? { copies: 0 } : {}));
}

export function reordersRarely(): TransportPlugin {
  return tampering((n) => (isRare(n) ? { late: true } : {}));
}

export function duplicatesRarely(): TransportPlugin {
  return tampering((n) => (isRare(n) ? { copies: 2 } : {}));
}

/** Takes every small frame, and keeps those the medium has no room for. */
export function refusesNothing(): TransportPlugin {
  return wrapPlugin(lane(), { sender: (inner, { maxFrameLength }) => new UnboundedSender(inner, maxFrameLength) });
}

/** Commit before copy, as far as a dead sender is concerned: what it had claimed is delivered. */
export function deliversClaimed(): TransportPlugin {
  return lane({ claimedIsCommitted: true });
}

export function probeThrows(): TransportPlugin {
  return {
    ...lane(),
    probe: async () => {
      throw new Error('planted');
    },
  };
}

/** One transport in sixteen leaves a descriptor open. */
export function leaksDescriptors(): TransportPlugin {
  return wrapPlugin(lane(), {
    transport(inner) {
      if (transports++ % 16 === 15) openSync('/dev/null', 'r');
      return inner;
    },
  });
}

let transports = 0;

/** Senders and transports that say they closed. */
export function swallowsClose(): TransportPlugin {
  const pretend: Wrapping = {
    sender: (inner) =>
      new Proxy(inner, { get: (target, key) => (key === 'close' ? async () => {} : bound(target, key)) }),
  };
  return wrapPlugin(lane(), pretend);
}

/** Hands out bytes that the sender can still change. */
export function decodesInPlace(): TransportPlugin {
  return lane({ inPlace: true });
}

/** Looks every millisecond whether there is something to do. */
export function polls(): TransportPlugin {
  return wrapPlugin(lane(), {
    transport(inner) {
      const timer = setInterval(busyWork, 1);
      return {
        ...inner,
        close: () => {
          clearInterval(timer);
          return inner.close();
        },
      };
    },
  });
}

function busyWork(): void {
  const end = performance.now() + 0.05;
  while (performance.now() < end);
}

function isRare(n: number): boolean {
  return n % RARELY === RARELY - 1;
}

function tampering(judge: (n: number, length: number) => object): TransportPlugin {
  return wrapPlugin(lane(), {
    sender: (inner, { maxFrameLength }) => new TamperedSender(inner, maxFrameLength, judge),
  });
}

/** A method or a value of `target`, such that private fields are found. */
function bound(target: object, key: string | symbol): unknown {
  const value = Reflect.get(target, key, target);
  return typeof value === 'function' ? value.bind(target) : value;
}
