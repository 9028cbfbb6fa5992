import type { Clock, Timer } from '@millrace/base';
import {
  ErrorCode,
  GapReason,
  isRetryable,
  Outcome,
  StartKind,
  type StreamInfo,
  type StreamOffset,
  WINDOW_BYTES_MAX,
} from '@millrace/gateway-protocol';
import type { Cursor, CursorEvents, CursorOutcome, FanOut } from '../fan-out/contract.ts';
import { deliveryLimits } from '../limits.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { Upstream, UpstreamTopic } from '../upstream-contract.ts';
import { finalToken, topicIdBytes } from './final-token.ts';
import type { PositionQueries } from './position-queries.ts';
import {
  NOTHING_KNOWN,
  type ResolvedStart,
  resolveLoss,
  resolveStart,
} from './start-resolution.ts';
import {
  GAP_LABELS,
  OUTCOME_LABELS,
  POLICY_LABELS,
  progressFrames,
  streamLists,
} from './stream-frames.ts';
import { type Stream, type StreamClaims, StreamSet } from './stream-set.ts';
import type { SubscriptionHost } from './subscription-host.ts';
import type { SubscriptionPlan } from './subscription-plan.ts';

/** Subscribed waits this long for positions; a partition that takes longer is PENDING in it. */
const SUBSCRIBED_WAIT_MS = 250;
/** Partitions without a leader, or whose watermark lags, are asked again after this, doubling to the maximum. */
const RETRY_MS = 100;
const RETRY_MS_MAX = 2000;

export interface SubscriptionParts {
  readonly clock: Clock;
  readonly metrics: GatewayMetrics;
  readonly fanOut: FanOut;
  readonly upstream: Upstream;
  readonly queries: PositionQueries;
}

/** What a subscription needs of its connection's table. */
export interface SubscriptionOwner extends StreamClaims {
  /** The subscription is over, and has told the client. */
  ended(subscription: Subscription): void;
}

/** One subscription, from the first look at its partitions to the final token (§9). */
export class Subscription implements CursorEvents {
  readonly plan: SubscriptionPlan;
  readonly #parts: SubscriptionParts;
  readonly #host: SubscriptionHost;
  readonly #owner: SubscriptionOwner;
  readonly #streams: StreamSet;
  readonly #unwatch: () => void;
  #topic: UpstreamTopic;
  #isAnnounced = false;
  #isOver = false;
  #retryTimer: Timer | null = null;
  #retryMs = RETRY_MS;
  #goneTimer: Timer | null = null;

  constructor(
    parts: SubscriptionParts,
    host: SubscriptionHost,
    owner: SubscriptionOwner,
    plan: SubscriptionPlan,
  ) {
    this.#parts = parts;
    this.#host = host;
    this.#owner = owner;
    this.plan = plan;
    const { fanOut, upstream } = parts;
    const { target } = host;
    this.#streams = new StreamSet({ plan, fanOut, target, claims: owner, events: this });
    this.#topic = plan.topic;
    this.#unwatch = upstream.watchTopic(plan.topic.name, (topic) => this.#changed(topic));
  }

