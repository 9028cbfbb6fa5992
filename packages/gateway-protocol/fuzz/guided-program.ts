import { parseArgs } from 'node:util';
import { Coverage } from './coverage.ts';
import { type GuidedOptions, type GuidedResult, guidedFuzz, type Target } from './guided.ts';

export interface LoadedFuzz extends Omit<GuidedOptions, 'targets' | 'coverage'> {
  /** Part of the path of the files whose code counts. */
  readonly watched: string;
  /** Blocks are counted only in what this is the first to import. */
  load(): Promise<readonly Target[]>;
}

/** Loads targets under coverage, and fuzzes them. Also returns, by file, the share of its code that was reached. */
export async function loadAndFuzz({
  watched,
  load,
  ...options
}: LoadedFuzz): Promise<GuidedResult & { readonly files: ReadonlyMap<string, number> }> {
  const isTestPart = /\.test-|\/testing\//;
  const coverage = new Coverage((url) => url.includes(watched) && !isTestPart.test(url));
  try {
    const result = await guidedFuzz({ ...options, targets: await load(), coverage });
    const files = coverage.files().map((file) => [file.name, file.reached / file.total] as const);
    return { ...result, files: new Map(files) };
  } finally {
    coverage.stop();
  }
}

/** A program that does so for the time and seed of its command line, and prints what came of it. */
export async function runGuided(
  watched: string,
  load: () => Promise<readonly Target[]>,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
    },
  });
  const result = await loadAndFuzz({
    ...{ watched, load },
    seed: Number(values.seed),
    inputs: Number.POSITIVE_INFINITY,
    seconds: Number(values.seconds),
    progress: ({ inputs, pieces }) => process.stderr.write(`\r${inputs} inputs, ${pieces} pieces`),
  });
  const corpus = Object.entries(result.corpus).map(([name, count]) => `${name} ${count}`);
  const files = [...result.files].map(([name, share]) => `${name} ${Math.floor(100 * share)} %`);
  process.stdout.write(
    `\rseed ${values.seed}: ${result.inputs} inputs, pieces of code reached ${result.piecesFirst} -> ${result.pieces}\n` +
      `  corpus: ${corpus.join(', ')}\n  code reached: ${files.join(', ')}\n`,
  );
}
