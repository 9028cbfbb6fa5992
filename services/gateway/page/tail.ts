import type { GatewayRecord } from '@millrace/gateway-client';
import { element, made, tell } from './elements.ts';
import { bytesText, prettyText, timeText } from './text.ts';

/** Rows on the page; older ones go. */
const ROWS_MAX = 200;
/** Characters of a cell; the rest is in the dialog. */
const CELL_CHARS_MAX = 300;

type Line =
  | { readonly kind: 'record'; readonly partition: number; readonly record: GatewayRecord }
  | { readonly kind: 'gap'; readonly text: string };

/** The newest records, newest first. Lines are gathered and drawn together, so that no flood blocks the page. */
export class Tail {
  readonly #rows = element('rows', HTMLTableSectionElement);
  readonly #dialog = element('record', HTMLDialogElement);
  readonly #lines = new WeakMap<HTMLTableRowElement, Line>();
  #waiting: Line[] = [];

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
    this.#rows.replaceChildren();
    tell('tail-note', note);
  }

  /** A record that outlives its block. Of a flood only the last ones are kept. */
  add(partition: number, record: GatewayRecord): void {
    this.#push({ kind: 'record', partition, record });
  }

  addGap(text: string): void {
    this.#push({ kind: 'gap', text });
  }

  /** Draws what came since the last call. */
  draw(nowMs: number): void {
    const lines = this.#waiting;
    if (lines.length === 0) return;
    this.#waiting = [];
    tell('tail-note', '');
    const fresh = lines.map((line) => this.#row(line, nowMs)).reverse();
    for (const old of this.#rows.querySelectorAll('tr.new')) old.classList.remove('new');
    this.#rows.prepend(...fresh);
    const focused = document.activeElement;
    while (this.#rows.rows.length > ROWS_MAX) {
      const last = this.#rows.rows[this.#rows.rows.length - 1];
      const isFocused = last === focused;
      last?.remove();
      if (isFocused) focusRow(this.#rows.rows[this.#rows.rows.length - 1]);
    }
    if (this.#rows.querySelector('[tabindex="0"]') === null) {
      this.#rows.rows[0]?.setAttribute('tabindex', '0');
    }
  }

  #push(line: Line): void {
    this.#waiting.push(line);
    if (this.#waiting.length > 2 * ROWS_MAX) this.#waiting = this.#waiting.slice(-ROWS_MAX);
  }

  #row(line: Line, nowMs: number): HTMLTableRowElement {
    const row = document.createElement('tr');
    row.tabIndex = -1;
    this.#lines.set(row, line);
    if (line.kind === 'gap') {
      row.className = 'gap';
      const cell = made('td', line.text);
      cell.colSpan = 5;
      row.append(cell);
      return row;
    }
    const { partition, record } = line;
    row.className = 'new';
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
    const time = new Date(record.timestamp).toISOString();
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
