/** How one check of one client ended. */
export type Outcome =
  | { readonly kind: 'ok' | 'n/a' }
  | { readonly kind: 'FAIL' | 'missing'; readonly why: string };

/** Client × check, in rows as they were added. */
export class OutcomeTable {
  readonly #columns: readonly string[];
  readonly #rows = new Map<string, Map<string, Outcome>>();

  constructor(columns: readonly string[]) {
    this.#columns = columns;
  }

  set(row: string, column: string, outcome: Outcome): void {
    const cells = this.#rows.get(row) ?? new Map<string, Outcome>();
    cells.set(column, outcome);
    this.#rows.set(row, cells);
  }

  counts(): { passed: number; failed: number; skipped: number } {
    const all = [...this.#rows.values()].flatMap((cells) => [...cells.values()]);
    const count = (...kinds: Outcome['kind'][]): number =>
      all.filter(({ kind }) => kinds.includes(kind)).length;
    return { passed: count('ok'), failed: count('FAIL'), skipped: count('missing') };
  }

  /** What failed, by row and column, with what it said. */
  failures(): { name: string; lines: string[] }[] {
    return [...this.#rows].flatMap(([row, cells]) =>
      [...cells].flatMap(([column, cell]) =>
        cell.kind === 'FAIL' ? [{ name: `${row} · ${column}`, lines: [cell.why] }] : [],
      ),
    );
  }

  /** The table as lines of text, one row a client. */
  print(): string {
    const width = Math.max(6, ...[...this.#rows.keys()].map((name) => name.length));
    const widths = this.#columns.map((name) => Math.max(name.length, 4));
    const line = (name: string, cells: readonly string[]): string =>
      `${name.padEnd(width)}  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd();
    const rows = [...this.#rows].map(([name, cells]) =>
      line(
        name,
        this.#columns.map((column) => cells.get(column)?.kind ?? 'n/a'),
      ),
    );
    return [line('', this.#columns), ...rows].join('\n');
  }
}
