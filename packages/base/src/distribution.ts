/** Buckets per doubling of the value: the middle of a bucket is at most 0.8 % off. */
const SUB_BUCKET_BITS = 6;
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS;
/** Smallest difference that is told apart: a thousandth of the unit (a microsecond, of milliseconds). */
const STEPS_PER_UNIT = 1000;
const MAX_STEPS = 0x7fffffff;
const OCTAVES = 31 - SUB_BUCKET_BITS + 1;

/**
 * Values of one window, counted in log-linear buckets. Octaves nothing fell into take no memory; those of a
 * usual latency distribution take 2 KiB.
 */
class Window {
  readonly octaves: (Uint32Array | undefined)[] = new Array<Uint32Array | undefined>(OCTAVES).fill(
    undefined,
  );
  count = 0;

  clear(): void {
    for (const octave of this.octaves) octave?.fill(0);
    this.count = 0;
  }
}

/**
 * The distribution of what happened lately: quantiles cover the current window and the one before, the
 * count covers everything. Recording takes no memory once an octave has been seen.
 */
export class Distribution {
  /** Values ever recorded. */
  count = 0;
  /** Their sum. */
  sum = 0;
  #current = new Window();
  #previous = new Window();

  /** Records a value of at least 0; what lies beyond 2,147,483 units counts as that. */
  record(value: number): void {
    this.count++;
    this.sum += value;
    const scaled = value * STEPS_PER_UNIT;
    const steps = scaled >= MAX_STEPS ? MAX_STEPS : scaled > 0 ? scaled | 0 : 0;
    const shift = steps < SUB_BUCKETS ? 0 : 31 - Math.clz32(steps) - SUB_BUCKET_BITS;
    const at = steps < SUB_BUCKETS ? 0 : shift + 1;
    const window = this.#current;
    let octave = window.octaves[at];
    if (octave === undefined) {
      octave = new Uint32Array(SUB_BUCKETS);
      window.octaves[at] = octave;
    }
    const bucket = (steps >>> shift) & (SUB_BUCKETS - 1);
    octave[bucket] = (octave[bucket] as number) + 1;
    window.count++;
  }

  /** Ends the current window; what is older than two windows is forgotten. */
  rotate(): void {
    const emptied = this.#previous;
    emptied.clear();
    this.#previous = this.#current;
    this.#current = emptied;
  }

  /**
   * Values below which these shares of the recorded ones lie, in the same order; 0 where nothing was
   * recorded lately.
   * @param shares ascending, each from 0 to 1
   */
  quantiles(shares: readonly number[], target: number[] = []): number[] {
    target.length = 0;
    const total = this.#current.count + this.#previous.count;
    let seen = 0;
    for (let at = 0; at < OCTAVES && target.length < shares.length; at++) {
      const current = this.#current.octaves[at];
      const previous = this.#previous.octaves[at];
      if (current === undefined && previous === undefined) continue;
      for (let bucket = 0; bucket < SUB_BUCKETS; bucket++) {
        seen += (current?.[bucket] ?? 0) + (previous?.[bucket] ?? 0);
        while (
          target.length < shares.length &&
          seen > 0 &&
          seen >= Math.ceil((shares[target.length] as number) * total)
        ) {
          target.push(middleOf(at, bucket));
        }
      }
    }
    while (target.length < shares.length) target.push(0);
    return target;
  }
}

function middleOf(octave: number, bucket: number): number {
  if (octave === 0) return bucket / STEPS_PER_UNIT;
  const width = 2 ** (octave - 1);
  return ((SUB_BUCKETS + bucket + 0.5) * width) / STEPS_PER_UNIT;
}
