import type { DumpOptions } from './dump-options.ts';
import type { Problems } from './problems.ts';

/** What every kind of file is dumped with. */
export interface DumpContext {
  readonly options: DumpOptions;
  readonly problems: Problems;
  /** Prints one line. */
  print(line: string): void;
}
