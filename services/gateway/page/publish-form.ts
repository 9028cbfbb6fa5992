import type { GatewayClient, PublishRecord } from '@millrace/gateway-client';
import { element, tell } from './elements.ts';

/** Publishes what a person wrote. */
export class PublishForm {
  readonly #form = element('publish', HTMLFormElement);
  readonly #topic = element('publish-topic', HTMLInputElement);
  readonly #topics = element('publish-topics', HTMLDataListElement);
  readonly #client: () => GatewayClient;
  readonly #onPublished: () => void;

  constructor(client: () => GatewayClient, onPublished: () => void) {
    this.#client = client;
    this.#onPublished = onPublished;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#publish();
    });
    this.#form.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.#form.requestSubmit();
    });
  }

  /** Offers these names. */
  offer(names: readonly string[]): void {
    this.#topics.replaceChildren(...names.map((name) => new Option(name, name)));
  }

  /** Follows the topic that is read. */
  follow(topic: string): void {
    this.#topic.value = topic;
  }

  async #publish(): Promise<void> {
    const topic = this.#topic.value.trim();
    tell('publish-note', 'Publishing …');
    try {
      const { partition, offset } = await this.#client().publish(topic, this.#record());
      tell('publish-note', `In partition ${partition} at offset ${offset}.`);
      this.#onPublished();
    } catch (error) {
      tell('publish-note', (error as Error).message, true);
    }
  }

  #record(): PublishRecord {
    const key = element('publish-key', HTMLInputElement).value;
    const value = element('publish-value', HTMLTextAreaElement).value;
    const lines = element('publish-headers', HTMLTextAreaElement).value.split('\n');
    const headers = lines.flatMap((line) => {
      const colon = line.indexOf(':');
      if (colon < 1) return [];
      return [{ name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() }];
    });
    return { key: key === '' ? null : key, value, headers };
  }
}
