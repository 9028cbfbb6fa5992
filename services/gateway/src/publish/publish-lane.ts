import type { Clock } from '@millrace/base';
import {
  Caps,
  ErrorCode,
  isRetryable,
  type JsonFrameInput,
  type Publish,
  type PublishBatch,
} from '@millrace/gateway-protocol';
import { type Principal, principalKey } from '../auth/principal.ts';
import type { GatewayMetrics } from '../metrics.ts';
import { judgeUnknown, type ProducerSession } from './producer-sessions.ts';
import { batchRequest, type PublishRequest, singleRequest } from './publish-request.ts';
import type { Publisher } from './publisher.ts';
import type { PublishResult } from './result-window.ts';

/** What publishing sees of its connection; the session implements it. */
export interface PublishHost {
  readonly principal: Principal;
  readonly caps: number;
  /** True after Goaway: nothing new is taken. */
  readonly isDraining: boolean;
  send(frame: JsonFrameInput): void;
  /** A publish without credit. */
  creditExceeded(): void;
}

export interface PublishLaneParts {
  readonly clock: Clock;
  readonly metrics: GatewayMetrics;
  readonly publisher: Publisher;
  /** Welcome told the client of the smaller window. */
  readonly isReduced: boolean;
}

const RETRY_AFTER_MS = 1000;

/** What one connection publishes: credit, its producer session, results (§15). */
export class PublishLane {
  readonly #parts: PublishLaneParts;
  readonly #host: PublishHost;
  /** Text of the 16 bytes; null when the client has no session. */
  readonly #sessionId: string | null;
  #records: number;
  #bytes: number;
  readonly #waiting = new Set<PublishRequest>();
  /** While a batch waits for its partition, what comes later waits behind it. */
  #order: Promise<void> | null = null;

  constructor(parts: PublishLaneParts, host: PublishHost, sessionId: string | null) {
    this.#parts = parts;
    this.#host = host;
    this.#sessionId = sessionId;
    const { records, bytes } = parts.publisher.window(parts.isReduced);
    this.#records = records;
    this.#bytes = bytes;
  }

  /** Highest sequence number of the session that is known; -1 for none. */
  get lastSeq(): number {
    return this.#session()?.lastSeq ?? -1;
  }

  /** Publishes without a result. */
  get inFlight(): number {
    return this.#waiting.size;
  }

