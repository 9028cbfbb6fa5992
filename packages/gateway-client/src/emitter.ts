type Listeners<E> = { [K in keyof E]?: Set<E[K]> };
// biome-ignore lint/suspicious/noExplicitAny: listeners of every shape; the keys of E tie them to their arguments
type Listener = (...values: any[]) => void;

/** Events of one object. A listener that throws spoils nothing for the others. */
export class Emitter<E extends { [K in keyof E]: Listener }> {
  readonly #listeners: Listeners<E> = {};

  /** Returns how to stop listening. */
  on<K extends keyof E>(event: K, listener: E[K]): () => void {
    const all = this.#listeners[event] ?? new Set();
    this.#listeners[event] = all;
    all.add(listener);
    return () => void all.delete(listener);
  }

  emit<K extends keyof E>(event: K, ...values: Parameters<E[K]>): void {
    for (const listener of this.#listeners[event] ?? []) {
      try {
        listener(...values);
      } catch (error) {
        // The application's own mistake: it shows up where its uncaught errors do.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
