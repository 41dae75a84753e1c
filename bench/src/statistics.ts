export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Student's t for 19 degrees of freedom, 97.5 %. */
const T_20_SAMPLES = 2.093;

/** Mean of 20 samples and its 95 % interval. */
export function interval(samples: readonly number[]): { mean: number; low: number; high: number } {
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  const variance = samples.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (samples.length - 1);
  const half = T_20_SAMPLES * Math.sqrt(variance / samples.length);
  return { mean, low: mean - half, high: mean + half };
}
