import { BatchBuilder, controlBatch, type NewRecord } from '@millrace/records';
import type {
  Bounds,
  EpochEnd,
  Follower,
  PartitionRead,
  PartitionSource,
  Place,
  UpstreamTopic,
} from '../../upstream.ts';

/** A record of the model log. */
export interface ModelRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
  readonly epoch: number;
  readonly timestampMs: number;
}

/** So many records of `size` bytes under seven keys, `k0` to `k6`; each value begins with its number. */
export function some(count: number, size = 100) {
  return Array.from({ length: count }, (_, i) => ({
    key: `k${i % 7}`,
    value: `${i}`.padEnd(size, 'x'),
  }));
}

const OFFSET_OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC_ID = 100;
const DIVERGENCES_MAX = 1000;
const encoder = new TextEncoder();

interface Following {
  readonly place: Place;
  readonly onRead: (read: PartitionRead) => void;
  offset: number;
  epoch: number;
  isWanting: boolean;
}

/** One partition as an array: the cluster of fan-out's tests. Answers come in their own microtask. */
export class ModelSource implements PartitionSource {
  topicId = 'AAAAAAAAAAAAAAAAAAAAAB';
  exists = true;
  records: ModelRecord[] = [];
  logStart = 0;
  end = 0;
  epoch = 0;
  /** Bytes of one answer, about. */
  readBytes = 1 << 20;
  /** Offsets of the single reads that were made. */
  readonly singleReads: number[] = [];
  /** Happens once, right after the next look-up was answered. */
  afterNextLookUp: (() => void) | null = null;
  readsUnderWay = 0;
  readsUnderWayMax = 0;
  readonly #followers = new Set<Following>();
  /** Offsets whose batches are damaged: one that holds any of them. */
  readonly #damaged = new Set<number>();
  #divergences = 0;
  /** Where each leader's epoch began, ascending. */
  #epochs: { readonly epoch: number; readonly from: number }[] = [{ epoch: 0, from: 0 }];

  /** Appends records and tells those who follow. */
  append(
    ...added: readonly {
      readonly key?: string | null;
      readonly value?: string | null;
      readonly headers?: ModelRecord['headers'];
    }[]
  ): void {
    for (const { key = null, value = 'v', headers = [] } of added) {
      const offset = this.end++;
      this.records.push({ offset, key, value, headers, epoch: this.epoch, timestampMs: offset });
    }
    this.wakeAll();
  }

  /** Appends a transaction marker: an offset without a record. */
  appendMarker(): void {
    this.end++;
    this.wakeAll();
  }

  /** Batches with offsets in `[from, to)` do not have the bytes that were appended. */
  damage(from: number, to: number): void {
    for (let offset = from; offset < to; offset++) this.#damaged.add(offset);
  }

  /** Compaction removes records. */
  remove(isRemoved: (record: ModelRecord) => boolean): void {
    this.records = this.records.filter((record) => !isRemoved(record));
  }

  deleteBefore(offset: number): void {
    this.logStart = offset;
    this.remove((record) => record.offset < offset);
  }

  /** An unclean election: another leader whose log ends at `offset`. */
  truncate(offset: number): void {
    this.remove((record) => record.offset >= offset);
    this.end = offset;
    this.epoch++;
    this.#epochs = this.#epochs.filter(({ from }) => from < offset);
    this.#epochs.push({ epoch: this.epoch, from: offset });
    this.wakeAll();
  }

  /** After a truncation: the new leader's log goes on with records of the oldest epoch, then its own begins. */
  continueOldest(count: number): void {
    const epoch = this.#epochs[0]?.epoch ?? 0;
    for (let i = 0; i < count; i++) {
      const offset = this.end++;
      this.records.push({ offset, key: null, value: 'old', headers: [], epoch, timestampMs: 0 });
    }
    this.#epochs = [{ epoch, from: 0 }];
    this.#epochs.push({ epoch: ++this.epoch, from: this.end });
    this.wakeAll();
  }

  /** A clean election: the next leader has everything. */
  elect(): void {
    this.truncate(this.end);
  }

  /** The topic is deleted and made again. */
  recreate(topicId: string): void {
    this.topicId = topicId;
    this.records = [];
    this.logStart = 0;
    this.end = 0;
    this.epoch = 0;
    this.#epochs = [{ epoch: 0, from: 0 }];
    this.wakeAll();
  }

  follow(
    place: Place,
    _isolation: number,
    offset: number,
    lastEpoch: number,
    onRead: (read: PartitionRead) => void,
  ): Follower {
    const following = { place, onRead, offset, epoch: lastEpoch, isWanting: true };
    this.#followers.add(following);
    this.#wake(following);
    return {
      next: (at, epoch) => {
        following.offset = at;
        following.epoch = epoch;
        following.isWanting = true;
        this.#wake(following);
      },
      stop: () => void this.#followers.delete(following),
    };
  }

  async readOnce(place: Place, _isolation: number, offset: number): Promise<PartitionRead> {
    this.singleReads.push(offset);
    this.readsUnderWay++;
    this.readsUnderWayMax = Math.max(this.readsUnderWayMax, this.readsUnderWay);
    await Promise.resolve();
    this.readsUnderWay--;
    return this.#answer(place, offset, -1);
  }

