import {
  type ErrorFrame,
  Isolation,
  StartKind,
  type StreamStates,
  type Subscribed,
  toBase64Url,
} from '@millrace/gateway-protocol';
import { Backoff } from './backoff.ts';
import { CreditReturn } from './credit-return.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { Emitter } from './emitter.ts';
import type { Timer } from './environment.ts';
import { clientError, GatewayError } from './errors.ts';
import type { FilterPlan } from './filter-plan.ts';
import { firstStart } from './first-start.ts';
import type { GatewayRecord, RecordBlock } from './gateway-record.ts';
import { Intake } from './intake.ts';
import { STABLE_AFTER_MS, SUBSCRIPTION_WINDOW_BYTES } from './limits.ts';
import type { Answer, Link, Subscriber } from './link.ts';
import { loadFilter } from './load-filter.ts';
import type { Position, SubscribeOptions, SubscriptionState } from './options.ts';
import { PendingStarts } from './pending-starts.ts';
import { failureOf, mayAskAgain, type Refusal, refusalError } from './refusal.ts';
import { placesToken, positionsOf, topicIdField, topicIdText } from './resume.ts';
import type { ResumeSaver } from './resume-saver.ts';
import { type SubscribeFields, sharingKey, subscribeFields } from './subscribe-frame.ts';
import type { Subscription, SubscriptionEvents } from './subscription.ts';
import type { Attachment, SubscriptionHost } from './subscription-host.ts';

/**
 * One subscription through all its connections.
 *
 * ```
 *            attach, Subscribe       Subscribed
 *  detached ───────────────────► asked ──────► attached
 *     ▲ ▲                          │ refused, but retryable    │ ended by the server, but retryable
 *     │ └──────────────────────────┴───────────────────────────┤
 *     └─────────────────── connection lost ────────────────────┘     close, or an error for good: over
 * ```
 * What came over older connections and is not finished stays in the queue, so a reconnect goes on
 * after the last frame that came, and the new window is smaller by what is still held.
 */
export class LiveSubscription implements Subscription, Subscriber {
  readonly topic: string;
  readonly sink: Intake;
  readonly #host: SubscriptionHost;
  readonly #options: SubscribeOptions;
  readonly #fields: SubscribeFields;
  readonly #window: CreditReturn;
  readonly #queue: DeliveryQueue;
  readonly #emitter = new Emitter<SubscriptionEvents>();
  readonly #backoff: Backoff;
  readonly #saver: ResumeSaver | null;
  readonly #firstStart: Promise<SubscribeFields>;
  readonly #filter: Promise<FilterPlan>;
  readonly #abort = (): void => void this.close();
  #state: SubscriptionState = 'idle';
  #link: Link | null = null;
  /** Its number on the link; 0 = not asked. */
  #sub = 0;
  #isAttached = false;
  #attachedAtMs = 0;
  #wasAttached = false;
  /** The server has named all partitions. */
  #isListed = false;
  readonly #starts: PendingStarts;
  /** Counts attempts to attach: one that was overtaken while it waited gives up. */
  #attempt = 0;
  #waitsForRoom = false;
  #retryTimer: Timer | null = null;
  /** Of the topic that the last Subscribed was about. */
  #topicId = '';
  #clusterTag = 0;
  #filterTag = 0;
  #waiting: ((attachment: Attachment | null) => void)[] = [];
  #isPaused = false;
  #isConsumed = false;
  /** Nothing more comes from the server; the consumer may still have blocks to take. */
  #isEnding = false;
  #isOver = false;
  #closing: Promise<void> | null = null;

