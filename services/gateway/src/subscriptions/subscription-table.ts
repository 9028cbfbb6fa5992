import {
  ErrorCode,
  type StreamOffset,
  type Subscribe,
  type Unsubscribe,
  WINDOW_BYTES_MAX,
} from '@millrace/gateway-protocol';
import type { Revocations } from '../auth/revocations.ts';
import { sessionLimits } from '../limits.ts';
import { Subscription, type SubscriptionOwner, type SubscriptionParts } from './subscription.ts';
import { Refused, type SubscriptionHost } from './subscription-host.ts';
import { type PlanParts, planSubscription, type SubscriptionPlan } from './subscription-plan.ts';

export interface SubscriptionTableParts extends SubscriptionParts, PlanParts {
  /** `gateway.subscriptions.max` and `gateway.streams.max`; a token may lower them. */
  readonly subscriptionsMax: number;
  readonly streamsMax: number;
}

/** Refusals that say whether a topic exists come after this, so that their time says nothing. */
const REFUSAL_DELAY_MS = 50;

/** A Subscribe that is still being looked at, and what the client has said about it meanwhile. */
interface Starting {
  readonly sub: number;
  isPaused: boolean;
  credit: number;
}

/**
 * The subscriptions of one connection, by the client's numbers. Lists, not maps: there is mostly one subscription, and
 * an empty map takes more memory than all of it.
 */
export class SubscriptionTable implements SubscriptionOwner {
  readonly #parts: SubscriptionTableParts;
  readonly #host: SubscriptionHost;
  #live: readonly Subscription[] = [];
  #starting: readonly Starting[] = [];
  /** Numbers that were used, the latest ones. */
  #ended: number[] = [];
  #streamIds: readonly number[] = [];
  /** One of them has, or had, a grant beside the connection's token. */
  #hadOwnGrant = false;

  constructor(parts: SubscriptionTableParts, host: SubscriptionHost) {
    this.#parts = parts;
    this.#host = host;
  }

  get streamCount(): number {
    return this.#streamIds.length;
  }

  get(sub: number): Subscription | undefined {
    return this.#live.find(({ plan }) => plan.sub === sub);
  }

  /** It is there, or begins. */
  has(sub: number): boolean {
    return this.get(sub) !== undefined || this.#starting.some((one) => one.sub === sub);
  }

  all(): readonly Subscription[] {
    return this.#live;
  }

