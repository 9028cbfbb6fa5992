/** The native programs: building them, running the load generator, what it is told and what it answers. */
import { join } from 'node:path';
import { Child, runProgram } from '@millrace/testing';

const nativeDir = join(import.meta.dirname, 'native');
const BUILD_TIMEOUT_MS = 600_000;

export type Protocol = 'gateway' | 'frames' | 'nats';

/** Bytes as hexadecimal text. */
export type Hex = string;

export interface Sink {
  readonly kind: 'kafka' | 'frames' | 'nats';
  readonly address: string;
}

/** A Subscribe frame with a resume token of one position in it, which the generator replaces. */
export interface ResumeTemplate {
  readonly bytes: Hex;
  readonly tokenAt: number;
  readonly tokenBytes: number;
  readonly offsetAt: number;
}

/** What a client says. */
export interface Variant {
  readonly request: string;
  readonly hello?: Hex;
  readonly subscribe?: Hex;
  readonly resume?: ResumeTemplate;
  /** How a churning connection must end: `http 403`, `close 4501`. */
  readonly expect?: string;
}

export interface Group {
  readonly count: number;
  readonly variants: readonly Variant[];
  readonly mode: 'read' | 'drain' | 'stop' | 'slow' | 'churn';
  readonly fromPhase?: number;
  readonly reconnect?: boolean;
  /** `slow`: bytes a second each; `churn`: connections a second together. */
  readonly rate?: number;
}

/** Records that are produced during a phase. */
export interface Feed {
  readonly topic: string;
  /** Records in a batch. */
  readonly records: number;
  readonly valueBytes: number;
  /** Batches a second; 0 = the next one when every reader has the last. */
  readonly rate: number;
  readonly keys?: number;
  /** The frame that the servers without Kafka send. */
  readonly frame?: Hex;
}

export interface Phase {
  readonly name: string;
  readonly warmupSeconds?: number;
  readonly seconds: number;
  readonly feeds?: readonly Feed[];
  /** Latency of one message in so many is taken; 0 = of none. */
  readonly sampleEvery?: number;
  /** The generator sleeps this long between two looks at its sockets, so that no write of the server wakes it. */
  readonly napMicros?: number;
  readonly untilBack?: boolean;
}

/** Ready-made client messages with the places of what changes in them. */
export interface Answers {
  readonly credit: Hex;
  readonly creditAt: readonly number[];
  readonly creditEvery: number;
  readonly pong: Hex;
  readonly nonceAt: number;
  readonly sentAt: number;
}

export interface Settings {
  readonly address: string;
  readonly protocol: Protocol;
  readonly pid: number;
  readonly sink: Sink | null;
  readonly groups: readonly Group[];
  readonly phases: readonly Phase[];
  readonly answers: Answers | null;
}

/** Seconds of one core. */
export interface Core {
  readonly user: number;
  readonly kernel: number;
  readonly idle: number;
  readonly steal: number;
}

/** Of one phase. Latencies in ms from the moment a record was due until a reader has it. */
export interface Report {
  readonly phase: string;
  readonly clients: number;
  readonly connectMs: number;
  readonly deliveries: number;
  readonly messages: number;
  readonly bytes: number;
  readonly fed: number;
  readonly feedErrors: number;
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly announcedGaps: number;
  readonly silentGaps: number;
  readonly subscribedAgainMs: number;
  readonly caughtUpAgainMs: number;
  readonly stillAway: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly machine: {
    readonly seconds: number;
    readonly cores: readonly Core[];
    readonly serverCpuSeconds: number;
    readonly serverUserSeconds: number;
    readonly serverRssBytes: number;
    readonly serverRssGrowthBytes: number;
    readonly socketMemoryBytes: number;
    readonly socketMemoryGrowthBytes: number;
  };
}

/** Path of a native program. */
export function binary(name: 'bare' | 'load'): string {
  return join(nativeDir, 'target', 'release', name);
}

/** Builds the native programs when they are not up to date. */
export async function buildNative(): Promise<void> {
  const manifest = join(nativeDir, 'Cargo.toml');
  const argv = ['build', '--release', '--quiet', '--manifest-path', manifest];
  await runProgram('cargo', argv, { timeoutMs: BUILD_TIMEOUT_MS });
}

/**
 * Runs all phases; one report for each.
 *
 * @param begins told each phase's name when all its clients are subscribed
 * @throws Error when clients cannot subscribe or the generator fails
 */
export async function generate(
  settings: Settings,
  begins: (phase: string) => void = () => {},
): Promise<Report[]> {
  const child = new Child(binary('load'), [], { input: JSON.stringify(settings) });
  const reports: Report[] = [];
  let rest = '';
  child.process.stdout?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const said = JSON.parse(line) as Report | { readonly begins: string };
      if ('begins' in said) begins(said.begins);
      else reports.push(said);
    }
  });
  const { code, signal } = await child.exited;
  if (code !== 0)
    throw new Error(`the load generator ended with ${signal ?? code}: ${child.stderr}`);
  return reports;
}
