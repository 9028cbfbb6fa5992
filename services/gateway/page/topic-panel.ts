import { element, made, tell } from './elements.ts';
import type { ListedTopic } from './topic-api.ts';

/** The list of topics: searched by typing, walked with the arrow keys. */
export class TopicPanel {
  readonly #list = element('topics', HTMLUListElement);
  readonly #search = element('topic-search', HTMLInputElement);
  readonly #onChoose: (name: string) => void;
  #topics: readonly ListedTopic[] = [];
  #current: string | null = null;

  constructor(onChoose: (name: string) => void) {
    this.#onChoose = onChoose;
    this.#search.addEventListener('input', () => this.#draw());
    this.#search.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown') this.#move(event, 0);
      if (event.key === 'Enter') this.#buttons()[0]?.click();
      if (event.key === 'Escape') {
        this.#search.value = '';
        this.#draw();
      }
    });
    this.#list.addEventListener('keydown', (event) => {
      const at = this.#buttons().indexOf(event.target as HTMLButtonElement);
      if (event.key === 'ArrowDown') this.#move(event, at + 1);
      if (event.key === 'ArrowUp' && at === 0) this.#search.focus();
      else if (event.key === 'ArrowUp') this.#move(event, at - 1);
    });
  }

  show(topics: readonly ListedTopic[]): void {
    if (JSON.stringify(topics) === JSON.stringify(this.#topics)) return;
    this.#topics = topics;
    this.#draw();
  }

  /** Marks the topic that is being read. */
  mark(name: string): void {
    this.#current = name;
    this.#draw();
  }

  focusSearch(): void {
    this.#search.focus();
    this.#search.select();
  }

  #move(event: Event, at: number): void {
    event.preventDefault();
    this.#buttons()[at]?.focus();
  }

  #buttons(): HTMLButtonElement[] {
    return [...this.#list.querySelectorAll('button')];
  }

  #draw(): void {
    const focused = (document.activeElement as HTMLElement | null)?.dataset.topic;
    const wanted = this.#search.value.trim().toLowerCase();
    const found = this.#topics.filter(({ name }) => name.toLowerCase().includes(wanted));
    this.#list.replaceChildren(...found.map((topic) => this.#row(topic)));
    tell(
      'topics-note',
      found.length === 0 && this.#topics.length > 0 ? 'No topic of that name.' : '',
    );
    if (focused !== undefined) {
      this.#buttons()
        .find(({ dataset }) => dataset.topic === focused)
        ?.focus();
    }
  }

  #row({ name, read, partitions }: ListedTopic): HTMLLIElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.topic = name;
    button.disabled = !read;
    button.title = read ? name : `${name} (publish only)`;
    button.append(made('span', name));
    if (partitions !== undefined) button.append(made('span', String(partitions), 'count'));
    if (name === this.#current) button.setAttribute('aria-current', 'true');
    button.addEventListener('click', () => this.#onChoose(name));
    const row = document.createElement('li');
    row.append(button);
    return row;
  }
}
