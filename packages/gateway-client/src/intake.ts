import {
  type CaughtUp,
  type Gap,
  Outcome,
  type Records,
  RecordsFlag,
  type StreamInfo,
  type StreamOffset,
  serverLimits,
} from '@millrace/gateway-protocol';
import type { CreditReturn } from './credit-return.ts';
import type { DeliveryItem, DeliveryQueue } from './delivery-queue.ts';
import type { Emitter } from './emitter.ts';
import { ProtocolViolation } from './errors.ts';
import type { RecordBlock } from './gateway-record.ts';
import { decompress } from './inflate.ts';
import { DELIVERY_ITEMS_MAX } from './limits.ts';
import type { StreamSink } from './link.ts';
import { GAP_NAMES } from './names.ts';
import type { SubscribeOptions } from './options.ts';
import {
  offsetOf,
  PartitionState,
  type Place,
  placeOf,
  type ReceivedBlock,
} from './partition-state.ts';
import { parseBlock } from './record-block.ts';
import type { GapReasonName, SubscriptionEvents } from './subscription.ts';

export interface IntakeOptions {
  readonly topic: string;
  readonly options: SubscribeOptions;
  readonly queue: DeliveryQueue;
  readonly emitter: Emitter<SubscriptionEvents>;
  readonly window: CreditReturn;
  readonly connectionWindow: CreditReturn;
  /** A block that arrived in order turned out to be broken. */
  readonly broken: (violation: ProtocolViolation) => void;
  /** A position of the consumer moved. */
  readonly moved: () => void;
  /** A partition reached its end, or fell behind. */
  readonly changed: () => void;
}

const GAP_REASONS = GAP_NAMES.split(',') as readonly GapReasonName[];

/**
 * Frames of one subscription become, checked against the positions, blocks and events in the queue of
 * the consumer. Knows nothing of connections: `detach` says that one is over.
 */
export class Intake implements StreamSink {
  readonly #partitions = new Map<number, PartitionState>();
  readonly #o: IntakeOptions;
  /** The last queued item of a partition, where that is Progress: more of it moves this one on. */
  readonly #progress = new Map<PartitionState, { place: Place }>();
  /** Counts connections: what an old one said about being caught up is stale. */
  #era = 0;

  constructor(options: IntakeOptions) {
    this.#o = options;
  }

  /** True when every partition has reached its end, as far as the consumer has come. */
  get isCaughtUp(): boolean {
    return [...this.#partitions.values()].every((state) => state.isCaughtUp);
  }

  /** Every partition of which a place is known. */
  places(which: 'received' | 'finished'): Place[] {
    return [...this.#partitions.values()]
      .map((state) => state[which])
      .filter((place) => place !== null);
  }

  /** Where it goes on in one topic of that name. */
  placesIn(topicId: string): Place[] {
    return this.places('received').filter((place) => place.topicId === topicId);
  }

  /** All partitions of the topic were named: of one that is followed, those that only the one before it had are gone. */
  forgetOld(topicId: string): void {
    if (!this.#isFollowed) return;
    for (const [partition, state] of this.#partitions)
      if (state.topicId !== topicId) this.#partitions.delete(partition);
  }

  detach(): void {
    this.#era++;
    for (const state of this.#partitions.values()) this.#giveBack(state.detach());
  }

  /** The server says where a partition starts, or what became of it. FAILED is not for here. */
  begin(info: StreamInfo, topicId: string): void {
    const { partition, outcome } = info;
    let state = this.#partitions.get(partition);
    if (state === undefined) {
      state = new PartitionState(partition);
      this.#partitions.set(partition, state);
    }
    state.topicId = topicId;
    const { onDiverged } = this.#o.options;
    if (outcome === Outcome.PENDING) return;
    // A topic that is made again while it is read ends the subscription: the next Subscribed names its id and its start.
    if (outcome === Outcome.RECREATED && state.isBegun) return;
    state.isBegun = true;
    const { received } = state;
    // A list that broke off told of the new topic, and left this partition out.
    const isLeftOut = this.#isFollowed && received !== null && received.topicId !== topicId;
    if (outcome === Outcome.RECREATED || isLeftOut) {
      const [from, to] = [Number(info.logStart), offsetOf(info.startOffset)];
      const place = placeOf(info, to, topicId);
      this.#jump(state, this.#isFollowed ? place : null, () => {
        this.#o.emitter.emit('recreated', { topicId });
        // Where no frame tells of it: the end was asked for as a start.
        if (isLeftOut && from >= 0 && from < to) this.#gap(partition, from, to, 'reset');
      });
      return;
    }
    state.begin(info, topicId);
    if (outcome === Outcome.DIVERGED) {
      const [from, to] = [offsetOf(info.lostFrom), offsetOf(info.lostTo)];
      const isFollowed = onDiverged !== undefined && onDiverged !== 'fail';
      const place = placeOf(info, from, topicId);
      this.#jump(state, isFollowed ? place : null, () =>
        this.#o.emitter.emit('diverged', { partition, from, to }),
      );
    }
  }

  records(partition: number, frame: Records): void {
    const { window, connectionWindow } = this.#o;
    const state = this.#state(partition);
    const bytes = frame.rawSize;
    if (frame.part === 0) {
      window.receive(bytes);
      connectionWindow.receive(bytes);
      // The server may go below zero by one block.
      if (window.heldBytes > window.windowBytes + serverLimits.rawBytes)
        throw new ProtocolViolation('more than its credit');
    }
    const received = state.receive(frame);
    if (received === null) return;
    if ((frame.flags & RecordsFlag.COLD) !== 0) this.#caughtUp(state, false);
    this.#progress.delete(state);
    this.#push({
      block: this.#decode(partition, received),
      finish: () => {
        state.finished = received.after;
        this.#giveBack(bytes);
        this.#o.moved();
      },
    });
  }

