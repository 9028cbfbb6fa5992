/** One question that was sent, and the one that follows it. */
interface Asking<T> {
  readonly answer: Promise<T>;
  next: Promise<T> | null;
}

/**
 * Answers that are never older than their askers: whoever asks while a question is on its way waits for the next one, which
 * is sent when that is answered, for all who came meanwhile. So a storm is one question a round trip, and a key is
 * remembered only while somebody waits.
 */
export class FreshAnswers<T> {
  readonly #asking = new Map<string, Asking<T>>();

  /** @param ask sends the question; what it rejects with reaches those who waited for that question. */
  get(key: string, ask: () => Promise<T>): Promise<T> {
    const asking = this.#asking.get(key);
    if (asking === undefined) return this.#ask(key, ask);
    const askNext = () => this.#ask(key, ask);
    asking.next ??= asking.answer.then(askNext, askNext);
    return asking.next;
  }

  #ask(key: string, ask: () => Promise<T>): Promise<T> {
    const asking: Asking<T> = { answer: ask(), next: null };
    this.#asking.set(key, asking);
    const settled = () => {
      if (asking.next === null) this.#asking.delete(key);
    };
    asking.answer.then(settled, settled);
    return asking.answer;
  }
}
