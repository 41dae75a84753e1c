const TIME_UNITS = ['ns', 'us', 'ms', 's'];
const COUNT_UNITS = ['', ' k', ' M', ' G'];

/** `312 ns`, `1.24 us`, `12.4 ms`: three digits, from nanoseconds. */
export function formatTime(nanoseconds: number): string {
  let value = nanoseconds;
  let unit = 0;
  for (; value >= 999.5 && unit < TIME_UNITS.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value.toFixed(0) : digits(value)} ${TIME_UNITS[unit]}`;
}

/** `812`, `29.4 k`, `2.93 M` */
export function formatCount(count: number): string {
  let value = count;
  let unit = 0;
  for (; value >= 999.5 && unit < COUNT_UNITS.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value.toFixed(0) : digits(value)}${COUNT_UNITS[unit]}`;
}

/** Three of them, from a value of 1 to 999. */
function digits(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}