  /** @throws GatewayError for options that cannot mean anything. */
  constructor(topic: string, options: SubscribeOptions, host: SubscriptionHost) {
    const { clock, random } = host.environment;
    const { window, reconnect } = host.options;
    this.topic = topic;
    this.#host = host;
    this.#options = options;
    this.#fields = subscribeFields(topic, options);
    this.#starts = new PendingStarts(host, {
      found: (frame, topicId) => this.#takeStarts(frame, topicId, true),
      join: () => this.#reattach(),
      waits: (refusal) => this.#emitter.emit('error', refusalError(refusal)),
      refused: (refusal) => this.#giveUp(refusal),
    });
    const windowBytes = options.windowBytes ?? window?.subscriptionBytes;
    this.#window = new CreditReturn(windowBytes ?? SUBSCRIPTION_WINDOW_BYTES, clock);
    this.#backoff = new Backoff(random, reconnect);
    this.#queue = new DeliveryQueue(() => void this.close());
    this.sink = new Intake({
      topic,
      options,
      queue: this.#queue,
      emitter: this.#emitter,
      window: this.#window,
      connectionWindow: host.connectionWindow,
      broken: (violation) => {
        this.#finish(violation);
        host.broken(violation);
      },
      moved: () => this.#moved(),
      changed: () => this.#refresh(),
    });
    const first = firstStart(options.start ?? 'latest', host, () => this.#token('finished'));
    this.#saver = first.saver;
    this.#firstStart = first.fields;
    this.#filter = loadFilter(options.filter);
    this.#filter.catch(() => undefined);
    if (options.signal?.aborted) this.#abort();
    else options.signal?.addEventListener('abort', this.#abort);
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  on<E extends keyof SubscriptionEvents>(event: E, listener: SubscriptionEvents[E]): () => void {
    return this.#emitter.on(event, listener);
  }

  [Symbol.asyncIterator](): AsyncIterator<RecordBlock, undefined> {
    if (this.#isConsumed) throw clientError('a subscription has one consumer');
    this.#isConsumed = true;
    return this.#queue;
  }

  async *records(): AsyncIterable<GatewayRecord> {
    for await (const block of this) yield* block;
  }

  position(): readonly Position[] {
    return positionsOf(this.sink.places('finished'));
  }

  resumeToken(): string {
    const token = this.#token('finished');
    if (token === null) throw clientError('no position is known yet');
    return toBase64Url(token);
  }

  pause(): void {
    this.#setPaused(true);
  }

  resume(): void {
    this.#setPaused(false);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const [link, sub] = [this.#link, this.#sub];
    const released =
      link === null || sub === 0 ? null : new Promise<void>((done) => link.abandon(sub, done));
    await this.shut();
    await released;
  }

  /** Closes it on this side only: the connection ends as well. Resolves when the store has the token. */
  async shut(): Promise<void> {
    this.#finish(null);
    await this.#saver?.flush();
  }

  #setPaused(isPaused: boolean): void {
    if (this.#isPaused === isPaused || this.#isOver) return;
    this.#isPaused = isPaused;
    if (this.#sub !== 0) this.#link?.send({ kind: isPaused ? 'pause' : 'resume', sub: this.#sub });
    this.#queue.hold(isPaused);
    this.#refresh();
  }

  // ---- the connection's side

  /** Asks for it on a connection that is ready. */
  async attach(link: Link): Promise<void> {
    this.#link = link;
    const attempt = ++this.#attempt;
    const { grant } = this.#options;
    try {
      const [start, filter, token] = await Promise.all([
        this.#firstStart,
        this.#filter,
        typeof grant === 'function' ? grant() : (grant ?? null),
      ]);
      if (this.#attempt === attempt) this.#ask(link, start, filter, token);
    } catch (error) {
      if (this.#attempt !== attempt) return;
      this.end(error instanceof GatewayError ? error : clientError('not asked for', error));
    }
  }

  /** The connection is gone. */
  detach(): void {
    this.#link = null;
    this.#starts.endProbe();
    this.#leave();
  }

  /** The end for good. The consumer gets what came before it, and then the error. */
  end(error: GatewayError): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#host.forget(this);
    this.detach();
    for (const tell of this.#waiting.splice(0)) tell(null);
    this.#queue.push({ happen: () => this.#finish(error) });
  }

  streams(frame: StreamStates): void {
    this.#begin(frame);
  }

  /** The server does not go on with it: it is asked again later, where that can help. */
  unsubscribed(refusal: Refusal): void {
    const error = refusalError(refusal);
    const link = this.#link;
    if (!mayAskAgain(refusal, this.#options) || link === null) {
      this.end(error);
      return;
    }
    const { clock } = this.#host.environment;
    // One that always ends soon after its beginning is asked for ever less often.
    if (this.#isAttached && clock.monotonicMs() - this.#attachedAtMs >= STABLE_AFTER_MS)
      this.#backoff.reset();
    this.#starts.endProbe();
    this.#leave();
    this.#emitter.emit('error', error);
    const waitMs = this.#backoff.nextMs(refusal.retryAfterMs);
    this.#retryTimer = clock.setTimer(waitMs, () => void this.attach(link));
  }

  warned(frame: ErrorFrame): void {
    this.#emitter.emit('error', refusalError(frame));
  }

  #ask(link: Link, start: SubscribeFields, filter: FilterPlan, grant: string | null): void {
    // A window that is still full would grow by one block with every reconnect.
    this.#waitsForRoom = this.#window.heldBytes >= this.#window.windowBytes;
    if (this.#waitsForRoom) return;
    const fields = { ...this.#fields, filter: filter.nodes, grant };
    const { sub, lane } = link.open(this, sharingKey(fields, filter.tag), this.#options.lane);
    this.#sub = sub;
    this.#filterTag = filter.tag;
    const credit = this.#window.begin();
    const resume = this.#token('received');
    const first = { ...fields, ...start, ...topicIdField(this.#topicId) };
    const going = resume === null ? null : { ...fields, start: StartKind.RESUME, resume };
    const main = this.#starts.asks(first, going, this.sink.placesIn(this.#topicId));
    link.request(
      (req) => ({ kind: 'subscribe', req, sub, lane, ...main, credit }),
      (answer) => this.#answered(link, sub, answer),
    );
    this.#window.open((add) => link.send({ kind: 'credit', sub, add }));
    if (this.#isPaused) link.send({ kind: 'pause', sub });
    this.#refresh();
  }

  #answered(link: Link, sub: number, answer: Answer): void {
    if (this.#sub !== sub || this.#link !== link || answer === null) return;
    if (answer.kind === 'error') {
      link.forget(sub);
      this.unsubscribed(answer);
    } else if (answer.kind === 'subscribed') {
      const topicId = topicIdText(answer.topicId);
      if (this.#topicId !== topicId && this.#topicId !== '')
        this.#starts.renew(this.#options.onRecreated === 'latest');
      this.#isAttached = true;
      this.#wasAttached = true;
      this.#attachedAtMs = this.#host.environment.clock.monotonicMs();
      this.#topicId = topicId;
      this.#clusterTag = link.welcome.clusterTag;
      for (const tell of this.#waiting.splice(0)) tell({ link, sub });
      this.#begin(answer);
      if (this.#sub === sub) this.#starts.probe(link, this.#filterTag);
    }
  }

  /** What has a place goes on as one, and what has none stays asked for. */
  #reattach(): void {
    const link = this.#link;
    // Not asked at the moment: the next Subscribe goes on from all places.
    if (this.#sub === 0 || link === null) return;
    link.abandon(this.#sub);
    this.#leave();
    void this.attach(link);
  }

  /** Its number on the present connection, or the next one; null when it is over. */
  attached(): Promise<Attachment | null> {
    return new Promise((resolve) => {
      const link = this.#link;
      if (this.#isEnding) resolve(null);
      else if (this.#isAttached && link !== null) resolve({ link, sub: this.#sub });
      else this.#waiting.push(resolve);
    });
  }

  #begin(frame: Subscribed | StreamStates): void {
    this.#isListed = !frame.more;
    this.#takeStarts(frame, this.#topicId, false);
    if (this.#isListed) this.sink.forgetOld(this.#topicId);
    this.#refresh();
  }

  #takeStarts(frame: Subscribed | StreamStates, topicId: string, isProbed: boolean): void {
    const failed = failureOf(frame.streams);
    if (failed !== null) {
      this.#giveUp(failed);
      return;
    }
    const places = isProbed ? this.sink.placesIn(this.#topicId) : [];
    for (const info of this.#starts.take(frame, isProbed, places)) this.sink.begin(info, topicId);
  }

  /** The server would go on with a part of it, which must not run beside the next one. */
  #giveUp(refusal: Refusal): void {
    this.#link?.abandon(this.#sub);
    this.unsubscribed(refusal);
  }

  /** No Subscribe holds any more, but for what is asked for apart. */
  #leave(): void {
    this.#attempt++;
    this.#sub = 0;
    this.#isAttached = false;
    this.#isListed = false;
    this.#waitsForRoom = false;
    this.#retryTimer?.cancel();
    this.#retryTimer = null;
    this.#window.close();
    this.sink.detach();
    this.#refresh();
  }

  /** The consumer has seen the last of it. */
  #finish(error: GatewayError | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isEnding = true;
    this.#host.forget(this);
    this.detach();
    for (const tell of this.#waiting.splice(0)) tell(null);
    const held = this.#window.heldBytes;
    this.#window.finish(held);
    this.#host.connectionWindow.finish(held);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#queue.end(error);
    this.#refresh();
    if (error !== null) this.#emitter.emit('error', error);
    void this.#saver?.flush();
  }

  #moved(): void {
    this.#saver?.touch();
    if (this.#waitsForRoom && this.#link !== null) void this.attach(this.#link);
  }

  #refresh(): void {
    const state = this.#stateNow();
    if (state === this.#state) return;
    this.#state = state;
    this.#emitter.emit('state', state);
  }

  #stateNow(): SubscriptionState {
    if (this.#isOver) return 'closed';
    if (this.#isEnding) return this.#state;
    if (this.#isPaused) return 'paused';
    if (this.#isAttached) return this.#isListed && this.sink.isCaughtUp ? 'live' : 'catchingUp';
    if (this.#wasAttached) return 'reconnecting';
    return this.#sub === 0 ? 'idle' : 'subscribing';
  }

  /** null while no place is known. */
  #token(which: 'received' | 'finished'): Uint8Array | null {
    return placesToken(this.sink.places(which), {
      topicId: this.#topicId,
      clusterTag: this.#clusterTag,
      filterTag: this.#filterTag,
      isUncommitted: this.#fields.isolation === Isolation.UNCOMMITTED,
      nowMs: this.#host.environment.clock.nowMs(),
    });
  }
}