  /** The connection ends: what has no result by now is unknown. */
  giveUp(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { seq, records } of waiting)
      this.#answerCode(seq, records.length, ErrorCode.UNKNOWN_OUTCOME);
  }

  /** A window that was small because the process was busy becomes whole. */
  widen(): void {
    const { publisher } = this.#parts;
    const [small, whole] = [publisher.window(true), publisher.window(false)];
    const addRecords = whole.records - small.records;
    const addBytes = whole.bytes - small.bytes;
    this.#records += addRecords;
    this.#bytes += addBytes;
    this.#host.send({ kind: 'pubCredit', addRecords, addBytes });
  }

  publish(frame: Publish): void {
    if (this.#isBeyond(frame.seq, 1)) return;
    this.#take(Number(frame.seq), 1, singleRequest(frame, this.#parts.clock.nowMs()));
  }

  publishBatch(frame: PublishBatch): void {
    if (this.#isBeyond(frame.firstSeq, frame.count)) return;
    if ((this.#host.caps & Caps.PUBLISH_BATCH) === 0)
      this.#answerCode(Number(frame.firstSeq), frame.count, ErrorCode.UNSUPPORTED);
    else this.#take(Number(frame.firstSeq), frame.count, batchRequest(frame));
  }

  /** Sequence numbers are counted as safe integers; true when this one was refused for being larger. */
  #isBeyond(seq: bigint, count: number): boolean {
    if (seq + BigInt(count) <= BigInt(Number.MAX_SAFE_INTEGER)) return false;
    this.#host.send({ kind: 'pubResult', seq, count, code: ErrorCode.BAD_REQUEST });
    return true;
  }

  #take(seq: number, count: number, request: PublishRequest | number): void {
    const { caps, isDraining } = this.#host;
    if ((caps & Caps.PUBLISH) === 0) this.#answerCode(seq, count, ErrorCode.UNSUPPORTED);
    else if (typeof request === 'number') this.#answerCode(seq, count, request);
    else if (isDraining) this.#answerCode(seq, count, ErrorCode.GOING_AWAY);
    else if (this.#records < count || this.#bytes < request.bytes) {
      this.#answerCode(seq, count, ErrorCode.CREDIT_EXCEEDED);
      this.#host.creditExceeded();
    } else this.#judge(request);
  }

  #judge(request: PublishRequest): void {
    const { seq, records, retry, onUnknown } = request;
    const sessionId = this.#sessionId;
    if (sessionId === null) {
      void this.#answerLater(request, this.#outcomeOf(request), false);
      return;
    }
    if (seq < 1) {
      this.#answerCode(seq, records.length, ErrorCode.BAD_REQUEST);
      return;
    }
    const verdict =
      this.#session()?.judge(seq, records.length, retry, onUnknown) ??
      judgeUnknown(retry, onUnknown);
    switch (verdict.kind) {
      case 'refuse':
        this.#answerCode(seq, records.length, verdict.code);
        return;
      case 'repeat':
        this.#answer(seq, verdict.results, true);
        return;
      case 'join':
        void this.#answerLater(request, verdict.results, true);
        return;
      case 'append': {
        const results = this.#outcomeOf(request);
        const key = principalKey(this.#host.principal);
        const session = this.#parts.publisher.sessions.findOrMake(key, sessionId);
        session.take(seq, records.length, results);
        void this.#answerLater(request, results, false);
      }
    }
  }

  /** Appends, or says at once why not. What is refused here still uses up its sequence numbers. */
  #outcomeOf(request: PublishRequest): Promise<readonly PublishResult[]> {
    const { publisher } = this.#parts;
    const { principal } = this.#host;
    const code = publisher.refusalOf(request, principal);
    if (code !== 0) return Promise.resolve([resultOf(code, request.records.length)]);
    const needsPartition = request.isBatch && request.partition === null;
    if (!needsPartition && this.#order === null)
      return publisher.append(request, principal, this.#sessionId);
    const before = this.#order ?? Promise.resolve();
    const found = needsPartition ? publisher.anyPartition(request.topic) : request.partition;
    const sent = before.then(async () => {
      const placed = { ...request, partition: await found };
      // The append has been ordered when this function returns; its result is awaited outside.
      return { results: publisher.append(placed, principal, this.#sessionId) };
    });
    const order = sent.then(() => {
      if (this.#order === order) this.#order = null;
    });
    this.#order = order;
    return sent.then(({ results }) => results);
  }

  async #answerLater(
    request: PublishRequest,
    outcome: Promise<readonly PublishResult[]>,
    duplicate: boolean,
  ): Promise<void> {
    this.#records -= request.records.length;
    this.#bytes -= request.bytes;
    this.#waiting.add(request);
    const results = await outcome;
    this.#records += request.records.length;
    this.#bytes += request.bytes;
    if (this.#waiting.delete(request)) this.#answer(request.seq, results, duplicate);
  }

  #answerCode(seq: number, count: number, code: number): void {
    this.#answer(seq, [resultOf(code, count)], false);
  }

  #answer(seq: number, results: readonly PublishResult[], duplicate: boolean): void {
    let at = seq;
    for (const { count, code, partition, baseOffset, timestampMs } of results) {
      this.#parts.metrics.publishes.with(String(code)).add(count);
      this.#host.send({
        kind: 'pubResult',
        seq: BigInt(at),
        count,
        code,
        duplicate,
        partition,
        baseOffset: BigInt(baseOffset),
        timestampMs: BigInt(timestampMs),
        retryAfterMs: isRetryable(code) ? RETRY_AFTER_MS : 0,
      });
      at += count;
    }
  }

  /** Null while nothing is known of it. */
  #session(): ProducerSession | null {
    if (this.#sessionId === null) return null;
    return this.#parts.publisher.sessions.find(principalKey(this.#host.principal), this.#sessionId);
  }
}

function resultOf(code: number, count: number): PublishResult {
  return { count, code, partition: -1, baseOffset: -1, timestampMs: -1 };
}
