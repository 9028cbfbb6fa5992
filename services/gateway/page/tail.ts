import type { GatewayRecord } from '@millrace/gateway-client';
import { element, made, tell } from './elements.ts';
import { bytesText, countText, dateText, prettyText, timeText } from './text.ts';

/** Rows on the page; older ones go. */
const ROWS_MAX = 200;
/** Rows drawn at once while others are there already: nobody reads faster. */
const BURST_MAX = 50;
/** Rows that come together and are still shown to be new. */
const SHINING_MAX = 20;
/** Characters of a cell; the rest is in the dialog. */
const CELL_CHARS_MAX = 300;

type Line =
  | { readonly kind: 'record'; readonly partition: number; readonly record: GatewayRecord }
  | { readonly kind: 'gap' | 'skipped'; readonly text: string };

/**
 * The newest records, newest first. Lines are gathered and drawn together; of a flood only the newest are drawn, and a
 * line says how many are not.
 */
export class Tail {
  readonly #rows = element('rows', HTMLTableSectionElement);
  readonly #dialog = element('record', HTMLDialogElement);
  readonly #lines = new WeakMap<HTMLTableRowElement, Line>();
  #waiting: Line[] = [];
  #skipped = 0;

  constructor() {
    this.#rows.addEventListener('click', (event) => this.#open(rowOf(event)));
    this.#rows.addEventListener('keydown', (event) => {
      const row = rowOf(event);
      if (row === null) return;
      const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling };
      const target = next[event.key as 'ArrowDown' | 'ArrowUp'];
      if (target instanceof HTMLTableRowElement) {
        event.preventDefault();
        focusRow(target);
      }
      if (event.key === 'Enter') this.#open(row);
    });
    this.#dialog.addEventListener('click', (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
  }

  clear(note: string): void {
    this.#waiting = [];
    this.#skipped = 0;
    this.#rows.replaceChildren();
    tell('tail-note', note);
  }

  /** How many lines the next drawing takes. */
  get room(): number {
    return this.#rows.rows.length === 0 ? ROWS_MAX : BURST_MAX;
  }

  /** A record that outlives its block. */
  add(partition: number, record: GatewayRecord): void {
    this.#push({ kind: 'record', partition, record });
  }

  /** Records that came before the next ones added and are not shown. */
  skip(count: number): void {
    this.#skipped += count;
  }

  addGap(text: string): void {
    this.#push({ kind: 'gap', text });
  }

  /** Draws what came since the last call. */
  draw(nowMs: number): void {
    if (this.#waiting.length === 0) return;
    this.#keepNewest(this.room);
    const lines = this.#waiting;
    if (this.#skipped > 0) {
      lines.unshift({ kind: 'skipped', text: `${countText(this.#skipped)} more are not shown` });
    }
    this.#waiting = [];
    this.#skipped = 0;
    tell('tail-note', '');
    const shines = lines.length <= SHINING_MAX;
    for (const old of this.#rows.querySelectorAll('tr.new')) old.classList.remove('new');
    this.#rows.prepend(...lines.map((line) => this.#row(line, nowMs, shines)).reverse());
    this.#trim();
    if (this.#rows.querySelector('[tabindex="0"]') === null) {
      this.#rows.rows[0]?.setAttribute('tabindex', '0');
    }
  }

  #push(line: Line): void {
    this.#waiting.push(line);
    if (this.#waiting.length > 2 * ROWS_MAX) this.#keepNewest(ROWS_MAX);
  }

  #keepNewest(count: number): void {
    this.#skipped += Math.max(0, this.#waiting.length - count);
    this.#waiting = this.#waiting.slice(-count);
  }

  /** The oldest rows go; the focus stays on the page. */
  #trim(): void {
    const { rows } = this.#rows;
    const focused = document.activeElement;
    while (rows.length > ROWS_MAX) {
      const last = rows[rows.length - 1];
      last?.remove();
      if (last === focused) focusRow(rows[rows.length - 1]);
    }
  }

  #row(line: Line, nowMs: number, shines: boolean): HTMLTableRowElement {
    const row = document.createElement('tr');
    row.tabIndex = -1;
    this.#lines.set(row, line);
    if (line.kind !== 'record') {
      row.className = line.kind;
      const cell = made('td', line.text);
      cell.colSpan = 5;
      row.append(cell);
      return row;
    }
    const { partition, record } = line;
    row.classList.toggle('new', shines);
    row.append(
      made('td', timeText(record.timestamp, nowMs)),
      made('td', String(partition), 'place'),
      made('td', String(record.offset), 'place'),
      cellOf(record.key),
      cellOf(record.value),
    );
    return row;
  }

  #open(row: HTMLTableRowElement | null): void {
    const line = row === null ? undefined : this.#lines.get(row);
    if (line?.kind !== 'record') return;
    const { partition, record } = line;
    const time = dateText(record.timestamp);
    const headers = record.headers.map(
      ({ name, value }) => `${name}: ${value === null ? 'null' : bytesText(value)}`,
    );
    const show = (id: string, text: string): void => {
      element(id, HTMLElement).textContent = text;
    };
    show('record-title', `Partition ${partition}, offset ${record.offset}, ${time}`);
    show('record-key', record.key === null ? 'null' : prettyText(record.key));
    show('record-headers', headers.length === 0 ? 'none' : headers.join('\n'));
    show('record-value', record.value === null ? 'null (a tombstone)' : prettyText(record.value));
    this.#dialog.showModal();
  }
}

function cellOf(bytes: Uint8Array | null): HTMLTableCellElement {
  if (bytes === null) return made('td', 'null', 'nothing');
  const text = bytesText(bytes.subarray(0, 4 * CELL_CHARS_MAX));
  return made('td', text.slice(0, CELL_CHARS_MAX));
}

function rowOf(event: Event): HTMLTableRowElement | null {
  return (event.target as HTMLElement).closest('tr');
}

/** One row takes part in the order of Tab: the one that had the focus last. */
function focusRow(row: HTMLTableRowElement | undefined): void {
  if (row === undefined) return;
  for (const other of row.parentElement?.querySelectorAll('[tabindex="0"]') ?? []) {
    other.setAttribute('tabindex', '-1');
  }
  row.tabIndex = 0;
  row.focus();
}
