import type { Clock, Timer } from './environment.ts';
import { SAVE_EVERY_MS } from './limits.ts';
import type { ResumeStore } from './options.ts';

export interface ResumeSaverOptions {
  readonly store: ResumeStore;
  readonly key: string;
  readonly clock: Clock;
  /** The present token, null while there is none. */
  token(): string | null;
  /** Told what the store threw; nothing else comes of it. */
  failed(error: unknown): void;
}

/** Writes the token of one subscription to the store of the application: seldom, and one at a time. */
export class ResumeSaver {
  readonly #o: ResumeSaverOptions;
  #timer: Timer | null = null;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: ResumeSaverOptions) {
    this.#o = options;
  }

  /** null when the store knows nothing, or threw. */
  async load(): Promise<string | null> {
    try {
      return await this.#o.store.load(this.#o.key);
    } catch (error) {
      this.#o.failed(error);
      return null;
    }
  }

  /** The position moved. */
  touch(): void {
    this.#timer ??= this.#o.clock.setTimer(SAVE_EVERY_MS, () => void this.flush());
  }

  /** Writes the present token, after the write that may be going on. Never rejects. */
  flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#saving = this.#saving.then(() => this.#save());
    return this.#saving;
  }

  async #save(): Promise<void> {
    const token = this.#o.token();
    if (token === null) return;
    try {
      await this.#o.store.save(this.#o.key, token);
    } catch (error) {
      this.#o.failed(error);
    }
  }
}
