/** Payload bytes at which a band of the measurements ends, inclusive; the last one has no end. */
export const BAND_ENDS: readonly number[] = [1024, 65_536, 1_048_575];

export const BAND_COUNT: number = BAND_ENDS.length + 1;

/** What people call them. */
export const BAND_NAMES: readonly string[] = ['up to 1 KiB', 'up to 64 KiB', 'under 1 MiB', '1 MiB and over'];

/** The band of a payload: messages of one band are compared, and routes judged by them. */
export function bandOf(bytes: number): number {
  let band = 0;
  while (band < BAND_ENDS.length && bytes > BAND_ENDS[band]) band++;
  return band;
}