  bounds(): Promise<Bounds> {
    const { logStart, end, epoch } = this;
    return Promise.resolve({ logStart, end, highWatermark: end, leaderEpoch: epoch });
  }

  epochEnd(_topic: string, _partition: number, epoch: number): Promise<EpochEnd> {
    return Promise.resolve(this.#endOf(epoch));
  }

  lookUp(topic: string): Promise<UpstreamTopic | null> {
    if (!this.exists) return Promise.resolve(null);
    const found = {
      name: topic,
      topicId: new Uint8Array(16),
      topicIdText: this.topicId,
      isInternal: false,
      partitions: [],
    };
    const after = this.afterNextLookUp;
    this.afterNextLookUp = null;
    after?.();
    return Promise.resolve(found);
  }

  wakeAll(): void {
    for (const following of this.#followers) this.#wake(following);
  }

  #wake(following: Following): void {
    queueMicrotask(() => {
      if (!this.#followers.has(following) || !following.isWanting) return;
      const read = this.#answer(following.place, following.offset, following.epoch);
      const isSilent = read.errorCode === 0 && read.divergingEpoch === undefined;
      if (isSilent && read.batches.length === 0) return;
      following.isWanting = false;
      following.onRead(read);
    });
  }

  #answer(place: Place, offset: number, lastEpoch: number): PartitionRead {
    if (!this.exists || place.topicId !== this.topicId) {
      return this.#read(offset, UNKNOWN_TOPIC_ID, new Uint8Array());
    }
    if (lastEpoch >= 0) {
      const { leaderEpoch, endOffset } = this.#endOf(lastEpoch);
      const isLost = leaderEpoch < lastEpoch || endOffset < offset;
      // Who asks for the same lost place again and again would never let the test end.
      if (isLost && ++this.#divergences < DIVERGENCES_MAX) {
        const read = this.#read(offset, 0, new Uint8Array());
        return { ...read, divergingEpoch: { epoch: leaderEpoch, endOffset } };
      }
    }
    if (offset < this.logStart || offset > this.end) {
      return this.#read(offset, OFFSET_OUT_OF_RANGE, new Uint8Array());
    }
    return this.#read(offset, 0, this.#batches(offset));
  }

  /** The last epoch up to one, and where it ends. */
  #endOf(epoch: number): EpochEnd {
    const at = this.#epochs.findLastIndex((known) => known.epoch <= epoch);
    if (at < 0) return { leaderEpoch: -1, endOffset: 0 };
    const endOffset = this.#epochs[at + 1]?.from ?? this.end;
    return { leaderEpoch: this.#epochs[at]?.epoch ?? -1, endOffset };
  }

  #epochAt(offset: number): number {
    return this.#epochs.findLast(({ from }) => from <= offset)?.epoch ?? -1;
  }

  #read(fetchOffset: number, errorCode: number, batches: Uint8Array): PartitionRead {
    return {
      topic: 'topic',
      partition: 0,
      fetchOffset,
      errorCode,
      highWatermark: this.end,
      lastStableOffset: this.end,
      logStartOffset: this.logStart,
      divergingEpoch: undefined,
      abortedTransactions: [],
      batches,
    };
  }

  /** Index of the first record at or above an offset. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.records[middle] as ModelRecord).offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Batches of up to 50 records, from the one that holds `offset` on, ended by the markers that follow. */
  #batches(offset: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    let index = this.#indexOf(offset);
    let next = offset;
    while (index < this.records.length && bytes < this.readBytes) {
      const first = this.records[index] as ModelRecord;
      const builder = new BatchBuilder(1024);
      let expected = first.offset;
      for (let taken = 0; taken < 50; taken++) {
        const record = this.records[index];
        if (record?.offset !== expected || record.epoch !== first.epoch) break;
        if (this.#damaged.has(expected) !== this.#damaged.has(first.offset)) break;
        builder.append(asNew(record));
        expected++;
        index++;
      }
      const batch = builder.build({ baseOffset: first.offset, leaderEpoch: first.epoch });
      const last = batch.length - 2;
      if (this.#damaged.has(first.offset)) batch[last] = (batch[last] as number) ^ 1;
      parts.push(batch);
      bytes += batch.length;
      next = expected;
    }
    // Offsets at the end without records belong to markers.
    for (; index >= this.records.length && next < this.end; next++) {
      parts.push(
        controlBatch({
          type: 1,
          producerId: 1,
          producerEpoch: 0,
          coordinatorEpoch: 0,
          timestampMs: next,
          baseOffset: next,
          leaderEpoch: this.#epochAt(next),
        }),
      );
    }
    return new Uint8Array(Buffer.concat(parts));
  }
}

function asNew({ key, value, headers, timestampMs }: ModelRecord): NewRecord {
  return {
    timestampMs,
    key: key === null ? null : encoder.encode(key),
    value: value === null ? null : encoder.encode(value),
    headers,
  };
}
