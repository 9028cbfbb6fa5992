import { assert } from './assert.ts';

/** One kind of error: a row of a `defineErrors` table. */
export interface ErrorRow {
  /** Stable; never renumbered. */
  readonly code: number;
  /** Whose fault it is: the caller's input, this process's environment, or our own bug. */
  readonly kind: 'input' | 'environment' | 'bug';
  /** Wire error number to answer with, where the error reaches a client. */
  readonly wire?: number;
  /** What happened, in one sentence. */
  readonly sentence: string;
  /** What whoever runs the process should do. */
  readonly advice: string;
}

/** An error of a table: stable name and code, the row's sentence, and what it was about. */
export class TableError extends Error {
  readonly code: number;
  readonly row: ErrorRow;

  constructor(name: string, row: ErrorRow, about: string, options?: ErrorOptions) {
    super(about === '' ? row.sentence : `${row.sentence} ${about}`, options);
    this.name = name;
    this.code = row.code;
    this.row = row;
  }
}

export interface ErrorTable<R extends Readonly<Record<string, ErrorRow>>> {
  readonly rows: R;
  /** Makes the error; `about` says which thing it happened to. */
  create(name: keyof R & string, about?: string, options?: ErrorOptions): TableError;
  /** True for an error of that row. */
  is(error: unknown, name: keyof R & string): error is TableError;
}

export function defineErrors<const R extends Readonly<Record<string, ErrorRow>>>(
  rows: R,
): ErrorTable<R> {
  const codes = new Set<number>();
  for (const row of Object.values(rows)) {
    assert(!codes.has(row.code), `error code ${row.code} is defined twice`);
    codes.add(row.code);
  }
  return {
    rows,
    create: (name, about = '', options) =>
      new TableError(name, rows[name] as ErrorRow, about, options),
    is: (error, name): error is TableError =>
      error instanceof TableError && error.row === rows[name],
  };
}
