import { between } from '@busbar/conformance/campaigns';
import type { LogImage } from './log-image.ts';

const HEADER_PAGE = 4096;

/** What happens to the bytes of an image; the first is what a machine that stops does, the others what disks and people do. */
export const DAMAGES = [
  'torn at 512',
  'torn at 4096',
  'flipped',
  'cut',
  'garbage',
  'blank header',
  'bad header',
] as const;
export type Damage = (typeof DAMAGES)[number];

/** A damaged copy of the segments. */
export function damage(kind: Damage, { segments, records }: LogImage, next: () => number): Buffer[] {
  const copies = segments.map((bytes) => Buffer.from(bytes));
  const last = copies.length - 1;
  const at = between(next, 0, last);
  const segment = copies[at];
  const used = Math.max(
    HEADER_PAGE,
    ...records.filter((one) => one.segment === at).map((one) => one.offset + one.bytes),
  );
  switch (kind) {
    case 'torn at 512':
    case 'torn at 4096':
      tear(copies, kind === 'torn at 512' ? 512 : 4096, at, next);
      break;
    case 'flipped':
      for (let flips = between(next, 1, 3); flips > 0; flips--)
        segment[between(next, HEADER_PAGE, used - 1)] ^= 1 << between(next, 0, 7);
      break;
    case 'cut':
      copies[at] = segment.subarray(0, between(next, 0, segment.length - 1));
      break;
    case 'garbage': {
      const from = between(next, HEADER_PAGE, used);
      for (let i = from; i < Math.min(segment.length, from + between(next, 1, 5000)); i++)
        segment[i] = between(next, 0, 255);
      break;
    }
    case 'blank header':
      segment.fill(0, 0, HEADER_PAGE);
      break;
    default:
      segment[between(next, 0, 87)] ^= 1 << between(next, 0, 7);
  }
  return copies;
}

/** Of the blocks behind a point some came to the disk and some did not. */
function tear(copies: Buffer[], block: number, at: number, next: () => number): void {
  const from = Math.floor(between(next, HEADER_PAGE, copies[at].length - 1) / block) * block;
  const share = next();
  for (const [i, bytes] of copies.entries()) {
    if (i < at) continue;
    for (let start = i === at ? from : HEADER_PAGE; start < bytes.length; start += block)
      if (next() < share) bytes.fill(0, start, start + block);
  }
}
