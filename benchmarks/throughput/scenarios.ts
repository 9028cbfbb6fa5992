/** What is measured: one row a scenario. Sizes in bytes, rates in requests a second. */

/** Settings of the load generator (native/src/report.rs) that a scenario fixes. */
export interface Load {
  readonly mode: 'produce' | 'fetch' | 'end-to-end';
  readonly connections?: number;
  readonly partitions?: number;
  readonly batchBytes?: number;
  readonly recordBytes?: number;
  readonly depth?: number;
  readonly rate?: number;
  readonly fetchBytes?: number;
}

/** A bound the issue or the README promises: `ours / peer`, in the named figure. */
export interface Bound {
  readonly figure: 'cpuSecondsPerGb' | 'requestsPerSecond' | 'p50Ms' | 'p99Ms';
  /** null: the figure itself, not a ratio. */
  readonly against: 'limit' | 'kafka' | 'millrace alone' | null;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Scenario {
  readonly name: string;
  readonly load: Load;
  /** `flushed`: acknowledged only after fdatasync; the disk by itself stands in for the limit program. */
  readonly durability: 'page-cache' | 'flushed';
  /** Filled before the run by a produce load of so many bytes per partition. */
  readonly prefillBytes?: number;
  /** Another consumer replays a topic of this size meanwhile; without it is `millrace alone`. */
  readonly replayBytes?: number;
  readonly bounds: readonly Bound[];
}

const MIB = 1 << 20;

export const scenarios: readonly Scenario[] = [
  {
    name: 'produce-4k',
    load: { mode: 'produce', connections: 8, batchBytes: 4096 },
    durability: 'page-cache',
    bounds: [
      { figure: 'cpuSecondsPerGb', against: 'limit', atMost: 1.5 },
      { figure: 'cpuSecondsPerGb', against: 'kafka', atMost: 0.25 },
    ],
  },
  {
    name: 'produce-64k',
    load: { mode: 'produce', connections: 1, batchBytes: 65_536 },
    durability: 'page-cache',
    bounds: [
      { figure: 'cpuSecondsPerGb', against: 'limit', atMost: 1.3 },
      { figure: 'cpuSecondsPerGb', against: 'kafka', atMost: 0.4 },
    ],
  },
  {
    name: 'produce-1m',
    load: { mode: 'produce', connections: 1, batchBytes: 1_000_000 },
    durability: 'page-cache',
    bounds: [
      { figure: 'cpuSecondsPerGb', against: 'limit', atMost: 1.3 },
      { figure: 'cpuSecondsPerGb', against: 'kafka', atMost: 0.7 },
    ],
  },
  {
    name: 'produce-one-record',
    load: { mode: 'produce', connections: 64, batchBytes: 1, recordBytes: 40, depth: 1 },
    durability: 'page-cache',
    bounds: [
      { figure: 'requestsPerSecond', against: 'limit', atLeast: 0.6 },
      { figure: 'requestsPerSecond', against: 'kafka', atLeast: 2.3 },
    ],
  },
  {
    name: 'produce-5k-a-second',
    load: { mode: 'produce', connections: 8, batchBytes: 1, depth: 64, rate: 5000 },
    durability: 'page-cache',
    bounds: [],
  },
  {
    name: 'flushed-5k-a-second',
    load: { mode: 'produce', connections: 8, batchBytes: 1, depth: 64, rate: 5000 },
    durability: 'flushed',
    bounds: [
      { figure: 'p50Ms', against: null, atMost: 1 },
      { figure: 'p99Ms', against: null, atMost: 4 },
    ],
  },
  {
    name: 'flushed-closed-loop',
    load: { mode: 'produce', connections: 64, batchBytes: 1, recordBytes: 40, depth: 1 },
    durability: 'flushed',
    bounds: [{ figure: 'requestsPerSecond', against: 'kafka', atLeast: 8 }],
  },
  {
    name: 'fetch-64k',
    load: { mode: 'fetch', connections: 1, partitions: 1, fetchBytes: 65_536 },
    durability: 'page-cache',
    prefillBytes: 512 * MIB,
    bounds: [
      { figure: 'cpuSecondsPerGb', against: 'limit', atMost: 1.3 },
      { figure: 'cpuSecondsPerGb', against: 'kafka', atMost: 0.4 },
    ],
  },
  {
    name: 'fetch-1m',
    load: { mode: 'fetch', connections: 4, partitions: 4, fetchBytes: MIB },
    durability: 'page-cache',
    prefillBytes: 512 * MIB,
    bounds: [{ figure: 'cpuSecondsPerGb', against: 'limit', atMost: 1.3 }],
  },
  {
    name: 'end-to-end-5k',
    load: { mode: 'end-to-end', partitions: 1, rate: 5000 },
    durability: 'page-cache',
    bounds: [
      { figure: 'p50Ms', against: null, atMost: 0.5 },
      { figure: 'p99Ms', against: null, atMost: 3 },
    ],
  },
  {
    name: 'end-to-end-5k-flushed',
    load: { mode: 'end-to-end', partitions: 1, rate: 5000 },
    durability: 'flushed',
    bounds: [{ figure: 'p50Ms', against: null, atMost: 1 }],
  },
  {
    name: 'end-to-end-5k-beside-replay',
    load: { mode: 'end-to-end', partitions: 1, rate: 5000 },
    durability: 'page-cache',
    replayBytes: 10_000 * MIB,
    bounds: [
      { figure: 'p50Ms', against: 'millrace alone', atMost: 1.5 },
      { figure: 'p99Ms', against: 'millrace alone', atMost: 1.5 },
    ],
  },
];
