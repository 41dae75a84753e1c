/** A value in an error text: JSON where it has some, else its type. Never throws. */
export function shown(value: unknown): string {
  try {
    return JSON.stringify(value) ?? `a value of type ${typeof value}`;
  } catch {
    return typeof value === 'bigint' ? `${value}n` : `a value of type ${typeof value}`;
  }
}
