import {
  Codec,
  GapReason,
  RECORDS_HEADER_BYTES,
  RecordsFlag,
  type RecordsHeader,
  recordsFrame,
  recordsFrameBytes,
  writeRecordsHeader,
} from '@millrace/gateway-protocol';
import { deliveryLimits } from '../limits.ts';
import { type Block, BlockKind, type Entry } from './block.ts';
import { compressedPayload } from './compressed-payload.ts';
import { entryCount, firstAtOrAbove } from './entry.ts';
import { textPackets } from './json-packets.ts';
import {
  dataPacket,
  type FrameContent,
  gapPacket,
  stepPacket,
  WS_HEADER_BYTES,
} from './new-packet.ts';
import { packedSlice } from './packed-slice.ts';
import { DeliveryPath, type Packet, PacketKind } from './packet.ts';

/** How many times records were put into frames, of one fan-out. */
export interface EncodingCount {
  count: number;
}

/** What the frames of a class have in common. */
export interface FrameShape {
  readonly streamId: number;
  readonly isText: boolean;
  readonly projection: number;
  readonly codec: number;
  /** Smaller payloads are not compressed. Bytes. */
  readonly compressAtBytes: number;
  readonly isFiltered: boolean;
  readonly showWatermark: boolean;
  readonly encodings: EncodingCount;
}

/**
 * The packets that take a cursor of a class from `from` through the entry's block; made once, then shared by all that
 * come from there.
 */
export function packetOf(shape: FrameShape, entry: Entry, from: number): Packet {
  for (const variant of entry.variants) if (variant.from === from) return variant;
  const packet = makePacket(shape, entry, from);
  if (entry.variants.length < deliveryLimits.frameVariantsMax) {
    entry.variants.push(packet);
    // A frame that stands around the block's own bytes is counted with them.
    const isOwn = packet.bytes.buffer !== entry.block.payload.buffer;
    entry.block.grow(isOwn ? packetBytes(packet) : RECORDS_HEADER_BYTES);
  }
  return packet;
}

/** Whether that takes credit: it does unless all of it was delivered, or none of it will be. */
export function makesFrame(entry: Entry, from: number): boolean {
  return entry.block.kind === BlockKind.records && firstAtOrAbove(entry, from) < entryCount(entry);
}

function makePacket(shape: FrameShape, entry: Entry, from: number): Packet {
  const { block } = entry;
  const { epoch, kind } = block;
  if (block.isUnreadable) {
    const gap = gapPacket(Math.max(from, block.from), block.next, GapReason.UNREADABLE, epoch);
    return kind === BlockKind.fatal ? { ...gap, kind: PacketKind.failure } : gap;
  }
  const path = block.isCold ? DeliveryPath.cold : DeliveryPath.hot;
  const first = firstAtOrAbove(entry, from);
  const count = entryCount(entry) - first;
  if (count === 0) return stepPacket(PacketKind.silence, from, block.next, epoch, path);
  if (kind === BlockKind.oversize) {
    return gapPacket(block.next - 1, block.next, GapReason.OVERSIZE, epoch);
  }
  const content = {
    from,
    next: block.next,
    count,
    epoch,
    baseTimestamp: block.baseTimestamp,
    highWatermark: block.highWatermark,
    flags: entry.flags | (block.isCold ? RecordsFlag.COLD : 0),
    payload: packedSlice(entry, first, from, shape.projection),
    path,
  };
  return encodePackets(shape, content, block);
}

/**
 * Frames for packed records: one, or several in a chain.
 *
 * @param block when they are all of its records, one frame needs no copy of them
 */
export function encodePackets(
  shape: FrameShape,
  content: FrameContent,
  block: Block | null = null,
): Packet {
  shape.encodings.count++;
  const header: RecordsHeader = {
    stream: shape.streamId,
    count: content.count,
    fromOffset: content.from,
    nextOffset: content.next,
    highWatermark: shape.showWatermark ? content.highWatermark : -1,
    baseTimestamp: content.baseTimestamp,
    leaderEpoch: content.epoch,
    flags: content.flags | (shape.isFiltered ? RecordsFlag.FILTERED : 0),
    part: 0,
    parts: 1,
    codec: Codec.NONE,
    rawSize: content.payload.length,
  };
  if (shape.isText) return textPackets(header, content);
  const { codec, payload } = compressedPayload(shape, content.payload);
  const parts = Math.ceil(payload.length / deliveryLimits.partBytesMax);
  if (recordsFrameBytes(payload.length) <= deliveryLimits.dataUnsentBytesMax - WS_HEADER_BYTES) {
    const around = block !== null && payload === block.payload ? block.claimFrame() : null;
    if (around === null) {
      return dataPacket(content, recordsFrame({ ...header, codec }, payload), header.rawSize);
    }
    writeRecordsHeader(around, 0, header, payload.length);
    return dataPacket(content, around, header.rawSize);
  }
  let following: Packet | null = null;
  for (let part = parts - 1; part >= 0; part--) {
    const start = part * deliveryLimits.partBytesMax;
    const slice = payload.subarray(start, start + deliveryLimits.partBytesMax);
    const isLast = part === parts - 1;
    following = {
      ...dataPacket(content, recordsFrame({ ...header, codec, part, parts }, slice), 0),
      next: isLast ? content.next : content.from,
      records: isLast ? content.count : 0,
      charge: part === 0 ? header.rawSize : 0,
      following,
    };
  }
  return following as Packet;
}

/** What a chain of packets holds in memory, about. */
export function packetBytes(packet: Packet): number {
  let bytes = 0;
  for (let each: Packet | null = packet; each !== null; each = each.following) {
    bytes += each.bytes.length + RECORDS_HEADER_BYTES;
  }
  return bytes;
}
