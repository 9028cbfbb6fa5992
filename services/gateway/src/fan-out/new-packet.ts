import { DeliveryPath, type Packet, PacketKind } from './packet.ts';

const NO_BYTES = new Uint8Array();

/** Packed records on their way into frames. */
export interface FrameContent {
  readonly from: number;
  readonly next: number;
  readonly count: number;
  readonly epoch: number;
  readonly baseTimestamp: number;
  readonly highWatermark: number;
  /** Bits of `RecordsFlag` beside FILTERED. */
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly path: DeliveryPath;
}

/** A WebSocket header of a server's message below 64 KiB. */
export const WS_HEADER_BYTES = 4;

export function dataPacket(content: FrameContent, bytes: Uint8Array, charge: number): Packet {
  return {
    kind: PacketKind.data,
    from: content.from,
    next: content.next,
    bytes,
    records: content.count,
    charge,
    epoch: content.epoch,
    gapFrom: -1,
    gapReason: 0,
    path: content.path,
    timestampMs: content.baseTimestamp,
    following: null,
  };
}

/** A step without records. */
export function stepPacket(
  kind: typeof PacketKind.silence | typeof PacketKind.progress,
  from: number,
  next: number,
  epoch: number,
  path: DeliveryPath,
): Packet {
  return { ...EMPTY, kind, from, next, epoch, path };
}

/** `[from, next)` is skipped. */
export function gapPacket(from: number, next: number, reason: number, epoch: number): Packet {
  return { ...EMPTY, kind: PacketKind.gap, from, next, epoch, gapFrom: from, gapReason: reason };
}

const EMPTY: Packet = {
  kind: PacketKind.silence,
  from: 0,
  next: 0,
  bytes: NO_BYTES,
  records: 0,
  charge: 0,
  epoch: -1,
  gapFrom: -1,
  gapReason: 0,
  path: DeliveryPath.hot,
  timestampMs: 0,
  following: null,
};
