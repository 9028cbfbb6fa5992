import type { Clock, Logger, Timer } from '@millrace/base';
import { Codec, Policy, Projection } from '@millrace/gateway-protocol';
import { deliveryLimits } from '../limits.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { PartitionSource } from '../upstream.ts';
import { Census } from './census.ts';
import { ColdCache } from './cold-cache.ts';
import { ColdReads } from './cold-reads.ts';
import { ConflationBudget } from './conflation-budget.ts';
import type {
  ClassOptions,
  Cursor,
  CursorEvents,
  CursorOptions,
  DeliveryTarget,
  FanOut,
  Reservation,
} from './contract.ts';
import { type CursorHost, type CursorOutlet, StreamCursor } from './cursor.ts';
import { DeliveryLoop } from './delivery-loop.ts';
import { EgressShares } from './egress-shares.ts';
import { Feed, type FeedParts } from './feed.ts';
import { HeldRecords } from './held-records.ts';
import { lagMs } from './next-packet.ts';
import { Outlet } from './outlet.ts';
import { RingBudget } from './ring-budget.ts';
import { SlowJudge } from './slow-judge.ts';
import { StreamClass } from './stream-class.ts';
import { UnreadableBatches } from './unreadable-batches.ts';

/** Settings of fan-out; sizes in bytes, times in ms. */
export interface FanOutSettings {
  readonly ringPartitionBytes: number;
  readonly ringTotalBytes: number;
  readonly feedLingerMs: number;
  readonly coldCacheBytes: number;
  readonly coldConcurrency: number;
  readonly coldEgressRatio: number;
  readonly conflateMaxKeys: number;
  readonly conflateMaxBytes: number;
  readonly conflateTotalBytes: number;
  readonly tickMs: number;
  readonly tickBudgetMs: number;
  readonly recordMaxBytes: number;
  /** Batches that cannot be read are gaps; else streams end there. */
  readonly skipUnreadable: boolean;
  readonly compressionMinBytes: number;
  readonly socketStallMs: number;
}

export interface FanOutParts {
  readonly settings: FanOutSettings;
  readonly source: PartitionSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: GatewayMetrics;
  readonly defer: (work: () => void) => void;
  /** P7: sockets hold bytes and none of them has made progress for long. */
  readonly onStuck: () => void;
}

/** Slow readers are judged, and gauges set, so often. Milliseconds. */
const LOOK_PERIOD_MS = 1000;
/** A look that comes so long after the last one means that the process stood still. Milliseconds. */
const STOOD_STILL_MS = 2 * LOOK_PERIOD_MS;

/** The fan-out of one process: feeds, classes, cursors and the loop that delivers. */
export class StreamFanOut implements FanOut, CursorHost {
  readonly #parts: FanOutParts;
  readonly #feeds = new Map<string, Feed>();
  readonly #outlets = new Map<DeliveryTarget, CursorOutlet>();
  readonly #shares = new EgressShares<CursorOutlet>();
  readonly #judged = new Set<StreamCursor>();
  readonly #ringBudget: RingBudget;
  readonly #conflationBudget: ConflationBudget;
  readonly #coldCache: ColdCache;
  readonly heldRecords: HeldRecords;
  readonly #cold: ColdReads;
  readonly #loop: DeliveryLoop;
  readonly #feedParts: FeedParts;
  readonly #encodings = { count: 0 };
  readonly #census: Census;
  readonly #look: Timer;
  #lookedAtMs: number;
  /** Since when the process runs without having stood still. */
  #runsSinceMs: number;
  #nextStreamId = 1;

