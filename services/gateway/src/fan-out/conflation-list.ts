import { PackedRecordsReader, PackedRecordsWriter, RecordsFlag } from '@millrace/gateway-protocol';
import { deliveryLimits } from '../limits.ts';
import { BlockKind, type Entry } from './block.ts';
import { keyText } from './conflate.ts';
import type { ConflationBudget } from './conflation-budget.ts';
import { entryCount, entryIndex } from './entry.ts';
import { stepPacket } from './new-packet.ts';
import { readerOf } from './packed-slice.ts';
import { DeliveryPath, type Packet, PacketKind } from './packet.ts';
import { encodePackets, type FrameShape } from './packet-maker.ts';
import type { Ring } from './ring.ts';

/** The latest record of a key. */
interface Item {
  readonly offset: number;
  /** null: a record without a key, which nothing supersedes. */
  readonly key: string | null;
  /** The record packed alone: offset delta 0, times from `baseTimestamp`. */
  readonly bytes: Uint8Array;
  readonly baseTimestamp: number;
  readonly epoch: number;
  readonly highWatermark: number;
  isDead: boolean;
}

/** Where a ring ends, and the epoch of what ends there. */
type RingEnd = Pick<Ring, 'end' | 'endEpoch'>;

/** Objects and places in array and map. Bytes, about. */
const ITEM_BYTES = 160;
/** Frames kept for cursors that stand at the same place. */
const FRAMES_MAX = 8;
/** The array is not worth rebuilding below this. */
const REBUILD_AT = 64;

const writer = new PackedRecordsWriter(0);

/**
 * The latest record of each key of a partition, in offset order, as far as a filter lets records pass (§13). One for
 * all cursors: a cursor is only an offset in it. Complete from `floor` on; over its bounds the oldest leave and the
 * floor rises.
 */