  progress(partition: number, entry: StreamOffset): void {
    const state = this.#state(partition);
    const offset = offsetOf(entry.offset);
    const place = state.advance(state.received?.offset ?? -1, offset, entry.epoch);
    const queued = this.#progress.get(state);
    if (queued !== undefined) {
      queued.place = place;
      return;
    }
    const item = { place };
    this.#progress.set(state, item);
    this.#push({
      happen: () => {
        if (this.#progress.get(state) === item) this.#progress.delete(state);
        state.finished = item.place;
        this.#o.moved();
      },
    });
  }

  caughtUp(partition: number, frame: CaughtUp): void {
    const offset = offsetOf(frame.offset);
    this.#caughtUp(this.#state(partition), true);
    this.#push({ happen: () => this.#o.emitter.emit('caughtUp', { partition, offset }) });
  }

  gap(partition: number, frame: Gap): void {
    const state = this.#state(partition);
    const [from, to] = [offsetOf(frame.fromOffset), offsetOf(frame.toOffset)];
    const place = state.advance(from, to, frame.leaderEpoch);
    const reason = GAP_REASONS[frame.reason] as GapReasonName;
    this.#jump(state, place, () => this.#gap(partition, from, to, reason));
  }

  #gap(partition: number, from: number, to: number, reason: GapReasonName): void {
    this.#o.emitter.emit('gap', { partition, from, to, reason });
  }

  /** A topic that is made again is read on. */
  get #isFollowed(): boolean {
    return (this.#o.options.onRecreated ?? 'fail') !== 'fail';
  }

  /** A block is done with: its first part took credit of both windows. */
  #giveBack(rawBytes: number): void {
    if (rawBytes === 0) return;
    this.#o.window.finish(rawBytes);
    this.#o.connectionWindow.finish(rawBytes);
  }

  #state(partition: number): PartitionState {
    const state = this.#partitions.get(partition);
    if (state === undefined) throw new ProtocolViolation(`unknown partition ${partition}`);
    return state;
  }

  /** The position goes on at `place`, or with null stays for the application to decide. */
  #jump(state: PartitionState, place: Place | null, event: () => void): void {
    if (place !== null && place !== state.received) this.#giveBack(state.reset(place));
    this.#progress.delete(state);
    this.#push({
      happen: () => {
        if (place !== null) state.finished = place;
        event();
        this.#o.moved();
      },
    });
  }

  #caughtUp(state: PartitionState, isCaughtUp: boolean): void {
    const era = this.#era;
    this.#push({
      happen: () => {
        if (era !== this.#era || state.isCaughtUp === isCaughtUp) return;
        state.isCaughtUp = isCaughtUp;
        this.#o.changed();
      },
    });
  }

  #push(item: DeliveryItem): void {
    const { queue } = this.#o;
    if (queue.length >= DELIVERY_ITEMS_MAX) throw new ProtocolViolation('too many items ahead');
    queue.push(item);
  }

  #decode(partition: number, received: ReceivedBlock): RecordBlock | Promise<RecordBlock | null> {
    const { header, payload } = received;
    const parse = (raw: Uint8Array): RecordBlock =>
      parseBlock(this.#o.topic, partition, received, raw);
    const raw = decompress(header.codec, payload, header.rawSize);
    if (raw instanceof Uint8Array) return parse(raw);
    return raw.then(parse).catch((error: unknown) => {
      this.#o.broken(
        error instanceof ProtocolViolation ? error : new ProtocolViolation(String(error)),
      );
      return null;
    });
  }
}
