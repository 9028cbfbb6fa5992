import {
  ErrorCode,
  Outcome,
  StartKind,
  type StreamInfo,
  type StreamOffset,
} from '@millrace/gateway-protocol';
import type {
  ClassOptions,
  Cursor,
  CursorEvents,
  CursorOptions,
  DeliveryTarget,
  FanOut,
  Reservation,
} from '../fan-out/contract.ts';
import { FilterLimitError } from '../fan-out/feed-classes.ts';
import type { ResolvedStart, StartRequest } from './start-resolution.ts';
import { NOTHING_KNOWN } from './start-resolution.ts';
import { addProgress, streamInfo } from './stream-frames.ts';
import type { SubscriptionPlan } from './subscription-plan.ts';

/** Stream ids that one connection has in use. */
export interface StreamClaims {
  claim(streamId: number): 'yes' | 'taken' | 'full';
  release(streamId: number): void;
}

/** One partition of a subscription. */
export interface Stream {
  readonly partition: number;
  readonly id: number;
  readonly start: StartRequest;
  /** Keeps the id until there is a cursor. */
  reservation: Reservation | null;
  /** Attached once the client knows the stream. */
  cursor: Cursor | null;
  /** True once the cursor stands somewhere. */
  isPlaced: boolean;
  isOver: boolean;
}

export interface StreamSetParts {
  readonly plan: SubscriptionPlan;
  readonly fanOut: FanOut;
  readonly target: DeliveryTarget;
  readonly claims: StreamClaims;
  readonly events: CursorEvents;
}

/** The streams of one subscription and their cursors, mostly one. */
export class StreamSet {
  readonly #parts: StreamSetParts;
  #streams: readonly Stream[] = [];
  #isPaused = false;

  constructor(parts: StreamSetParts) {
    this.#parts = parts;
  }

  all(): readonly Stream[] {
    return this.#streams;
  }

  of(partition: number): Stream | undefined {
    return this.#streams.find((stream) => stream.partition === partition);
  }

  /** Streams that have no position yet. */
  unplaced(): Stream[] {
    return this.#streams.filter(({ isPlaced, isOver }) => !isPlaced && !isOver);
  }

  get allOver(): boolean {
    return this.#streams.every(({ isOver }) => isOver);
  }

  /** Reserves the stream of a partition. @returns 0, or the `ErrorCode` that forbids it. */
  open(partition: number, start: StartRequest): number {
    const { plan, fanOut, claims } = this.#parts;
    const wanted = start.isRecreated ? undefined : start.positions.get(partition)?.offset;
    const reservation = reserved(fanOut, { ...plan.streamClass, partition }, wanted ?? -1);
    if (reservation === null) return ErrorCode.LIMIT;
    const { streamId: id } = reservation;
    const claim = claims.claim(id);
    if (claim !== 'yes') {
      reservation.release();
      return claim === 'taken' ? ErrorCode.ALREADY_EXISTS : ErrorCode.LIMIT;
    }
    const stream: Stream = {
      ...{ partition, id, start, reservation },
      ...{ cursor: null, isPlaced: false, isOver: false },
    };
    // A list of its exact length: one that grows keeps room for many.
    this.#streams = [...this.#streams, stream];
    return 0;
  }

  /** Sets a stream to its start; a PENDING one is attached and waits. */
  place(stream: Stream, start: ResolvedStart): void {
    if (start.outcome === Outcome.PENDING) {
      this.#attach(stream, -1, -1);
      return;
    }
    if (start.next === null) {
      this.#end(stream);
      return;
    }
    stream.isPlaced = true;
    const { offset, leaderEpoch } = start.next;
    if (stream.cursor === null) this.#attach(stream, offset, leaderEpoch);
    else stream.cursor.continueAt(offset, leaderEpoch);
  }

  pause(): void {
    this.#isPaused = true;
    for (const { cursor } of this.#streams) cursor?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    for (const { cursor } of this.#streams) cursor?.resume();
  }

  /**
   * Positions that moved without a frame that said so; in a round only those of streams that no frame moved since the
   * last one. The caller sends them at once.
   */
  takeProgress(into: StreamOffset[], isRound: boolean): void {
    for (const { cursor } of this.#streams)
      if (cursor !== null && (!isRound || cursor.progressDue())) addProgress(cursor, into);
  }

  /** By partition, how far delivery has come; -1 where it has not begun. */
  delivered(): Map<number, number> {
    return new Map(
      this.#streams.map(({ partition, cursor }) => [partition, cursor?.nextOffset ?? -1]),
    );
  }

  /** Cursors of all streams that go on; null while one has no position. */
  cursors(): Cursor[] | null {
    const cursors: Cursor[] = [];
    for (const { cursor, isPlaced, isOver } of this.#streams) {
      if (isOver) continue;
      if (!isPlaced || cursor === null) return null;
      cursors.push(cursor);
    }
    return cursors;
  }

  info(stream: Stream, start: ResolvedStart = NOTHING_KNOWN): StreamInfo {
    return streamInfo(stream.id, stream.partition, start, this.#parts.plan.grant.watermark);
  }

  close(): void {
    for (const stream of this.#streams) this.#end(stream);
  }

  #end(stream: Stream): void {
    if (stream.isOver) return;
    stream.isOver = true;
    stream.cursor?.detach();
    this.#letGo(stream);
    this.#parts.claims.release(stream.id);
  }

  #attach(stream: Stream, startOffset: number, startEpoch: number): void {
    if (stream.cursor !== null) return;
    const { plan, fanOut, target, events } = this.#parts;
    const options: CursorOptions = {
      ...plan.streamClass,
      partition: stream.partition,
      policy: plan.policy,
      rate: plan.rate,
      maxWaitMs: plan.maxWaitMs,
      maxLagMs: plan.maxLagMs,
      startOffset,
      startEpoch,
      snapshot: plan.start.kind === StartKind.KEY_SNAPSHOT,
      window: plan.window,
    };
    stream.cursor = fanOut.attach(target, options, events);
    this.#letGo(stream);
    if (this.#isPaused) stream.cursor.pause();
  }

  #letGo(stream: Stream): void {
    const { reservation } = stream;
    stream.reservation = null;
    reservation?.release();
  }
}

/** null when the partition has as many filters without a key as it may. */
function reserved(fanOut: FanOut, options: ClassOptions, wanted: number): Reservation | null {
  try {
    return fanOut.reserve(options, wanted);
  } catch (error) {
    if (error instanceof FilterLimitError) return null;
    throw error;
  }
}
