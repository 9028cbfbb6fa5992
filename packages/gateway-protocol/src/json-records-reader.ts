import { EncodeError } from '@millrace/bytes';
import { Codec, Projection } from './enums.ts';
import type { HeaderField } from './frame-parts.ts';
import type { Records } from './frames.ts';
import { FieldProblem, readPlain } from './json-values.ts';
import { PackedRecordsWriter } from './packed-records-writer.ts';
import { recordsFlagBits } from './records-flags.ts';
import { bytes, i32, i64, text, u32 } from './row.ts';
import type { JsonObject, JsonValue } from './strict-json.ts';

const NO_BYTES = new Uint8Array(0);
const rows = {
  stream: u32(),
  from: i64(0, 0n),
  next: i64(0, 0n),
  epoch: i32(-1, -1),
  hwm: i64(-1, -1n),
  o: i64(0, 0n),
  ts: i64(Number.NEGATIVE_INFINITY, 0n),
  bytes: bytes(),
  name: text(0xffff),
};

/**
 * The Records frame that a JSON one stands for: its records are packed, uncompressed, and `rawSize`
 * is the length of its text, which is what it costs of the window. A record without `v` is one whose
 * value was not asked for; `"v":null` is a tombstone.
 * @throws FieldProblem
 */
export function readJsonRecords(object: JsonObject, textBytes: number): Records {
  const from = field(object, 'from') as bigint;
  const list = listOf(object.records).map(recordObject);
  if (list.length === 0) throw new FieldProblem('records is empty');
  const baseTimestamp = Number(field(list[0] as JsonObject, 'ts'));
  const hasValues = list.every((record) => record.v !== undefined);
  const writer = new PackedRecordsWriter(
    baseTimestamp,
    hasValues ? Projection.ALL : Projection.ALL & ~Projection.VALUE,
  );
  try {
    for (const record of list) {
      writer.append(
        Number((field(record, 'o') as bigint) - from),
        Number(field(record, 'ts')),
        bytesField(record.k ?? null, 'k'),
        record.v === undefined ? NO_BYTES : bytesField(record.v, 'v'),
        listOf(record.h ?? []).map(headerField),
      );
    }
  } catch (error) {
    if (error instanceof EncodeError) throw new FieldProblem(error.message);
    throw error;
  }
  return {
    kind: 'records',
    stream: field(object, 'stream') as number,
    count: list.length,
    fromOffset: from,
    nextOffset: field(object, 'next') as bigint,
    highWatermark: field(object, 'hwm') as bigint,
    baseTimestamp: BigInt(baseTimestamp),
    leaderEpoch: field(object, 'epoch') as number,
    flags: recordsFlagBits(listOf(object.flags)),
    part: 0,
    parts: 1,
    codec: Codec.NONE,
    rawSize: textBytes,
    payload: writer.borrow(),
  };
}

function field(object: JsonObject, name: Exclude<keyof typeof rows, 'bytes' | 'name'>): unknown {
  return readPlain(rows[name], object[name] ?? null, name);
}

function bytesField(value: JsonValue, name: string): Uint8Array | null {
  return readPlain(rows.bytes, value, name) as Uint8Array | null;
}

function headerField(value: JsonValue): HeaderField {
  const [name, bytes_ = null] = listOf(value);
  return {
    name: readPlain(rows.name, name ?? null, 'h') as string | null,
    value: bytesField(bytes_, 'h'),
  };
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  if (!Array.isArray(value)) throw new FieldProblem('a list is missing');
  return value;
}

function recordObject(value: JsonValue): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FieldProblem('a record is not an object');
  return value as JsonObject;
}
