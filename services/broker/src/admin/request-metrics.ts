import type { Clock, Counter, Distribution } from '@millrace/base';
import type { brokerMetrics } from './metric-table.ts';

type Families = ReturnType<typeof brokerMetrics.create>['families'];

/** Replies noted between two readings of the clock; one more reading when a turn brings more. */
const NOTES_MAX = 4096;

/** What is remembered of a reply until the clock is read. */
export interface AnsweredRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  /** Monotonic ms at the start of the turn that read the request; 0 = the turn that answers. */
  readonly startedAtMs: number;
  /** Ms it was held back before that. */
  readonly queuedMs: number;
  /** Monotonic ms at which it was finished, when earlier answers kept it; 0 = it left at once. */
  readonly finishedAtMs: number;
}

interface ApiSeries {
  readonly versions: (Counter | undefined)[];
  readonly totalTime: Distribution;
  readonly localTime: Distribution;
  readonly remoteTime: Distribution;
  readonly requestQueueTime: Distribution;
  readonly responseQueueTime: Distribution;
}

/**
 * Counts requests and their times. Answers of one turn of the event loop leave together, so the clock is
 * read once a turn, not once a request: noting an answer is a few array writes.
 */
export class RequestMetrics {
  readonly #families: Families;
  readonly #clock: Clock;
  readonly #nameOf: (apiKey: number) => string | undefined;
  readonly #series: (ApiSeries | undefined)[] = [];
  readonly #tickTime: Distribution;
  readonly #keys = new Int32Array(NOTES_MAX);
  readonly #starts = new Float64Array(NOTES_MAX);
  readonly #queued = new Float64Array(NOTES_MAX);
  readonly #finishes = new Float64Array(NOTES_MAX);
  #noteCount = 0;

  constructor(families: Families, clock: Clock, nameOf: (apiKey: number) => string | undefined) {
    this.#families = families;
    this.#clock = clock;
    this.#nameOf = nameOf;
    this.#tickTime = families.tickTime.with();
  }

  /** An answer was handed over for sending. */
  answered(request: AnsweredRequest): void {
    const at = this.#noteCount;
    this.#keys[at] = (request.apiKey << 16) | (request.apiVersion & 0xffff);
    this.#starts[at] = request.startedAtMs;
    this.#queued[at] = request.queuedMs;
    this.#finishes[at] = request.finishedAtMs;
    this.#noteCount = at + 1;
    if (this.#noteCount === NOTES_MAX) this.turnEnded(request.startedAtMs);
  }

  /** The turn that began at `beganAtMs` (monotonic) has done its work. */
  turnEnded(beganAtMs: number): void {
    const count = this.#noteCount;
    if (count === 0) return;
    this.#noteCount = 0;
    const nowMs = this.#clock.monotonicMs();
    const localMs = nowMs - beganAtMs;
    this.#tickTime.record(localMs);
    for (let at = 0; at < count; at++) {
      const key = this.#keys[at] as number;
      const startedAtMs = (this.#starts[at] as number) || beganAtMs;
      const queuedMs = this.#queued[at] as number;
      const finishedAtMs = (this.#finishes[at] as number) || beganAtMs;
      const series = this.#series[key >>> 16] ?? this.#newSeries(key >>> 16);
      const version = key & 0xffff;
      const counter = series.versions[version] ?? this.#newVersion(series, key >>> 16, version);
      counter.add();
      series.totalTime.record(nowMs - startedAtMs + queuedMs);
      series.localTime.record(localMs);
      series.remoteTime.record(Math.max(0, finishedAtMs - startedAtMs));
      series.requestQueueTime.record(queuedMs);
      series.responseQueueTime.record(Math.max(0, beganAtMs - finishedAtMs));
    }
  }

  /** Requests of an API answered so far, whatever their version. */
  countOf(apiKey: number): number {
    return this.#series[apiKey]?.totalTime.count ?? 0;
  }

  #newSeries(apiKey: number): ApiSeries {
    const { totalTime, localTime, remoteTime, requestQueueTime, responseQueueTime } =
      this.#families;
    const name = this.#name(apiKey);
    const series = {
      versions: [],
      totalTime: totalTime.with(name),
      localTime: localTime.with(name),
      remoteTime: remoteTime.with(name),
      requestQueueTime: requestQueueTime.with(name),
      responseQueueTime: responseQueueTime.with(name),
    };
    this.#series[apiKey] = series;
    return series;
  }

  #newVersion(series: ApiSeries, apiKey: number, version: number): Counter {
    const counter = this.#families.requests.with(this.#name(apiKey), String(version));
    series.versions[version] = counter;
    return counter;
  }

  #name(apiKey: number): string {
    return this.#nameOf(apiKey) ?? String(apiKey);
  }
}
