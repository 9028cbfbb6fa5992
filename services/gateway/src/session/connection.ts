import { asError, assert } from '@millrace/base';
import {
  CloseCode,
  ErrorCode,
  encodeFrame,
  encodeJsonFrame,
  isRetryable,
  type JsonFrameInput,
  Scope,
} from '@millrace/gateway-protocol';
import type { Principal } from '../auth/principal.ts';
import type { DeliveryTarget } from '../fan-out/contract.ts';
import { controlRoom } from '../fan-out/write-batch.ts';
import { type PublishHost, PublishLane } from '../publish/publish-lane.ts';
import { progressFrames } from '../subscriptions/stream-frames.ts';
import type { SubscriptionHost } from '../subscriptions/subscription-host.ts';
import { SubscriptionTable } from '../subscriptions/subscription-table.ts';
import type { Socket } from '../ws/socket-server.ts';
import { Conduct } from './conduct.ts';
import { FrameLane } from './control-lane.ts';
import { type Farewell, LIFETIME_OVER } from './farewell.ts';
import { Heartbeat } from './heartbeat.ts';
import type { SharedParts } from './session-parts.ts';
import { moved, type SessionState } from './session-state.ts';
import type { UpgradeContext } from './upgrade-checks.ts';

const RETRY_AFTER_MS = 1000;
const utf8 = new TextEncoder();
const NO_REQUESTS: number[] = [];

/** What Hello and its token settled. */
export interface WelcomedAs {
  readonly principal: Principal;
  /** When the token ends, Unix ms. */
  readonly expiresAtMs: number;
  readonly caps: number;
  readonly codecs: readonly number[];
  readonly creditBytes: number;
  /** Text of the producer session. */
  readonly producerSession: string | null;
}

/** One WebSocket client: its state, its control lane, and everything it holds here. */
export class Connection implements DeliveryTarget, SubscriptionHost, PublishHost {
  readonly socket: Socket;
  readonly context: UpgradeContext;
  readonly control: FrameLane;
  readonly parts: SharedParts;
  readonly heartbeat: Heartbeat;
  readonly openedMs: number;
  creditBytes = 0;
  caps = 0;
  codecs: readonly number[] = [];
  /** Requests that wait for their answer: few, so a list. */
  openRequests: number[] = NO_REQUESTS;
  /** While positions of a Commit are checked, later ones wait behind it. */
  commitOrder: Promise<unknown> | null = null;
  /** When the connection is asked to go, and when it is closed then; monotonic ms, -1 for never. */
  goawayMs = -1;
  closeMs = -1;
  /** Why it goes at `goawayMs`. */
  farewell: Farewell = LIFETIME_OVER;
  /** The principal that this connection counts for, once admitted. */
  countedAs: string | null = null;
  isWarnedOfExpiry = false;
  /** Its first publish credit is small: it came while many publishes were in flight. */
  isPublishReduced = false;
  /** When the token ends, Unix ms. */
  expiresAtMs = Number.MAX_SAFE_INTEGER;
  /** Since when the socket has had unsent bytes and took none; monotonic ms, -1 for not now. */
  stalledSinceMs = -1;
  #state: SessionState = 'HELLO_WAIT';
  #principal: Principal | null = null;
  #producerSession: string | null = null;
  #subscriptions: SubscriptionTable | null = null;
  #publishing: PublishLane | null = null;
  #conduct: Conduct | null = null;
  #isFlushDue = false;

  constructor(parts: SharedParts, socket: Socket) {
    // Whole milliseconds: fractions would be numbers on the heap, one for each field.
    const nowMs = Math.floor(parts.clock.monotonicMs());
    this.parts = parts;
    this.socket = socket;
    this.context = socket.context as UpgradeContext;
    this.control = new FrameLane(this.context.isText);
    this.heartbeat = new Heartbeat(nowMs);
    this.openedMs = nowMs;
  }

  get isText(): boolean {
    return this.context.isText;
  }

  get target(): DeliveryTarget {
    return this;
  }

  get state(): SessionState {
    return this.#state;
  }

  get isOpen(): boolean {
    return this.#state !== 'CLOSED';
  }

  get isWelcomed(): boolean {
    return this.#state === 'READY' || this.#state === 'DRAINING';
  }

  get isDraining(): boolean {
    return this.#state === 'DRAINING';
  }

