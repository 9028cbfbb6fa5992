/**
 * What fan-out gives to the session, and what it asks of it.
 *
 * Offsets are safe integers, -1 for none. From the first `attach` on, only the delivery loop writes records to a target's
 * socket: whatever the session has to say goes through the target's control lane, which the session may flush at once and
 * the loop flushes ahead of records; what is left in it, or unsent, is followed by `FanOut.wake`.
 */
import type { Socket } from '../ws/socket-server.ts';
import type { CompiledFilter } from './compiled-filter.ts';
import type { RateLimit } from './rate-limit.ts';

/** Frames that go ahead of data, of one connection (rule P6: at most 32 KiB). */
export interface ControlLane {
  /** Bytes waiting. */
  readonly bytes: number;
  /**
   * Sends whole messages, oldest first, as long as they fit into `roomBytes`; called inside a cork. Returns the bytes
   * sent.
   */
  flush(socket: Socket, roomBytes: number): number;
}

/** What delivery sees of a connection; the session implements it. */
export interface DeliveryTarget {
  readonly socket: Socket;
  readonly control: ControlLane;
  /** JSON subprotocol: frames go as text. */
  readonly isText: boolean;
  /** Bytes of the connection window that are left (rule P4). Delivery subtracts, the session adds, then `wake`s. */
  creditBytes: number;
  /** For an even share between principals. */
  readonly principalKey: string;
  /** The transport answered `dropped`: a bug. The session closes with 4006; delivery writes nothing more. */
  dropped(): void;
}

/** A subscription's window, shared by its cursors. Delivery subtracts, the session adds, then `wake`s. */
export interface CreditWindow {
  bytes: number;
}

/** Everything that decides the bytes of a stream's frames: cursors with equal values share frames and a stream id. */
export interface ClassOptions {
  readonly topic: string;
  /** 22 characters as Kafka writes it, or all zero bits for a cluster without ids. */
  readonly topicId: string;
  readonly partition: number;
  readonly lane: number;
  readonly encoding: 'fb' | 'json';
  /** Bits of `Projection`. */
  readonly projection: number;
  /** An `Isolation`. */
  readonly isolation: number;
  /** A `Codec`. Ignored for JSON. */
  readonly codec: number;
  readonly filter: CompiledFilter | null;
  /** Whether frames tell the high watermark. */
  readonly showWatermark: boolean;
}

export interface CursorOptions extends ClassOptions {
  /** A `Policy`. */
  readonly policy: number;
  /** Shared by the streams of a subscription; null = no limit. */
  readonly rate: RateLimit | null;
  readonly maxWaitMs: number;
  /** 0 = no limit. */
  readonly maxLagMs: number;
  /** Where to begin; -1: not known yet, nothing happens before `continueAt`. */
  readonly startOffset: number;
  /** Leader epoch the position was written under, -1 unknown. */
  readonly startEpoch: number;
  /** KEY_SNAPSHOT: conflated with flag SNAPSHOT up to the end at attach, then the policy. */
  readonly snapshot: boolean;
  readonly window: CreditWindow;
}

/**
 * Why a cursor stopped. It stands still until `continueAt` or `detach`; after RECREATED and FAILED only `detach`: a
 * stream of the new topic is another cursor, of another class.
 */
export type CursorOutcome =
  /** `[lostFrom, lostTo)` was deleted by retention; `lostTo` is the log start. */
  | { readonly kind: 'GAP'; readonly lostFrom: number; readonly lostTo: number }
  /** What the client has of `[lostFrom, lostTo)` no longer exists. */
  | { readonly kind: 'DIVERGED'; readonly lostFrom: number; readonly lostTo: number }
  /** `startOffset` is the log start of the new topic, `topicId` its id. */
  | { readonly kind: 'RECREATED'; readonly startOffset: number; readonly topicId: string }
  /** An `ErrorCode`: 120, 124, 100. Terminal. */
  | { readonly kind: 'FAILED'; readonly code: number };

/** What a cursor reports. Called from the delivery loop or from an answer of the cluster: must not throw. */
export interface CursorEvents {
  /**
   * The client must be told at once that it stands at `offset`: a Progress frame. Comes before `gap`, `caughtUp` and
   * `outcome` where no frame led there; the rounds of `takeProgress` are beside it.
   */
  progress(cursor: Cursor, offset: number): void;
  /** `[from, to)` is skipped; `reason` is a `GapReason`. The position is already at `to`: send a Gap frame. */
  gap(cursor: Cursor, from: number, to: number, reason: number): void;
  /** The end as known at attach is reached, or the cursor is live again after catch-up. */
  caughtUp(cursor: Cursor, offset: number): void;
  outcome(cursor: Cursor, outcome: CursorOutcome): void;
  /** Policy DISCONNECT holds: Unsubscribed 113. The cursor has stopped. */
  slow(cursor: Cursor): void;
}

/** What keeps a cursor from delivering, for gauges. */
export type CursorState = 'pending' | 'cold' | 'hot' | 'tail' | 'stopped' | 'detached';

/** Where one stream reads next. */
export interface Cursor {
  readonly streamId: number;
  readonly partition: number;
  /** Everything below was covered by frames that are sent. */
  readonly nextOffset: number;
  /** Of what was sent last, -1 unknown. */
  readonly leaderEpoch: number;
  readonly state: CursorState;
  pause(): void;
  resume(): void;
  /** Goes on at a position that the session announced itself (StreamStates or Gap in the control lane). */
  continueAt(offset: number, epoch: number): void;
  /** Nothing is sent for it after this. */
  detach(): void;
  /**
   * Asked by each round of Progress: true when `takeProgress` has something to say and no frame has moved the stream
   * since the round before. A stream that delivers says where it stands by delivering.
   */
  progressDue(): boolean;
  /**
   * The position that may be announced although no Records frame led to it, or -1. `nextOffset` is that position
   * afterwards, so the Progress frame must be put into the control lane before anything else happens.
   */
  takeProgress(): number;
}

/** A stream id that a client may be told. */
export interface Reservation {
  readonly streamId: number;
  /** To be called once. */
  release(): void;
}

export interface FanOut {
  /**
   * Keeps the class, and with it the id that a stream of it has, until the reservation is released: after `attach`,
   * or when there will be none. Unused classes are forgotten, and one that comes back has another id.
   *
   * @param startOffset where the stream will probably begin, if somebody knows: a partition that nobody reads yet is read
   *   from there on
   * @throws FilterLimitError (106) when the partition has no room for another filter without a key.
   */
  reserve(options: ClassOptions, startOffset?: number): Reservation;
  /** @throws FilterLimitError (106) when the partition has no room for another filter without a key. */
  attach(target: DeliveryTarget, options: CursorOptions, events: CursorEvents): Cursor;
  /** After control frames were queued, credit was added, or the transport drained. */
  wake(target: DeliveryTarget): void;
  /** Records that its streams are behind the ends of their partitions, together. */
  lagOf(target: DeliveryTarget): number;
  /** The connection is gone. */
  detachAll(target: DeliveryTarget): void;
  close(): void;
}
