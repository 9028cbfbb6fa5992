import { bytesText } from './json-writer.ts';
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

/**
 * The JSON messages of a block of packed records (uncompressed), split where a message would exceed
 * 60,000 bytes.
 * @throws DecodeError when the block is not packed records.
 */
export function jsonRecords(header: JsonRecordsHeader, block: Uint8Array): JsonPiece[] {
  const pieces: JsonPiece[] = [];
  const reader = new PackedRecordsReader(block, header);
  let from = header.fromOffset;
  let bytes = FRAME_BYTES_MAX;
  let texts: Uint8Array[] = [];
  const close = (next: number) => {
    if (next === from) return;
    const count = texts.length;
    if (count === 0) pieces.push({ kind: 'progress', from, next });
    else
      pieces.push({ kind: 'text', from, next, count, bytes: message(header, from, next, texts) });
    from = next;
    bytes = FRAME_BYTES_MAX;
    texts = [];
  };
  while (reader.next()) {
    const text = utf8(recordText(reader));
    if (text.length > JSON_RECORD_BYTES_MAX) {
      close(reader.offset);
      pieces.push({ kind: 'oversize', from, next: from + 1 });
      from++;
      continue;
    }
    if (bytes + text.length + 1 > JSON_RECORDS_BYTES_MAX) close(reader.offset);
    bytes += text.length + 1;
    texts.push(text);
  }
  close(header.nextOffset);
  return pieces;
}

function recordText(record: PackedRecordsReader): string {
  const { key, value, headerCount } = record;
  let text = `{"o":"${record.offset}","ts":"${record.timestamp}","k":`;
  text += key === null ? 'null' : bytesText(key);
  if (value !== null) text += `,"v":${bytesText(value)}`;
  else if (record.isTombstone) text += ',"v":null';
  if (headerCount > 0) {
    const headers = record.headers.map(
      (header) =>
        `[${JSON.stringify(header.name)},${header.value === null ? 'null' : bytesText(header.value)}]`,
    );
    text += `,"h":[${headers.join(',')}]`;
  }
  return `${text}}`;
}

function message(
  header: JsonRecordsHeader,
  from: number,
  next: number,
  texts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const flags = JSON.stringify(recordsFlagNames(header.flags));
  const head = utf8(
    `{"t":"records","stream":${header.stream},"from":"${from}","next":"${next}","epoch":${header.leaderEpoch}` +
      `,"hwm":"${header.highWatermark}","flags":${flags},"records":[`,
  );
  const length = texts.reduce((sum, text) => sum + text.length + 1, head.length + 1);
  const bytes = new Uint8Array(length);
  bytes.set(head);
  let at = head.length;
  for (const text of texts) {
    bytes.set(text, at);
    at += text.length;
    bytes[at++] = 0x2c;
  }
  // The comma behind the last record becomes the end of the list.
  bytes[at - 1] = 0x5d;
  bytes[at] = 0x7d;
  return bytes;
}
