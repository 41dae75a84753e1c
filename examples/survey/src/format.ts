const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1,234,567` */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `812 B`, `1.4 KiB`, `64 KiB` */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.5 || value % 1 < 0.05 || value % 1 > 0.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `84 us`, `1.2 ms`; a dash for what was not measured. */
export function formatMicros(micros: number | undefined): string {
  if (micros === undefined) return '-';
  return micros < 999.5 ? `${micros.toFixed(0)} us` : `${(micros / 1000).toFixed(micros < 99_500 ? 1 : 0)} ms`;
}