  get principal(): Principal {
    assert(this.#principal !== null, 'a connection that was not welcomed has no principal');
    return this.#principal;
  }

  get principalKey(): string {
    return this.countedAs ?? '';
  }

  get conduct(): Conduct {
    this.#conduct ??= new Conduct();
    return this.#conduct;
  }

  /** Made by the first use: most memory of an idle connection would be these. */
  get subscriptions(): SubscriptionTable {
    this.#subscriptions ??= new SubscriptionTable(this.parts.subscriptions, this);
    return this.#subscriptions;
  }

  get publishing(): PublishLane {
    const { clock, metrics, publisher } = this.parts;
    const parts = { clock, metrics, publisher, isReduced: this.isPublishReduced };
    this.#publishing ??= new PublishLane(parts, this, this.#producerSession);
    return this.#publishing;
  }

  /** Highest sequence number known of the producer session, -1 for none. */
  get lastSeq(): number {
    return this.#producerSession === null ? -1 : this.publishing.lastSeq;
  }

  get hasSubscriptions(): boolean {
    return this.#subscriptions !== null;
  }

  get publishesInFlight(): number {
    return this.#publishing?.inFlight ?? 0;
  }

  authenticating(): void {
    this.#move('AUTHENTICATING');
  }

  welcomed(as: WelcomedAs): void {
    this.#move('READY');
    this.#principal = as.principal;
    this.expiresAtMs = as.expiresAtMs;
    this.caps = as.caps;
    this.codecs = as.codecs;
    this.creditBytes = as.creditBytes;
    this.#producerSession = as.producerSession;
  }

  /** The publish credit that Welcome kept back. */
  widenPublishing(): void {
    this.publishing.widen();
    this.isPublishReduced = false;
  }

  /** A refreshed token of the same principal. */
  refreshed(principal: Principal, expiresAtMs: number): void {
    this.#principal = principal;
    this.expiresAtMs = expiresAtMs;
    this.isWarnedOfExpiry = false;
  }

  draining(closeMs: number): void {
    this.#move('DRAINING');
    this.closeMs = Math.floor(closeMs);
  }

  send(frame: JsonFrameInput): void {
    if (!this.isOpen) return;
    const bytes = this.isText ? utf8.encode(encodeJsonFrame(frame)) : encodeFrame(frame);
    this.parts.metrics.framesOut.with(frame.kind).add();
    this.heartbeat.sent(this.parts.clock.monotonicMs());
    if (!this.control.push(bytes)) this.#cut(CloseCode.ABUSE, 'too much unread');
    else if (!this.#isFlushDue) {
      // What is said in one turn leaves in one write.
      this.#isFlushDue = true;
      queueMicrotask(() => this.flush());
    }
  }

  /**
   * Sends what waits at once, as far as the socket may take it: an answer is not to stand in line behind the records of
   * others. The delivery loop sends the rest.
   */
  flush(): void {
    this.#isFlushDue = false;
    if (!this.isOpen || this.control.bytes === 0) return;
    this.#flush();
    if (this.#subscriptions === null || !this.isOpen) return;
    if (this.control.bytes > 0 || this.socket.unsentBytes() > 0) this.parts.fanOut.wake(this);
  }

  /** Sends what the control lane holds, as far as the socket may take it. */
  #flush(): void {
    const room = controlRoom(this.socket.unsentBytes());
    this.socket.cork(() => {
      this.control.flush(this.socket, room);
    });
  }

  refuse(req: number, code: number, message: string, retryAfterMs = 0): void {
    this.error(Scope.REQUEST, req, code, message, retryAfterMs);
  }

  error(scope: number, id: number, code: number, message: string, retryAfterMs = 0): void {
    const retryable = isRetryable(code);
    const after = retryable && retryAfterMs === 0 ? RETRY_AFTER_MS : retryAfterMs;
    this.send({ kind: 'error', scope, id, code, retryable, retryAfterMs: after, message });
  }

  closeRequest(req: number): void {
    const left = this.openRequests.filter((open) => open !== req);
    this.openRequests = left.length === 0 ? NO_REQUESTS : left;
  }

  /** Error, then the close frame: it may lose its reason on the way. */
  fail(closeCode: number, code: number, message: string, retryAfterMs = 0): void {
    if (!this.isOpen) return;
    this.error(Scope.CONNECTION, 0, code, message, retryAfterMs);
    this.end(closeCode, message);
  }

  /** Sends what is left to say, then closes. */
  end(closeCode: number, reason: string): void {
    if (!this.isOpen) return;
    this.parts.fanOut.detachAll(this);
    if (this.control.bytes > 0) this.#flush();
    this.#cut(closeCode, reason);
  }

  /** A bug in a handler costs its connection, nothing else (§19.16). */
  broken(error: unknown): void {
    this.parts.log.warnLimited('broken', 'a handler failed', { error: asError(error) });
    this.fail(CloseCode.INTERNAL, ErrorCode.INTERNAL, 'Internal error.');
  }

  /** What is published and has no result by now is unknown. */
  giveUpPublishes(): void {
    this.#publishing?.giveUp();
  }

  /** Progress of every stream whose position moved without a frame that said so. */
  sendProgress(isRound = false): void {
    if (this.#subscriptions === null) return;
    for (const frame of progressFrames(this.#subscriptions.takeProgress(isRound), this.isText))
      this.send(frame);
  }

  /** A frame or request that should not have been; too many are abuse. */
  strike(): void {
    if (this.conduct.strike(this.parts.clock.monotonicMs()))
      this.fail(CloseCode.ABUSE, ErrorCode.OVERLOADED, 'Too many refused requests.');
  }

  creditExceeded(): void {
    if (this.conduct.creditStrike(this.parts.clock.monotonicMs()))
      this.fail(CloseCode.ABUSE, ErrorCode.CREDIT_EXCEEDED, 'Too many publishes without credit.');
  }

  dropped(): void {
    this.parts.log.error('a socket dropped bytes', { connection: this.socket.id });
    this.#cut(CloseCode.INTERNAL, 'internal error');
  }

  /** The socket is gone. */
  closed(): void {
    if (this.isOpen) this.#move('CLOSED');
    this.#subscriptions?.abandon();
    this.parts.fanOut.detachAll(this);
  }

  #move(to: SessionState): void {
    const { connections } = this.parts.metrics;
    connections.with(this.#state).add(-1);
    this.#state = moved(this.#state, to);
    if (to !== 'CLOSED') connections.with(to).add(1);
  }

  #cut(closeCode: number, reason: string): void {
    if (!this.isOpen) return;
    this.#move('CLOSED');
    this.socket.end(closeCode, reason);
  }
}