  /**
   * Finds the starts and answers Subscribed.
   *
   * @returns an `ErrorCode` when the connection cannot have these streams; then nothing was sent.
   */
  async begin(req: number): Promise<number> {
    for (const partition of this.#wantedPartitions()) {
      const code = this.#streams.open(partition, this.plan.start);
      if (code === 0) continue;
      this.#close();
      return code;
    }
    const starts = await this.#firstStarts();
    if (!this.#isOver && this.#host.isOpen) this.#announce(req, starts);
    return 0;
  }

  pause(): void {
    this.#streams.pause();
  }

  resume(): void {
    this.#streams.resume();
  }

  /** False when the window would grow beyond its bound. */
  addCredit(bytes: number): boolean {
    const { window } = this.plan;
    if (window.bytes + bytes > WINDOW_BYTES_MAX) return false;
    window.bytes += bytes;
    return true;
  }

  /** Positions as `StreamSet.takeProgress` says. The caller sends them at once. */
  takeProgress(into: StreamOffset[], isRound: boolean): void {
    this.#streams.takeProgress(into, isRound);
  }

  /** The end: Progress, then Unsubscribed with the final token. `req` is 0 for the gateway's own act. */
  end(req: number, code: number): void {
    if (this.#isOver) return;
    const progress: StreamOffset[] = [];
    this.takeProgress(progress, false);
    this.#send(...progressFrames(progress, this.#host.target.isText));
    const resume = this.token();
    this.#close();
    const { sub } = this.plan;
    const retryable = isRetryable(code);
    this.#send({ kind: 'unsubscribed', req, sub, code, retryable, retryAfterMs: 0, resume });
    this.#owner.ended(this);
  }

  /** The connection is gone: nothing is sent. */
  abandon(): void {
    this.#close();
  }

  /** Where every stream stands; null when one has no position yet, or the token is too long. */
  token(): Uint8Array | null {
    const cursors = this.#streams.cursors();
    const { clock, upstream } = this.#parts;
    if (cursors === null) return null;
    return finalToken(this.plan, cursors, upstream.clusterId, clock.nowMs());
  }

  /** By partition, how far delivery has come; -1 where it has not begun. */
  delivered(): Map<number, number> {
    return this.#streams.delivered();
  }

  gap(cursor: Cursor, from: number, to: number, reason: number): void {
    if (reason === GapReason.OVERFLOW) this.#acted();
    this.#gap(cursor.streamId, from, to, reason, cursor.leaderEpoch);
  }

  progress({ streamId, leaderEpoch }: Cursor, offset: number): void {
    const streams = [{ offset: BigInt(offset), stream: streamId, epoch: leaderEpoch }];
    this.#send({ kind: 'progress', streams });
  }

  caughtUp(cursor: Cursor, offset: number): void {
    this.#send({ kind: 'caughtUp', stream: cursor.streamId, offset: BigInt(offset) });
  }

  slow(_cursor: Cursor): void {
    this.#acted();
    this.end(0, ErrorCode.SLOW_CONSUMER);
  }

  outcome(cursor: Cursor, outcome: CursorOutcome): void {
    const stream = this.#streams.of(cursor.partition);
    if (stream === undefined || this.#isOver) return;
    switch (outcome.kind) {
      case 'GAP':
      case 'DIVERGED':
        void this.#lost(stream, outcome);
        return;
      case 'RECREATED':
        this.#recreated([stream], outcome.startOffset);
        return;
      case 'FAILED':
        this.#settle(stream, { ...NOTHING_KNOWN, outcome: Outcome.FAILED, code: outcome.code });
        return;
    }
  }

  /** The policy did what it is for. */
  #acted(): void {
    this.#parts.metrics.slow.with(POLICY_LABELS[this.plan.policy] ?? '').add();
  }

  #wantedPartitions(): number[] {
    const { partitions, grant } = this.plan;
    const all = partitions ?? this.#topic.partitions.map(({ partition }) => partition);
    return all.filter((partition) => grant.partitions?.has(partition) ?? true);
  }

  /** What is known within `SUBSCRIBED_WAIT_MS`; the rest comes later, one by one. */
  async #firstStarts(): Promise<ReadonlyMap<Stream, ResolvedStart>> {
    const starts = new Map<Stream, ResolvedStart>();
    const all = this.#streams.all().map(async (stream) => {
      const start = await resolveStart(this.#parts.queries, stream.start, stream.partition);
      if (this.#isAnnounced) this.#late(stream, start);
      else starts.set(stream, start);
    });
    let timer: Timer | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = this.#parts.clock.setTimer(SUBSCRIBED_WAIT_MS, resolve);
    });
    await Promise.race([Promise.all(all), patience]);
    timer?.cancel();
    return starts;
  }

  #announce(req: number, starts: ReadonlyMap<Stream, ResolvedStart>): void {
    this.#isAnnounced = true;
    const { sub, policy, streamClass } = this.plan;
    const streams = this.#streams.all();
    const infos = streams.map((stream) => this.#streams.info(stream, starts.get(stream)));
    const [first = [], ...rest] = streamLists(infos, this.#host.target.isText);
    this.#send({
      kind: 'subscribed',
      req,
      sub,
      topicId: topicIdBytes(streamClass.topicId),
      policy,
      codec: streamClass.codec,
      more: rest.length > 0,
      streams: first,
    });
    this.#sendStates(rest);
    let endCode = 0;
    for (const stream of streams)
      endCode ||= this.#place(stream, starts.get(stream) ?? NOTHING_KNOWN);
    this.#afterPlacing(endCode);
    if (!this.#isOver) void this.#catchUpWithTopic();
  }

  /** What became of the topic between the plan and Subscribed, when its changes could not be told yet. */
  async #catchUpWithTopic(): Promise<void> {
    const { upstream } = this.#parts;
    // Whatever is known, without asking: from here on the watch tells.
    const topic = await upstream.topic(this.#topic.name, Infinity).catch(() => this.#topic);
    if (!sameShape(topic, this.#topic)) this.#changed(topic);
  }

  /** A start that Subscribed did not wait for. */
  #late(stream: Stream, start: ResolvedStart): void {
    if (this.#isOver || stream.isPlaced) return;
    if (start.outcome === Outcome.PENDING) this.#retryLater();
    else this.#settle(stream, start);
  }

  /** Tells the client what became of a stream, then acts on it. */
  #settle(stream: Stream, start: ResolvedStart): void {
    this.#sendStates([[this.#streams.info(stream, start)]]);
    this.#afterPlacing(this.#place(stream, start));
  }

  /** Sets a stream to its start. @returns the code that ends the subscription, 0 when it goes on. */
  #place(stream: Stream, start: ResolvedStart): number {
    this.#parts.metrics.outcomes.with(OUTCOME_LABELS[start.outcome] ?? '').add();
    const { gap, next, outcome, code } = start;
    if (gap !== null) this.#gap(stream.id, gap.from, gap.to, gap.reason, next?.leaderEpoch ?? -1);
    this.#streams.place(stream, start);
    if (outcome !== Outcome.FAILED) return code;
    // A partition's own trouble ends its stream; a wrong position or a topic that is gone end the subscription.
    if (code === ErrorCode.UNKNOWN_TOPIC) return this.#goneCode();
    return code === ErrorCode.OFFSET_OUT_OF_RANGE || this.#streams.allOver ? code : 0;
  }

  #afterPlacing(endCode: number): void {
    if (endCode !== 0) this.end(0, endCode);
    else this.#retryLater();
  }

  async #lost(
    stream: Stream,
    loss: Extract<CursorOutcome, { kind: 'GAP' | 'DIVERGED' }>,
  ): Promise<void> {
    const { topic, isolation } = this.plan.start;
    try {
      const bounds = await this.#parts.queries.bounds(topic, stream.partition, isolation);
      if (!this.#isOver) this.#settle(stream, resolveLoss(bounds, this.plan.start, loss));
    } catch {
      // Without a leader there is no end to jump to; the loss itself stays what it is.
      this.#parts.clock.setTimer(RETRY_MS_MAX, () => {
        if (!this.#isOver) void this.#lost(stream, loss);
      });
    }
  }

  /** Stream ids belong to a topic id, so the client subscribes anew and is told where the new topic starts. */
  #recreated(streams: readonly Stream[], startOffset: number): void {
    const start = { ...NOTHING_KNOWN, outcome: Outcome.RECREATED, startOffset };
    const infos = streams.map((stream) => this.#streams.info(stream, start));
    this.#parts.metrics.outcomes.with(OUTCOME_LABELS[Outcome.RECREATED] ?? '').add();
    this.#sendStates(streamLists(infos, this.#host.target.isText));
    this.end(0, ErrorCode.RECREATED);
  }

  #changed(topic: UpstreamTopic | null): void {
    if (this.#isOver || !this.#isAnnounced) return;
    this.#goneTimer?.cancel();
    if (topic === null) {
      const { clock } = this.#parts;
      const { topicGoneMs } = deliveryLimits;
      this.#goneTimer = clock.setTimer(topicGoneMs, () => this.end(0, this.#goneCode()));
      return;
    }
    if (topic.topicIdText !== this.#topic.topicIdText) {
      this.#recreated(this.#streams.all(), -1);
      return;
    }
    this.#topic = topic;
    if (this.plan.partitions === null)
      for (const partition of this.#wantedPartitions())
        if (this.#streams.of(partition) === undefined) void this.#added(partition);
    this.#retryMs = RETRY_MS;
    void this.#retry();
  }

  /** Only who may describe a topic learns that it is gone. */
  #goneCode(): number {
    return this.plan.grant.watermark ? ErrorCode.UNKNOWN_TOPIC : ErrorCode.FORBIDDEN;
  }

  /** A partition that was created later is read from its beginning. Without a stream for it the subscription ends. */
  async #added(partition: number): Promise<void> {
    const start = { ...this.plan.start, kind: StartKind.EARLIEST, isRecreated: false };
    if (this.#isOver) return;
    const code = this.#streams.open(partition, start);
    if (code !== 0) {
      this.end(0, code);
      return;
    }
    const stream = this.#streams.of(partition) as Stream;
    this.#late(stream, await resolveStart(this.#parts.queries, start, partition));
  }

  #retryLater(): void {
    if (this.#retryTimer !== null || this.#isOver || this.#streams.unplaced().length === 0) return;
    this.#retryTimer = this.#parts.clock.setTimer(this.#retryMs, () => {
      this.#retryTimer = null;
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
      void this.#retry();
    });
  }

  /** Asks again about partitions that have no position yet. */
  async #retry(): Promise<void> {
    const { queries } = this.#parts;
    const waiting = this.#streams.unplaced().map(async (stream) => {
      this.#late(stream, await resolveStart(queries, stream.start, stream.partition));
    });
    await Promise.all(waiting);
  }

  #sendStates(lists: readonly StreamInfo[][]): void {
    const { sub } = this.plan;
    lists.forEach((streams, at) => {
      this.#send({ kind: 'streamStates', sub, more: at < lists.length - 1, streams });
    });
  }

  #gap(stream: number, from: number, to: number, reason: number, leaderEpoch: number): void {
    const { metrics } = this.#parts;
    const label = GAP_LABELS[reason] ?? '';
    metrics.gaps.with(label).add();
    metrics.ofTopic(this.plan.start.topic)?.gap(label);
    const [fromOffset, toOffset] = [BigInt(from), BigInt(to)];
    this.#send({ kind: 'gap', stream, fromOffset, toOffset, reason, leaderEpoch });
  }

  #send(...frames: Parameters<SubscriptionHost['send']>[0][]): void {
    for (const frame of frames) this.#host.send(frame);
  }

  #close(): void {
    this.#isOver = true;
    this.#retryTimer?.cancel();
    this.#goneTimer?.cancel();
    this.#unwatch();
    this.#streams.close();
  }
}

/** True for the same topic with as many partitions: leaders are no business of a subscription's list. */
function sameShape(a: UpstreamTopic | null, b: UpstreamTopic): boolean {
  return a?.topicIdText === b.topicIdText && a.partitions.length === b.partitions.length;
}
