import { JsonBytes } from './json-bytes.ts';
import { JSON_RECORD_BYTES_MAX, JSON_RECORDS_BYTES_MAX } from './limits.ts';
import { PackedRecordsReader } from './packed-records-reader.ts';
import { recordsFlagNames } from './records-flags.ts';
import type { RecordsHeader } from './records-frame.ts';
import { utf8 } from './utf8.ts';

/**
 * A part of a block on a JSON connection; the parts of a block cover its offsets in order, each
 * `[from, next)`: `text` is one Records message, `oversize` a Gap of one record that JSON cannot
 * carry, `progress` offsets without records.
 */
export type JsonPiece =
  | {
      readonly kind: 'text';
      readonly from: number;
      readonly next: number;
      readonly count: number;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  | { readonly kind: 'oversize' | 'progress'; readonly from: number; readonly next: number };

/** The fields of a Records frame that JSON has, and those that its packed records are read with. */
export type JsonRecordsHeader = Omit<RecordsHeader, 'part' | 'parts' | 'codec' | 'rawSize'>;

/** Text of a Records message besides its records; all numbers at their longest. */
const FRAME_BYTES_MAX = 320;
/** `]}` */
const END = [0x5d, 0x7d];

/**
 * The JSON messages of a block of packed records (uncompressed), split where a message would exceed
 * 60,000 bytes.
 * @throws DecodeError when the block is not packed records.
 */
export function jsonRecords(header: JsonRecordsHeader, block: Uint8Array): JsonPiece[] {
  const pieces: JsonPiece[] = [];
  const reader = new PackedRecordsReader(block, header);
  const records = new JsonBytes(2 * block.length);
  let from = header.fromOffset;
  let count = 0;
  const close = (next: number) => {
    if (next === from) return;
    if (count === 0) pieces.push({ kind: 'progress', from, next });
    else
      pieces.push({ kind: 'text', from, next, count, bytes: message(header, from, next, records) });
    from = next;
    count = 0;
    records.length = 0;
  };
  while (reader.next()) {
    const start = records.length;
    if (count > 0) records.text(',');
    const first = records.length;
    writeRecord(reader, records);
    if (records.length - first > JSON_RECORD_BYTES_MAX) {
      records.length = start;
      close(reader.offset);
      pieces.push({ kind: 'oversize', from, next: from + 1 });
      from++;
    } else if (count > 0 && records.length + FRAME_BYTES_MAX > JSON_RECORDS_BYTES_MAX) {
      const record = records.borrow(first).slice();
      records.length = start;
      close(reader.offset);
      records.copy(record);
      count = 1;
    } else count++;
  }
  close(header.nextOffset);
  return pieces;
}

function writeRecord(record: PackedRecordsReader, json: JsonBytes): void {
  const { value, headerCount } = record;
  json.text(`{"o":"${record.offset}","ts":"${record.timestamp}","k":`);
  json.value(record.key);
  if (value !== null || record.isTombstone) {
    json.text(',"v":');
    json.value(value);
  }
  if (headerCount > 0) {
    let before = ',"h":[[';
    for (const header of record.headers) {
      json.text(`${before}${JSON.stringify(header.name)},`);
      json.value(header.value);
      before = '],[';
    }
    json.text(']]');
  }
  json.text('}');
}

function message(
  header: JsonRecordsHeader,
  from: number,
  next: number,
  records: JsonBytes,
): Uint8Array<ArrayBuffer> {
  const flags = JSON.stringify(recordsFlagNames(header.flags));
  const head = utf8(
    `{"t":"records","stream":${header.stream},"from":"${from}","next":"${next}","epoch":${header.leaderEpoch}` +
      `,"hwm":"${header.highWatermark}","flags":${flags},"records":[`,
  );
  const bytes = new Uint8Array(head.length + records.length + 2);
  bytes.set(head);
  bytes.set(records.borrow(0), head.length);
  bytes.set(END, head.length + records.length);
  return bytes;
}
