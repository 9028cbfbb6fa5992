import type { Clock, Prng } from '@millrace/base';
import { Acks, ErrorCode, PUBLISH_BATCH_RECORDS_MAX } from '@millrace/gateway-protocol';
import type { WriteGrant } from '../auth/grants.ts';
import { keyMatches } from '../auth/pattern.ts';
import { escaped, type Principal, principalKey } from '../auth/principal.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { sessionLimits } from '../limits.ts';
import type { GatewayMetrics } from '../metrics.ts';
import { KeyedPaces } from '../rates.ts';
import type { Upstream, UpstreamProducer } from '../upstream-contract.ts';
import { UpstreamError } from '../upstream-error.ts';
import { ProducerSessions } from './producer-sessions.ts';
import type { PublishRequest } from './publish-request.ts';
import { type NewRecord, type RecordHeader, textHeader } from './record-checks.ts';
import { addRun, type PublishResult } from './result-window.ts';

/** Of the process's bytes in flight: beyond it windows are smaller. */
const BUSY_SHARE = 0.5;
/** Of a connection's window, while the process is busy. */
const REDUCED_SHARE = 0.125;

/** Publish credit of a connection (§15.1). */
export interface PublishWindow {
  readonly records: number;
  readonly bytes: number;
}

export interface PublisherParts {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly random: Prng;
  readonly metrics: GatewayMetrics;
  readonly upstream: Upstream;
}

/** Appends what clients publish; one per process (§15). */
export class Publisher {
  readonly sessions: ProducerSessions;
  readonly #parts: PublisherParts;
  readonly #rates = new KeyedPaces(sessionLimits.rateKeysMax);
  #producer: UpstreamProducer | null = null;
  #inFlightBytes = 0;

  constructor(parts: PublisherParts) {
    const { config, clock } = parts;
    this.#parts = parts;
    this.sessions = new ProducerSessions(clock, {
      sessionsMax: config.publishSessionsMax,
      window: config.publishSessionsWindow,
      ttlMs: config.publishSessionsTtlMs,
    });
  }

  /** True while so much is in flight that who comes now gets a smaller window. */
  get isBusy(): boolean {
    return this.#inFlightBytes > BUSY_SHARE * this.#parts.config.publishInflightTotalBytes;
  }

  /**
   * What a connection may have in flight. Whatever fits the whole window and one message fits a reduced one as well, so
   * that a client knows from Welcome on what can never be taken.
   */
  window(isReduced: boolean): PublishWindow {
    const { config } = this.#parts;
    const { publishInflightRecords: records, publishInflightBytes: bytes } = config;
    if (!isReduced) return { records, bytes };
    const reduced = (whole: number, atLeast: number): number =>
      Math.min(whole, Math.max(Math.ceil(whole * REDUCED_SHARE), atLeast));
    return {
      records: reduced(records, PUBLISH_BATCH_RECORDS_MAX),
      bytes: reduced(bytes, config.inboundMessageMaxBytes),
    };
  }

