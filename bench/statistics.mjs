// Figures of samples. All are exact: every sample is kept.

/** The `percent`th percentile by nearest rank; none of nothing. */
export function percentile(sorted, percent) {
  if (sorted.length === 0) return null;
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}

/** The middle value; of an even number, the mean of the two in the middle. Missing ones don't count. */
export function median(values) {
  const sorted = values.filter((value) => value !== null && value !== undefined).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Medians of the four quarters of samples in order of time. */
export function quarters(samples) {
  const at = (n) => Math.floor((n * samples.length) / 4);
  return [0, 1, 2, 3].map((n) => median(samples.slice(at(n), at(n + 1))));
}

/** Whether samples in order of time are flat: the last quarter's median is at most `tolerance` above the second's. */
export function isFlat(samples, tolerance = 0.05) {
  const [, second, , last] = quarters(samples);
  if (second === null || last === null) throw new Error(`${samples.length} samples are too few to tell`);
  return last <= second * (1 + tolerance);
}
