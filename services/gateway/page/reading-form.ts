import type { Start, SubscribeOptions } from '@millrace/gateway-client';
import { element } from './elements.ts';

type Filter = NonNullable<SubscribeOptions['filter']>;

/** Where to start and what to see, as the form says. */
export class ReadingForm {
  readonly #start = element('start', HTMLSelectElement);
  readonly #filter = element('filter', HTMLSelectElement);

  constructor() {
    this.#start.addEventListener('change', () => this.#showOperands());
    this.#filter.addEventListener('change', () => this.#showOperands());
    this.#showOperands();
  }

  /** Reads from the beginning of what was just written, for a topic that is new. */
  startAtEarliest(): void {
    this.#start.value = 'earliest';
    this.#showOperands();
  }

  start(partitionCount: number): Start {
    switch (this.#start.value) {
      case 'latest':
      case 'earliest':
        return this.#start.value;
      case 'timestamp': {
        const text = element('timestamp', HTMLInputElement).value;
        return { timestamp: text === '' ? 0 : new Date(text) };
      }
      case 'offsets': {
        const offset = Number(element('offset', HTMLInputElement).value);
        return {
          offsets: Array.from({ length: partitionCount }, (_, partition) => ({
            partition,
            offset,
          })),
        };
      }
      default:
        return { last: Number(element('last', HTMLInputElement).value) || 1 };
    }
  }

  /** undefined: everything. */
  filter(): Filter | undefined {
    const name = element('header-name', HTMLInputElement).value;
    const text = element('filter-text', HTMLInputElement).value;
    switch (this.#filter.value) {
      case 'key-eq':
        return { key: { eq: text } };
      case 'key-prefix':
        return { key: { prefix: text } };
      case 'header-eq':
        return { header: { name, eq: text } };
      case 'header-exists':
        return { header: { name, exists: true } };
      default:
        return undefined;
    }
  }

  #showOperands(): void {
    for (const kind of ['last', 'timestamp', 'offsets']) {
      element(`start-${kind}`, HTMLLabelElement).hidden = this.#start.value !== kind;
    }
    const filter = this.#filter.value;
    element('filter-name', HTMLLabelElement).hidden = !filter.startsWith('header');
    element('filter-value', HTMLLabelElement).hidden =
      filter === 'none' || filter === 'header-exists';
  }
}
