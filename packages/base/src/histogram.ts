/**
 * How many values fell at or below each of a few fixed bounds, as Prometheus counts them: sums of several processes
 * and quantiles over any time can be made of it afterwards. Recording takes no memory.
 */
export class Histogram {
  /** Upper bounds, inclusive, ascending; what lies above the last is counted in one more bucket. */
  readonly bounds: readonly number[];
  /** Values per bucket, not cumulative; one more than there are bounds. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  record(value: number): void {
    this.sum += value;
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    this.counts[at] = (this.counts[at] as number) + 1;
  }

  /** Values ever recorded. */
  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }
}
