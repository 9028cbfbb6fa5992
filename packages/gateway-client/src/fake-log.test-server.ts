// A topic in memory, as the fake gateway of the tests serves it.
import { PackedRecordsWriter, type PartitionOffset } from '@millrace/gateway-protocol';

export interface FakeRecord {
  readonly offset: number;
  readonly epoch: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

export interface FakeBlock {
  readonly from: number;
  readonly next: number;
  readonly epoch: number;
  readonly count: number;
  readonly baseTimestamp: number;
  readonly packed: Uint8Array;
}

const text = new TextEncoder();

/** One partition: offsets may have holes, as after compaction. */
export class FakeLog {
  records: FakeRecord[] = [];
  logStart = 0;
  end = 0;
  epoch = 0;
  /** Without one its starts are PENDING. */
  hasLeader = true;

  append(value: string | null, key: string | null = null): number {
    const offset = this.end++;
    this.records.push({
      offset,
      epoch: this.epoch,
      timestamp: 1_700_000_000_000 + offset,
      key: key === null ? null : text.encode(key),
      value: value === null ? null : text.encode(value),
    });
    return offset;
  }

  /** Retention: everything below is gone. */
  trim(logStart: number): void {
    this.logStart = logStart;
    this.records = this.records.filter(({ offset }) => offset >= logStart);
  }

  /** An unclean election: everything from there on is gone. */
  truncate(end: number): void {
    this.end = end;
    this.epoch++;
    this.records = this.records.filter(({ offset }) => offset < end);
  }

  /** Where the log of an epoch ended, for a reader who stands behind it. */
  divergence({ offset, epoch }: PartitionOffset): number | null {
    if (epoch < 0 || epoch >= this.epoch) return null;
    const after = this.records.find((record) => record.epoch > epoch);
    const endOfEpoch = after?.offset ?? this.end;
    return Number(offset) > endOfEpoch ? endOfEpoch : null;
  }

  /** Up to `count` records from `from` on, all of one epoch; null at the end. */
  block(from: number, count: number): FakeBlock | null {
    let at = this.records.length;
    while (at > 0 && (this.records[at - 1] as FakeRecord).offset >= from) at--;
    const first = this.records[at];
    if (first === undefined) return null;
    const chosen: FakeRecord[] = [];
    for (const record of this.records.slice(at, at + count))
      if (record.epoch === first.epoch) chosen.push(record);
    const following = this.records[at + chosen.length];
    const writer = new PackedRecordsWriter(first.timestamp);
    for (const record of chosen)
      writer.append(record.offset - from, record.timestamp, record.key, record.value, []);
    return {
      from,
      next: following?.offset ?? this.end,
      epoch: first.epoch,
      count: chosen.length,
      baseTimestamp: first.timestamp,
      packed: writer.finish(),
    };
  }
}
