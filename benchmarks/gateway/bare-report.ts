/** What the bare reader (R) says at its end. */
export interface BareRead {
  readonly records: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const NS_PER_MS = 1e6;

/** @param agesNs how old each record was when it was read. */
export function report(agesNs: readonly bigint[]): BareRead {
  const sorted = agesNs.map((age) => Number(age) / NS_PER_MS).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  return { records: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}
