import { between, random } from '../random.ts';

/** Payload sizes as a program mixes them: mostly small, some of a few KiB, a few of 64 KiB; none over `most`. */
export function mixedSizes(seed: number, most: number, count = 251): number[] {
  const next = random(seed);
  return Array.from({ length: count }, () => {
    const draw = next();
    const size =
      draw < 0.8 ? between(next, 0, 256) : draw < 0.97 ? between(next, 257, 8_192) : between(next, 8_193, 65_536);
    return Math.min(size, most);
  });
}