  constructor(parts: FanOutParts) {
    const { settings, metrics, source, clock, log } = parts;
    this.#parts = parts;
    this.#ringBudget = new RingBudget(settings.ringTotalBytes, settings.ringPartitionBytes);
    this.#conflationBudget = new ConflationBudget(
      settings.conflateMaxKeys,
      settings.conflateMaxBytes,
      settings.conflateTotalBytes,
    );
    this.#coldCache = new ColdCache(settings.coldCacheBytes);
    this.heldRecords = new HeldRecords(this.#coldCache);
    const unreadable = new UnreadableBatches(log, settings.skipUnreadable);
    const settle = (cursor: StreamCursor) => this.settle(cursor);
    this.#cold = new ColdReads({
      ...{ source, clock, log, settle, unreadable },
      cache: this.#coldCache,
      concurrency: settings.coldConcurrency,
      recordBytesMax: settings.recordMaxBytes,
      fetched: (bytes) => {
        metrics.coldFetches.with().add();
        metrics.coldBytes.with().add(bytes);
      },
    });
    this.#loop = new DeliveryLoop({
      ...{ clock, metrics, defer: parts.defer },
      cold: this.#cold,
      encodings: this.#encodings,
      tickMs: settings.tickMs,
      budgetMs: settings.tickBudgetMs,
      coldRatio: settings.coldEgressRatio,
      settle: () => {
        this.#ringBudget.settle();
        this.#coldCache.settle();
      },
    });
    this.#feedParts = {
      ...{ source, clock, log, unreadable },
      host: {
        opened: (feed) => this.#loop.opened(feed),
        matched: (cls, entry) => this.#loop.matched(cls, entry),
        settle,
        cut: (feed, offset) => this.#cold.dropFrom(feed, offset),
        closed: (feed) => this.#closed(feed),
      },
      ringBudget: this.#ringBudget,
      conflationBudget: this.#conflationBudget,
      recordBytesMax: settings.recordMaxBytes,
      lingerMs: settings.feedLingerMs,
      meterOf: (topic) => metrics.ofTopic(topic),
      evicted: () => metrics.ringEvictions.with().add(),
    };
    this.#census = new Census(metrics);
    this.#lookedAtMs = clock.monotonicMs();
    this.#runsSinceMs = this.#lookedAtMs;
    this.#look = clock.setInterval(LOOK_PERIOD_MS, () => this.#lookAround());
  }

  reserve(options: ClassOptions, startOffset = -1): Reservation {
    const feed = this.#feedOf(options);
    const cls = this.#classOf(feed, options);
    feed.hold(cls, startOffset);
    return { streamId: cls.shape.streamId, release: () => feed.letGo(cls) };
  }

  /** @throws FilterLimitError when the partition has no room for another filter without a key. */
  attach(target: DeliveryTarget, options: CursorOptions, events: CursorEvents): Cursor {
    const feed = this.#feedOf(options);
    const cls = this.#classOf(feed, options);
    const outlet = this.#outletOf(target);
    const cursor = new StreamCursor(this, outlet, cls, options, events);
    if (outlet.add(cursor)) this.#loop.joined();
    feed.addCursor(cursor, cls);
    if (options.policy === Policy.DISCONNECT && options.maxLagMs > 0) {
      cursor.judge = new SlowJudge(deliveryLimits.slowWindowMs);
      this.#judged.add(cursor);
    }
    this.settle(cursor);
    return cursor;
  }

  wake(target: DeliveryTarget): void {
    this.#loop.wake(this.#outletOf(target));
  }

  lagOf(target: DeliveryTarget): number {
    let records = 0;
    for (const { feed, at, position } of this.#outlets.get(target)?.cursors ?? [])
      if (feed.isReady && at >= 0) records += Math.max(0, feed.ring.end - position);
    return records;
  }

  detachAll(target: DeliveryTarget): void {
    const outlet = this.#outlets.get(target);
    if (outlet === undefined) return;
    this.#outlets.delete(target);
    this.#shares.leave(outlet.share);
    for (const cursor of [...outlet.cursors]) cursor.detach();
    this.#loop.remove(outlet);
  }

  close(): void {
    this.#look.cancel();
    this.#loop.close();
    for (const feed of [...this.#feeds.values()]) feed.close();
  }

  settle(cursor: StreamCursor): void {
    this.#loop.settle(cursor);
  }

  remove(cursor: StreamCursor): void {
    this.#cold.leave(cursor);
    this.#judged.delete(cursor);
    cursor.outlet.remove(cursor);
    cursor.feed.removeCursor(cursor);
  }

  nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }

  #outletOf(target: DeliveryTarget): CursorOutlet {
    let outlet = this.#outlets.get(target);
    if (outlet === undefined) {
      outlet = new Outlet(target, this.#shares.join(target.principalKey));
      this.#outlets.set(target, outlet);
    }
    return outlet;
  }

  #feedOf({ topic, topicId, partition, isolation }: ClassOptions): Feed {
    const name = `${isolation} ${partition} ${topicId} ${topic}`;
    let feed = this.#feeds.get(name);
    if (feed === undefined) {
      feed = new Feed(name, { topic, topicId, partition }, isolation, this.#feedParts);
      this.#feeds.set(name, feed);
    }
    return feed;
  }

  /** The class of these options: those that decide the bytes of a frame (§12.2). */
  #classOf(feed: Feed, options: ClassOptions): StreamClass {
    const { lane, encoding, projection, codec, filter, showWatermark } = options;
    const isText = encoding === 'json';
    const usedCodec = isText ? Codec.NONE : codec;
    const name = `${lane} ${encoding} ${projection} ${usedCodec} ${showWatermark} ${filter?.id ?? ''}`;
    const known = feed.classes.get(name);
    if (known !== undefined) return known;
    const shape = {
      streamId: this.#nextStreamId++,
      isText,
      projection: projection & Projection.ALL,
      codec: usedCodec,
      compressAtBytes: this.#parts.settings.compressionMinBytes,
      isFiltered: filter !== null,
      showWatermark,
      encodings: this.#encodings,
    };
    const cls = new StreamClass(feed, name, shape, filter, feed.ring.end);
    feed.classes.add(cls);
    return cls;
  }

  #closed(feed: Feed): void {
    if (this.#feeds.get(feed.name) === feed) this.#feeds.delete(feed.name);
    this.#cold.forget(feed);
  }

  #lookAround(): void {
    const nowMs = this.nowMs();
    if (nowMs - this.#lookedAtMs > STOOD_STILL_MS) this.#runsSinceMs = nowMs;
    this.#lookedAtMs = nowMs;
    for (const cursor of [...this.#judged]) this.#judge(cursor, nowMs);
    if (this.#isStuck(nowMs)) this.#parts.onStuck();
    this.#setGauges();
  }

  /** P7. Time in which the process was stopped (SIGSTOP, a paused machine) says nothing about the transport. */
  #isStuck(nowMs: number): boolean {
    const { blockedCount, progressAtMs } = this.#loop;
    const stuckMs = deliveryLimits.stuckStalls * this.#parts.settings.socketStallMs;
    return blockedCount > 0 && nowMs - Math.max(progressAtMs, this.#runsSinceMs) > stuckMs;
  }

  #judge(cursor: StreamCursor, nowMs: number): void {
    if (cursor.isHeld || !cursor.feed.isReady) return;
    const isLagging = lagMs(cursor, nowMs) > cursor.maxLagMs;
    const { position, feed } = cursor;
    if (cursor.judge?.look(nowMs, isLagging, position, feed.ring.end) !== true) return;
    cursor.tooSlow();
  }

  #setGauges(): void {
    const { metrics } = this.#parts;
    let filters = 0;
    for (const feed of this.#feeds.values()) filters += feed.classes.filterCount;
    metrics.feeds.with().set(this.#feeds.size);
    metrics.ringBytes.with().set(this.#ringBudget.bytes);
    metrics.coldCacheBytes.with().set(this.#coldCache.bytes);
    metrics.conflateKeys.with().set(this.#conflationBudget.keys);
    metrics.conflateBytes.with().set(this.#conflationBudget.bytes);
    metrics.filterClasses.with().set(filters);
    metrics.matchListBytes.with().set(this.#ringBudget.matchBytes + this.#coldCache.matchBytes);
    this.#census.look(this.#feeds.values());
  }
}
