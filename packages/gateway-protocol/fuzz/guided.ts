import { type Prng, seededPrng } from '@millrace/base';
import type { Coverage } from './coverage.ts';

/** Code that is given input, and what input it begins with. */
export interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** A changed copy of an input; `others` lend parts. */
  mutate(input: Uint8Array, others: readonly Uint8Array[], prng: Prng): Uint8Array;
  /** @throws Error when the input brings about what must not be. */
  run(input: Uint8Array): void | Promise<void>;
}

export interface GuidedOptions {
  readonly targets: readonly Target[];
  readonly coverage: Coverage;
  readonly seed: number;
  /** It ends after so many inputs, or so much time. */
  readonly inputs: number;
  readonly seconds: number;
  /** Called now and then. */
  readonly progress?: (result: GuidedResult) => void;
}

export interface GuidedResult {
  readonly inputs: number;
  /** Pieces of code that the first inputs reached, and that were reached at the end. */
  readonly piecesFirst: number;
  readonly pieces: number;
  /** Inputs of each target that reached what no other had: its corpus, the first ones included. */
  readonly corpus: Readonly<Record<string, number>>;
}

/** Looking at the coverage costs milliseconds, an input microseconds. */
const BATCH = 256;
/** New ones are changed first: half of all inputs come of the last few. */
const RECENT = 16;
const PROGRESS_EVERY = 200;

/**
 * Gives targets input that is changed again and again; what reaches code that nothing reached before is changed
 * further.
 * @throws Error with the target and its input, in hexadecimal, when a target throws.
 */
export async function guidedFuzz(options: GuidedOptions): Promise<GuidedResult> {
  const { targets, coverage, seed, progress } = options;
  const prng = seededPrng(seed);
  const until = performance.now() + options.seconds * 1_000;
  const corpora = targets.map((target) => ({ target, inputs: [...target.seeds] }));
  coverage.keep(coverage.look());
  for (const { target, inputs } of corpora) await runAll(target, inputs);
  coverage.keep(coverage.look());
  const piecesFirst = coverage.pieces;
  let inputs = 0;
  const result = (): GuidedResult => ({
    inputs,
    piecesFirst,
    pieces: coverage.pieces,
    corpus: Object.fromEntries(corpora.map((each) => [each.target.name, each.inputs.length])),
  });
  for (let round = 1; inputs < options.inputs && performance.now() < until; round++) {
    const { target, inputs: corpus } = corpora[prng.below(corpora.length)] as (typeof corpora)[0];
    const batch = Array.from({ length: BATCH }, () =>
      target.mutate(pick(corpus, prng), corpus, prng),
    );
    await runAll(target, batch);
    inputs += batch.length;
    const news = coverage.look();
    if (news.pieces > 0) corpus.push(...(await findersOf(target, batch, coverage)));
    // What ran once only, whatever the input, is in none of them.
    coverage.keep(leftOf(news));
    if (round % PROGRESS_EVERY === 0) progress?.(result());
  }
  return result();
}

/** The inputs of a batch that reach something new, each on its own, found by halves. */
async function findersOf(
  target: Target,
  batch: readonly Uint8Array[],
  coverage: Coverage,
): Promise<Uint8Array[]> {
  await runAll(target, batch);
  const news = coverage.look();
  if (news.pieces === 0) return [];
  if (batch.length === 1) {
    coverage.keep(news);
    // Of no bytes nothing can be changed.
    return batch.filter((input) => input.length > 0);
  }
  const middle = batch.length >> 1;
  const first = await findersOf(target, batch.slice(0, middle), coverage);
  return [...first, ...(await findersOf(target, batch.slice(middle), coverage))];
}

async function runAll(target: Target, inputs: readonly Uint8Array[]): Promise<void> {
  for (const input of inputs) {
    try {
      await target.run(input);
    } catch (error) {
      const hex = Buffer.from(input).toString('hex');
      throw new Error(`${target.name}: ${String(error)}\n${hex}`, { cause: error });
    }
  }
}

function leftOf({ marks }: ReturnType<Coverage['look']>): ReturnType<Coverage['look']> {
  const left = marks.filter(([reached, from, to]) => reached.subarray(from, to).includes(0));
  return { pieces: left.length, marks: left };
}

function pick(corpus: readonly Uint8Array[], prng: Prng): Uint8Array {
  const from = prng.below(2) === 0 ? Math.max(0, corpus.length - RECENT) : 0;
  return corpus[from + prng.below(corpus.length - from)] as Uint8Array;
}
