import { encodeFrame } from './frame-writer.ts';

/** Bytes of a Records frame before its payload. */
export const RECORDS_HEADER_BYTES = 128;

/** Fields of a Records frame besides the payload. Offsets and times are safe integers. */
export interface RecordsHeader {
  readonly stream: number;
  readonly count: number;
  readonly fromOffset: number;
  readonly nextOffset: number;
  /** −1 = hidden. */
  readonly highWatermark: number;
  readonly baseTimestamp: number;
  /** −1 = unknown. */
  readonly leaderEpoch: number;
  /** Bits of `RecordsFlag`. */
  readonly flags: number;
  readonly part: number;
  readonly parts: number;
  readonly codec: number;
  /** Bytes of the whole payload before compression. */
  readonly rawSize: number;
}

/** Where the template has its fields; `encodeFrame` puts them there when none is left out. */
const Place = {
  LENGTH: 0,
  FROM_OFFSET: 64,
  NEXT_OFFSET: 72,
  HIGH_WATERMARK: 80,
  BASE_TIMESTAMP: 88,
  STREAM: 96,
  COUNT: 100,
  LEADER_EPOCH: 104,
  RAW_SIZE: 108,
  FLAGS: 116,
  PART: 118,
  PARTS: 120,
  CODEC: 122,
  PAYLOAD_LENGTH: 124,
} as const;

let template: { bytes: Uint8Array; view: DataView } | null = null;

/** The frame of an empty payload with no field at its default, so that every field has its place. */
function makeTemplate() {
  const bytes = encodeFrame({
    kind: 'records',
    stream: 1,
    count: 1,
    fromOffset: 1n,
    nextOffset: 1n,
    highWatermark: 1n,
    baseTimestamp: 1n,
    leaderEpoch: 1,
    flags: 1,
    part: 1,
    parts: 2,
    codec: 1,
    rawSize: 1,
    payload: new Uint8Array(0),
  });
  return { bytes, view: new DataView(bytes.buffer) };
}

/** Bytes of the frame of a payload of that many. */
export function recordsFrameBytes(payloadBytes: number): number {
  return RECORDS_HEADER_BYTES + ((payloadBytes + 7) & ~7);
}

/**
 * Writes the first 128 bytes of a Records frame whose payload of `payloadBytes` stands, or will stand,
 * at `target[at + 128]`; up to `recordsFrameBytes` the caller's bytes behind it are zero.
 */
export function writeRecordsHeader(
  target: Uint8Array,
  at: number,
  header: RecordsHeader,
  payloadBytes: number,
): void {
  template ??= makeTemplate();
  const { bytes, view } = template;
  view.setUint32(Place.LENGTH, recordsFrameBytes(payloadBytes) - 4, true);
  setLong(view, Place.FROM_OFFSET, header.fromOffset);
  setLong(view, Place.NEXT_OFFSET, header.nextOffset);
  setLong(view, Place.HIGH_WATERMARK, header.highWatermark);
  setLong(view, Place.BASE_TIMESTAMP, header.baseTimestamp);
  view.setUint32(Place.STREAM, header.stream, true);
  view.setUint32(Place.COUNT, header.count, true);
  view.setInt32(Place.LEADER_EPOCH, header.leaderEpoch, true);
  view.setUint32(Place.RAW_SIZE, header.rawSize, true);
  view.setUint16(Place.FLAGS, header.flags, true);
  view.setUint16(Place.PART, header.part, true);
  view.setUint16(Place.PARTS, header.parts, true);
  view.setUint8(Place.CODEC, header.codec);
  view.setUint32(Place.PAYLOAD_LENGTH, payloadBytes, true);
  target.set(bytes, at);
}

/** A whole Records frame. */
export function recordsFrame(header: RecordsHeader, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(recordsFrameBytes(payload.length));
  writeRecordsHeader(frame, 0, header, payload.length);
  frame.set(payload, RECORDS_HEADER_BYTES);
  return frame;
}

function setLong(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
