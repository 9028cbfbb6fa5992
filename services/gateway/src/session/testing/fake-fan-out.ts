import { recordsFrame } from '@millrace/gateway-protocol';
import type {
  ClassOptions,
  Cursor,
  CursorEvents,
  CursorOptions,
  CursorState,
  DeliveryTarget,
  FanOut,
  Reservation,
} from '../../fan-out/contract.ts';

/** A cursor that a test moves by hand. */
export class FakeCursor implements Cursor {
  readonly streamId: number;
  readonly partition: number;
  readonly options: CursorOptions;
  readonly events: CursorEvents;
  readonly target: DeliveryTarget;
  nextOffset: number;
  leaderEpoch: number;
  isPaused = false;
  isDetached = false;
  /** Where it stands without the client knowing; -1: nowhere else. */
  silentOffset = -1;

  constructor(
    streamId: number,
    target: DeliveryTarget,
    options: CursorOptions,
    events: CursorEvents,
  ) {
    this.streamId = streamId;
    this.partition = options.partition;
    this.options = options;
    this.events = events;
    this.target = target;
    this.nextOffset = options.startOffset;
    this.leaderEpoch = options.startEpoch;
  }

  get state(): CursorState {
    if (this.isDetached) return 'detached';
    return this.nextOffset < 0 ? 'pending' : 'tail';
  }

  /** Delivers `[nextOffset, next)` as one frame of `rawSize` bytes, as rule P4 allows; false when it does not. */
  deliver(next: number, rawSize = 100): boolean {
    const { target, options } = this;
    if (this.isDetached || this.isPaused || this.nextOffset < 0) return false;
    if (target.creditBytes <= 0 || options.window.bytes <= 0) return false;
    target.creditBytes -= rawSize;
    options.window.bytes -= rawSize;
    const header = {
      stream: this.streamId,
      count: next - this.nextOffset,
      fromOffset: this.nextOffset,
      nextOffset: next,
      highWatermark: next,
      baseTimestamp: 0,
      leaderEpoch: 0,
      flags: 0,
      part: 0,
      parts: 1,
      codec: 0,
      rawSize,
    };
    const bytes = recordsFrame(header, new Uint8Array(0));
    target.control.flush(target.socket, 65_536);
    target.socket.send(bytes, target.isText);
    this.nextOffset = next;
    this.leaderEpoch = 0;
    return true;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  continueAt(offset: number, epoch: number): void {
    this.nextOffset = offset;
    this.leaderEpoch = epoch;
  }

  detach(): void {
    this.isDetached = true;
  }

  progressDue(): boolean {
    return !this.isDetached && this.silentOffset > this.nextOffset;
  }

  takeProgress(): number {
    if (!this.progressDue()) return -1;
    this.nextOffset = this.silentOffset;
    return this.nextOffset;
  }
}

/** Delivery without records: control lanes are flushed at once, cursors move when a test says so. */
export class FakeFanOut implements FanOut {
  readonly cursors: FakeCursor[] = [];
  readonly #ids = new Map<string, number>();

  /** What `lagOf` says; 0 for others. */
  readonly lags = new Map<DeliveryTarget, number>();

  /** Not released yet. */
  reservations = 0;

  reserve(options: ClassOptions): Reservation {
    this.reservations++;
    return { streamId: this.#streamId(options), release: () => this.reservations-- };
  }

  attach(target: DeliveryTarget, options: CursorOptions, events: CursorEvents): FakeCursor {
    const cursor = new FakeCursor(this.#streamId(options), target, options, events);
    this.cursors.push(cursor);
    return cursor;
  }

  wake(target: DeliveryTarget): void {
    const room = 65_536 - target.socket.unsentBytes();
    target.socket.cork(() => {
      target.control.flush(target.socket, room);
    });
  }

  lagOf(target: DeliveryTarget): number {
    return this.lags.get(target) ?? 0;
  }

  detachAll(target: DeliveryTarget): void {
    for (const cursor of this.cursors) if (cursor.target === target) cursor.detach();
  }

  close(): void {}

  #streamId(options: ClassOptions): number {
    const { topicId, partition, lane, encoding, projection, isolation, codec, filter } = options;
    const key = [topicId, partition, lane, encoding, projection, isolation, codec, filter?.id];
    const text = JSON.stringify(key);
    const id = this.#ids.get(text) ?? this.#ids.size + 1;
    this.#ids.set(text, id);
    return id;
  }
}
