import { Session } from 'node:inspector';
import type { Profiler } from 'node:inspector/promises';

interface Script {
  readonly name: string;
  /** 1 at every character of the source that was run. */
  readonly reached: Uint8Array;
}

/** What ran since the last look and never before: how to remember it. */
export interface News {
  /** Pieces of code, each without a gap. */
  readonly pieces: number;
  readonly marks: readonly (readonly [reached: Uint8Array, from: number, to: number])[];
}

/**
 * Which code has run, as V8 counts it, block by block.
 *
 * Started before the code is loaded: V8 counts blocks only of functions that it compiles from then on.
 */
export class Coverage {
  readonly #session = new Session();
  readonly #isWatched: (url: string) => boolean;
  readonly #scripts = new Map<string, Script>();
  /** Pieces of code that were reached, one by one. */
  pieces = 0;

  /** @param isWatched whether the code of that file counts. */
  constructor(isWatched: (url: string) => boolean) {
    this.#isWatched = isWatched;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** What ran since the last call and was never reached. It stays news until it is kept. */
  look(): News {
    const marks: News['marks'][number][] = [];
    for (const script of this.#take()) {
      const { reached } = this.#scriptOf(script);
      const ran = paint(script, reached.length);
      for (let at = 0; at < ran.length; at++) {
        if (ran[at] === 0 || reached[at] === 1) continue;
        const from = at;
        while (at < ran.length && ran[at] === 1 && reached[at] === 0) at++;
        marks.push([reached, from, at]);
      }
    }
    return { pieces: marks.length, marks };
  }

  keep({ pieces, marks }: News): void {
    for (const [reached, from, to] of marks) reached.fill(1, from, to);
    this.pieces += pieces;
  }

  /** Characters of the watched files that ran, and all of them, by file. */
  files(): { readonly name: string; readonly reached: number; readonly total: number }[] {
    return [...this.#scripts.values()].map(({ name, reached }) => ({
      name,
      reached: reached.reduce((sum, mark) => sum + mark, 0),
      total: reached.length,
    }));
  }

  stop(): void {
    this.#session.disconnect();
  }

  /** The call back comes within the call. */
  #take(): Profiler.ScriptCoverage[] {
    let taken: Profiler.ScriptCoverage[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error;
      taken = result;
    });
    return taken.filter(({ url }) => this.#isWatched(url));
  }

  #scriptOf({ url, functions }: Profiler.ScriptCoverage): Script {
    const known = this.#scripts.get(url);
    if (known !== undefined) return known;
    const length = Math.max(...functions.flatMap(({ ranges }) => ranges.map((r) => r.endOffset)));
    const script = { name: url.slice(url.lastIndexOf('/') + 1), reached: new Uint8Array(length) };
    this.#scripts.set(url, script);
    return script;
  }
}

/** Inner ranges come after the ones around them, and say it better. */
function paint({ functions }: Profiler.ScriptCoverage, length: number): Uint8Array {
  const ran = new Uint8Array(length);
  for (const { ranges } of functions)
    for (const { startOffset, endOffset, count } of ranges)
      ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  return ran;
}
