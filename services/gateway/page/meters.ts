import type { RecordBlock } from '@millrace/gateway-client';
import { element } from './elements.ts';
import { countText, sizeText } from './text.ts';

/** What one second brought. */
export interface Sample {
  readonly recordsPerSecond: number;
  /** Records behind the end; null while it is not told. */
  readonly lag: number | null;
}

/** Counts what arrives; asked once a second. */
export class Meters {
  #total = 0;
  #gaps = 0;
  #recentRecords = 0;
  #recentBytes = 0;
  /** By partition: records between the position and the end, as of the last block. */
  readonly #lags = new Map<number, number>();

  /** Forgets the topic before. */
  reset(): void {
    this.#total = 0;
    this.#gaps = 0;
    this.#recentRecords = 0;
    this.#recentBytes = 0;
    this.#lags.clear();
    this.#draw(0, 0);
  }

  block({ count, partition, nextOffset, highWatermark }: RecordBlock, bytes: number): void {
    this.#total += count;
    this.#recentRecords += count;
    this.#recentBytes += bytes;
    if (highWatermark >= 0) this.#lags.set(partition, Math.max(0, highWatermark - nextOffset));
  }

  caughtUp(partition: number): void {
    this.#lags.set(partition, 0);
  }

  gap(): void {
    this.#gaps++;
  }

  /** To be called every `seconds`. */
  sample(seconds: number): Sample {
    const recordsPerSecond = this.#recentRecords / seconds;
    this.#draw(recordsPerSecond, this.#recentBytes / seconds);
    this.#recentRecords = 0;
    this.#recentBytes = 0;
    return { recordsPerSecond, lag: this.#lag() };
  }

  #lag(): number | null {
    if (this.#lags.size === 0) return null;
    return [...this.#lags.values()].reduce((sum, lag) => sum + lag, 0);
  }

  #draw(recordsPerSecond: number, bytesPerSecond: number): void {
    const lag = this.#lag();
    const show = (name: string, text: string): void => {
      element(`meter-${name}`, HTMLElement).textContent = text;
    };
    show('records', countText(recordsPerSecond));
    show('bytes', sizeText(bytesPerSecond));
    show('lag', lag === null ? '–' : countText(lag));
    show('total', countText(this.#total));
    show('gaps', countText(this.#gaps));
  }
}
