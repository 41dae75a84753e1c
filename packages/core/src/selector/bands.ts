/** Payload bytes at which a band of the measurements ends, inclusive; the last one has no end. */
export const BAND_ENDS: readonly number[] = [1024, 65_536, 1_048_575];

export const BAND_COUNT: number = BAND_ENDS.length + 1;

/** What people call them. */
export const BAND_NAMES: readonly string[] = ['up to 1 KiB', 'up to 64 KiB', 'under 1 MiB', '1 MiB and over'];

/** Index of the class of `bytes` among those that `borders` make: ascending, each the largest of its class. */
export function sizeClass(bytes: number, borders: readonly number[]): number {
  let index = 0;
  while (index < borders.length && bytes > borders[index]) index++;
  return index;
}

/** The band of a payload: messages of one band are compared, and routes judged by them. */
export function bandOf(bytes: number): number {
  return sizeClass(bytes, BAND_ENDS);
}