export class ConflationList {
  readonly #budget: ConflationBudget;
  readonly #byKey = new Map<string, Item>();
  readonly #frames: {
    readonly shape: FrameShape;
    readonly flags: number;
    readonly packet: Packet;
  }[] = [];
  #items: Item[] = [];
  #head = 0;
  #dead = 0;
  /** Everything from here on is in the list, unless a later record of its key is. */
  floor: number;
  /** Blocks up to here were taken in. */
  end: number;
  bytes = 0;

  constructor(floor: number, budget: ConflationBudget) {
    this.floor = floor;
    this.end = floor;
    this.#budget = budget;
  }

  get keyCount(): number {
    return this.#items.length - this.#head - this.#dead;
  }

  /** Takes in what passed of one block, unless it did already. */
  add(entry: Entry): void {
    const { block } = entry;
    if (block.from < this.end) return;
    if (block.kind !== BlockKind.records) {
      // Who comes from below reads the block itself, and is told of what is not delivered.
      this.restart(block.next);
      return;
    }
    const reader = readerOf(block);
    for (let i = 0; i < entryCount(entry); i++) {
      const index = entryIndex(entry, i);
      reader.readAt(block.positions[index] as number);
      const { key } = reader;
      const bytes = block.payload.slice(block.positions[index], block.endAt(index));
      new DataView(bytes.buffer).setUint32(0, 0, true);
      this.#append({
        offset: reader.offset,
        key: key === null ? null : keyText(key),
        bytes,
        baseTimestamp: block.baseTimestamp,
        epoch: block.epoch,
        highWatermark: block.highWatermark,
        isDead: false,
      });
    }
    this.end = block.next;
    this.#frames.length = 0;
    while (this.#budget.isExceeded(this) && this.keyCount > 0) this.#dropOldest();
    // Dead items, and places in front that nobody uses any more.
    const waste = this.#dead + this.#head;
    if (waste > REBUILD_AT && 2 * waste > this.#items.length) this.#rebuild();
  }

  /** Whether there is a record at or above an offset. */
  hasFrom(offset: number): boolean {
    for (let i = this.#atOrAbove(offset); i < this.#items.length; i++) {
      if ((this.#items[i] as Item).isDead === false) return true;
    }
    return false;
  }

  /** The log was cut: what superseded older records may be gone, so the list begins anew. */
  restart(floor: number): void {
    this.#budget.add(-this.bytes, -this.keyCount);
    this.bytes = 0;
    this.#items = [];
    this.#head = 0;
    this.#dead = 0;
    this.#byKey.clear();
    this.#frames.length = 0;
    this.floor = floor;
    this.end = floor;
  }

  /**
   * What takes a cursor from `from` (at or above the floor, and where the client stands) as far as one frame holds.
   *
   * @param ring the walk ends at its end when nothing is left.
   */
  packetFrom(shape: FrameShape, from: number, ring: RingEnd, isSnapshot: boolean): Packet {
    const flags = RecordsFlag.CONFLATED | (isSnapshot ? RecordsFlag.SNAPSHOT : 0);
    for (const known of this.#frames) {
      if (known.shape === shape && known.packet.from === from && known.flags === flags) {
        return known.packet;
      }
    }
    const packet = this.#encode(shape, from, ring, flags);
    if (packet.kind === PacketKind.data && this.#frames.length < FRAMES_MAX) {
      this.#frames.push({ shape, flags, packet });
    }
    return packet;
  }

  #encode(shape: FrameShape, from: number, ring: RingEnd, flags: number): Packet {
    let first: Item | undefined;
    let last: Item | undefined;
    let next = -1;
    let packedTo = from;
    for (let i = this.#atOrAbove(from); i < this.#items.length; i++) {
      const item = this.#items[i] as Item;
      if (item.isDead) continue;
      if (first === undefined) {
        writer.reset(item.baseTimestamp, shape.projection);
        first = item;
      }
      if (item.epoch !== first.epoch) {
        next = packedTo;
        break;
      }
      const isFull = writer.bytes + item.bytes.length > deliveryLimits.liveBlockBytes;
      if (item !== first && isFull) {
        next = item.offset;
        break;
      }
      appendTo(writer, item, from);
      last = item;
      packedTo = item.offset + 1;
    }
    if (first === undefined || last === undefined) {
      return stepPacket(PacketKind.silence, from, ring.end, ring.endEpoch, DeliveryPath.conflated);
    }
    // A frame ends under the epoch of its records; what follows of later ones is passed over in silence.
    if (next < 0) next = ring.endEpoch === last.epoch ? ring.end : packedTo;
    return encodePackets(shape, {
      from,
      next,
      count: writer.count,
      epoch: first.epoch,
      baseTimestamp: first.baseTimestamp,
      highWatermark: last.highWatermark,
      flags,
      payload: writer.finish(),
      path: DeliveryPath.conflated,
    });
  }

  #append(item: Item): void {
    if (item.key !== null) {
      const old = this.#byKey.get(item.key);
      if (old !== undefined) this.#kill(old);
      this.#byKey.set(item.key, item);
    }
    this.#items.push(item);
    this.#count(item, 1);
  }

  #kill(item: Item): void {
    item.isDead = true;
    this.#dead++;
    this.#count(item, -1);
  }

  #count(item: Item, sign: number): void {
    const bytes = sign * (item.bytes.length + ITEM_BYTES);
    this.bytes += bytes;
    this.#budget.add(bytes, sign);
  }

  #dropOldest(): void {
    const item = this.#items[this.#head] as Item;
    this.#head++;
    if (item.isDead) {
      this.#dead--;
      return;
    }
    if (item.key !== null) this.#byKey.delete(item.key);
    this.#count(item, -1);
    this.floor = item.offset + 1;
  }

  #rebuild(): void {
    this.#items = this.#items.slice(this.#head).filter((item) => !item.isDead);
    this.#head = 0;
    this.#dead = 0;
  }

  #atOrAbove(offset: number): number {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle] as Item).offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function appendTo(target: PackedRecordsWriter, item: Item, from: number): void {
  const reader = new PackedRecordsReader(item.bytes, {
    count: 1,
    fromOffset: item.offset,
    nextOffset: item.offset + 1,
    baseTimestamp: item.baseTimestamp,
  });
  reader.readAt(0);
  target.append(
    item.offset - from,
    reader.timestamp,
    reader.key,
    reader.value,
    reader.headerCount === 0 ? [] : reader.headers,
    reader.isLogAppendTime,
  );
}