  /** Never rejects: a refusal is an Error frame for the request. */
  async subscribe(frame: Subscribe): Promise<void> {
    const { req, sub } = frame;
    const { clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    const starting: Starting = { sub, isPaused: false, credit: 0 };
    try {
      this.#checkRoom(sub);
      this.#starting = [...this.#starting, starting];
      const plan = await planSubscription(this.#parts, this.#host, frame);
      if (!this.#host.isOpen) return;
      if (!this.#isStarting(starting)) throw new Refused(ErrorCode.BAD_REQUEST, 'Unsubscribed.');
      // The token may have been refreshed meanwhile.
      if (!this.#isAllowed(plan))
        throw new Refused(ErrorCode.FORBIDDEN, 'Not allowed, or there is no such topic.');
      await this.#begin(req, plan, starting);
    } catch (error) {
      const { code, message, retryAfterMs } = refusalOf(error);
      const passedMs = clock.monotonicMs() - startedMs;
      if (code === ErrorCode.FORBIDDEN && passedMs < REFUSAL_DELAY_MS)
        await new Promise<void>((resolve) => {
          clock.setTimer(REFUSAL_DELAY_MS - passedMs, resolve);
        });
      if (this.#host.isOpen) this.#host.refuse(req, code, message, retryAfterMs);
    } finally {
      this.#started(starting);
    }
  }

  unsubscribe({ req, sub }: Unsubscribe): void {
    const live = this.get(sub);
    if (live !== undefined) {
      live.end(req, 0);
      return;
    }
    const starting = this.#starting.find((one) => one.sub === sub);
    if (starting === undefined) {
      this.#host.refuse(req, ErrorCode.BAD_REQUEST, 'There is no such subscription.');
      return;
    }
    this.#started(starting);
    this.#remember(sub);
    this.#host.send({ kind: 'unsubscribed', req, sub, code: 0, retryable: false, resume: null });
  }

  /** Stops or continues delivery; an ended subscription is none of its business. */
  setPaused(sub: number, isPaused: boolean): void {
    const starting = this.#starting.find((one) => one.sub === sub);
    if (starting !== undefined) starting.isPaused = isPaused;
    if (isPaused) this.get(sub)?.pause();
    else this.get(sub)?.resume();
  }

  /** False when the window would grow beyond its bound. */
  addCredit(sub: number, bytes: number): boolean {
    const starting = this.#starting.find((one) => one.sub === sub);
    if (starting === undefined) return this.get(sub)?.addCredit(bytes) ?? true;
    starting.credit += bytes;
    return starting.credit <= WINDOW_BYTES_MAX;
  }

  /** Positions of all subscriptions, as `StreamSet.takeProgress` says. The caller sends them at once. */
  takeProgress(isRound: boolean): StreamOffset[] {
    const progress: StreamOffset[] = [];
    for (const subscription of this.#live) subscription.takeProgress(progress, isRound);
    return progress;
  }

  /** Ends what the connection's new token does not allow any more (§16.3). */
  recheckRights(): void {
    for (const subscription of this.#live)
      if (!this.#isAllowed(subscription.plan)) subscription.end(0, ErrorCode.FORBIDDEN);
  }

  /** Ends subscriptions whose own grant has expired. */
  endExpired(nowMs: number): void {
    if (!this.#hadOwnGrant) return;
    for (const subscription of this.#live) {
      const { ownGrant } = subscription.plan;
      if (ownGrant !== null && ownGrant.expiresAtMs <= nowMs)
        subscription.end(0, ErrorCode.TOKEN_EXPIRED);
    }
  }

  /** Ends subscriptions whose own grant was revoked. */
  endRevoked(revocations: Revocations): void {
    for (const subscription of this.#live) {
      const { ownGrant } = subscription.plan;
      if (ownGrant !== null && revocations.isRevoked(ownGrant))
        subscription.end(0, ErrorCode.FORBIDDEN);
    }
  }

  /** The connection is gone. */
  abandon(): void {
    for (const subscription of this.#live) subscription.abandon();
    this.#live = [];
  }

  claim(streamId: number): 'yes' | 'taken' | 'full' {
    const { limits } = this.#host.principal.grants;
    const max = Math.min(this.#parts.streamsMax, limits.streams ?? Infinity);
    if (this.#streamIds.includes(streamId)) return 'taken';
    if (this.#streamIds.length >= max) return 'full';
    this.#streamIds = [...this.#streamIds, streamId];
    return 'yes';
  }

  release(streamId: number): void {
    this.#streamIds = this.#streamIds.filter((one) => one !== streamId);
  }

  ended(subscription: Subscription): void {
    this.#live = this.#live.filter((one) => one !== subscription);
    this.#remember(subscription.plan.sub);
  }

  /** False when the connection's token does not cover the plan any more; its own grant is looked at elsewhere. */
  #isAllowed(plan: SubscriptionPlan): boolean {
    const { grants } = this.#host.principal;
    return plan.ownGrant !== null || sameRight(plan, grants.mayRead(plan.topic.name));
  }

  #checkRoom(sub: number): void {
    const { limits } = this.#host.principal.grants;
    const max = Math.min(this.#parts.subscriptionsMax, limits.subscriptions ?? Infinity);
    const isStarting = this.#starting.some((one) => one.sub === sub);
    if (isStarting || this.get(sub) !== undefined || this.#ended.includes(sub))
      throw new Refused(ErrorCode.BAD_REQUEST, 'The number of this subscription was used before.');
    if (this.#live.length + this.#starting.length >= max)
      throw new Refused(ErrorCode.LIMIT, 'Too many subscriptions.');
  }

  async #begin(req: number, plan: SubscriptionPlan, starting: Starting): Promise<void> {
    const subscription = new Subscription(this.#parts, this.#host, this, plan);
    this.#started(starting);
    this.#live = [...this.#live, subscription];
    this.#hadOwnGrant ||= plan.ownGrant !== null;
    if (starting.isPaused) subscription.pause();
    subscription.addCredit(starting.credit);
    const code = await subscription.begin(req);
    if (code === 0) return;
    this.#live = this.#live.filter((one) => one !== subscription);
    const isFull = code === ErrorCode.LIMIT;
    throw new Refused(
      code,
      isFull
        ? 'Too many streams, or filters without a key.'
        : 'The same streams exist on this lane.',
    );
  }

  /** A number that is not to be used again. */
  #remember(sub: number): void {
    this.#ended.push(sub);
    if (this.#ended.length > sessionLimits.endedSubscriptionsMax) this.#ended.shift();
  }

  #isStarting(starting: Starting): boolean {
    return this.#starting.includes(starting);
  }

  #started(starting: Starting): void {
    this.#starting = this.#starting.filter((one) => one !== starting);
  }
}

/** True when the right covers what the subscription was made with: same filter, all its partitions. */
function sameRight(plan: SubscriptionPlan, now: SubscriptionPlan['grant'] | null): boolean {
  const before = plan.grant;
  if (now === null || now.watermark !== before.watermark) return false;
  if (JSON.stringify(now.filter, bytesAsText) !== JSON.stringify(before.filter, bytesAsText))
    return false;
  if (now.partitions === null) return true;
  // null: it has all partitions, also those that will be added, and no list covers these.
  const has = plan.partitions ?? before.partitions;
  return has !== null && [...has].every((partition) => now.partitions?.has(partition));
}

function bytesAsText(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

function refusalOf(error: unknown): { code: number; message: string; retryAfterMs: number } {
  if (error instanceof Refused) return error;
  const { code } = error as { code?: unknown };
  if (typeof code === 'number')
    return { code, message: 'The cluster refused.', retryAfterMs: 1000 };
  throw error;
}