  /** 0, or the `ErrorCode` that a request deserves before anything is appended (§15.1). */
  refusalOf(request: PublishRequest, principal: Principal): number {
    const { config } = this.#parts;
    const grant = principal.grants.mayWrite(request.topic);
    if (grant === null || !isAllowed(request, grant)) return ErrorCode.FORBIDDEN;
    if (request.largestBytes > config.publishMaxBytes) return ErrorCode.PUBLISH_TOO_LARGE;
    if (!request.records.every(hasTime)) return ErrorCode.INVALID_RECORD;
    if (this.#inFlightBytes + request.bytes > config.publishInflightTotalBytes)
      return ErrorCode.OVERLOADED;
    if (grant.rate > 0 && !this.#takeRate(grant.rate, request, principal))
      return ErrorCode.OVERLOADED;
    return 0;
  }

  /**
   * Hands the records to the producer in this very call, which fixes their order.
   *
   * @param session text of the producer session, for stamps.
   * @returns results in runs; never rejects.
   */
  append(
    request: PublishRequest,
    principal: Principal,
    session: string | null,
  ): Promise<readonly PublishResult[]> {
    const { upstream, metrics, clock } = this.#parts;
    this.#producer ??= upstream.producer();
    const startedMs = clock.monotonicMs();
    this.#count(request.bytes);
    const sent = this.#sendAll(request, principal, session);
    return sent.then((results) => {
      this.#count(-request.bytes);
      metrics.publish.with().record(clock.monotonicMs() - startedMs);
      const meter = metrics.ofTopic(request.topic);
      for (const { code, count } of results) meter?.published(String(code), count);
      return results;
    });
  }

  async #sendAll(
    request: PublishRequest,
    principal: Principal,
    session: string | null,
  ): Promise<readonly PublishResult[]> {
    const runs: PublishResult[] = [];
    const sent = request.records.map((record, at) =>
      this.#send(request, record, [
        ...record.headers,
        ...this.#stamps(principal, session, request.seq + at),
      ]),
    );
    for (const result of await Promise.all(sent)) addRun(runs, result);
    return runs;
  }

  async #send(
    { topic, partition, acks }: PublishRequest,
    { key, value, timestampMs }: NewRecord,
    headers: readonly RecordHeader[],
  ): Promise<PublishResult> {
    try {
      const appended = await (this.#producer as UpstreamProducer).send({
        topic,
        partition,
        acks: acks === Acks.LEADER ? 'leader' : 'all',
        timestampMs,
        key,
        value,
        headers,
      });
      return {
        count: 1,
        code: 0,
        partition: appended.partition,
        baseOffset: appended.offset,
        timestampMs: appended.timestampMs,
      };
    } catch (error) {
      const code = error instanceof UpstreamError ? error.code : ErrorCode.UNKNOWN_OUTCOME;
      return { count: 1, code, partition: -1, baseOffset: -1, timestampMs: -1 };
    }
  }

  #stamps(principal: Principal, session: string | null, seq: number): RecordHeader[] {
    const stamps = [textHeader('x-gw-principal', stampOf(principal))];
    if (session !== null && this.#parts.config.publishStamp)
      stamps.push(textHeader('x-gw-session', session), textHeader('x-gw-seq', String(seq)));
    return stamps;
  }

  /** A batch without keys goes to one partition, whichever has a leader. */
  async anyPartition(topic: string): Promise<number> {
    const { upstream, random } = this.#parts;
    const known = await upstream.topic(topic).catch(() => null);
    const led = known?.partitions.filter(({ hasLeader }) => hasLeader) ?? [];
    return led.length === 0 ? 0 : (led[random.below(led.length)]?.partition ?? 0);
  }

  #takeRate(rate: number, { topic, records }: PublishRequest, principal: Principal): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    return this.#rates.take(`${topic} ${principalKey(principal)}`, rate, nowMs, records.length);
  }

  #count(bytes: number): void {
    this.#inFlightBytes += bytes;
    this.#parts.metrics.publishInflightBytes.with().set(this.#inFlightBytes);
  }
}

/** `tenant/subject`, or the subject alone. Slashes of either are escaped, so that no two principals share a stamp. */
function stampOf({ tenant, subject }: Principal): string {
  const name = escaped(subject, '/');
  return tenant === '' ? name : `${escaped(tenant, '/')}/${name}`;
}

/** A time that a log can hold. */
function hasTime({ timestampMs }: NewRecord): boolean {
  return timestampMs >= 0 && Number.isSafeInteger(timestampMs);
}

function isAllowed({ acks, records }: PublishRequest, grant: WriteGrant): boolean {
  if (acks === Acks.LEADER && !grant.leaderAck) return false;
  const pattern = grant.key;
  return pattern === null || records.every(({ key }) => keyMatches(pattern, key));
}
