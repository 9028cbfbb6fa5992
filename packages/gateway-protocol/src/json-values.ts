import { utf8Length } from '@millrace/bytes';
import { fromBase64, fromBase64Url } from './base64.ts';
import type { Check } from './frame-verifier.ts';
import { jsonNames } from './json-names.ts';
import { type Row, Wire } from './row.ts';
import type { JsonValue } from './strict-json.ts';
import { utf8 } from './utf8.ts';

/** A field that means nothing (V8): its frame is refused, the connection lives. No Error, as JsonProblem. */
export class FieldProblem {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** A message that is not to be understood. No Error either. */
export class MessageProblem {
  readonly check: Check;
  readonly message: string;

  constructor(check: Check, message: string) {
    this.check = check;
    this.message = message;
  }
}

/** A bool, an integer, text or bytes. */
export function readPlain(row: Row, value: JsonValue, name: string): unknown {
  const names = jsonNames(name);
  if (names !== undefined) return readName(names, value, name);
  switch (row.wire) {
    case Wire.BOOL:
      if (typeof value !== 'boolean') throw new FieldProblem(`${name} is not a boolean`);
      return value;
    case Wire.I64:
      return readLong(row, value, name);
    case Wire.TEXT:
      if (value === null) return checkCount(row, null, 0, name);
      if (typeof value !== 'string') throw new FieldProblem(`${name} is not a string`);
      return checkCount(row, value, utf8Length(value), name);
    case Wire.BYTES: {
      const bytes = value === null ? null : readBytes(value, row.isId);
      if (bytes === undefined) throw new FieldProblem(`${name} are no bytes`);
      return checkCount(row, bytes, bytes?.length ?? 0, name);
    }
    default:
      if (typeof value !== 'number' || !Number.isInteger(value))
        throw new FieldProblem(`${name} is not an integer`);
      return checkRange(row, value, name);
  }
}

function readName(names: readonly string[], value: JsonValue, name: string): number {
  const at = names.indexOf(value as string);
  if (at < 0) throw new FieldProblem(`${name} is none of its names`);
  return at;
}

function checkRange(row: Row, value: number, name: string): number {
  if (value < row.min || value > row.max) throw new FieldProblem(`${name} is out of range`);
  return value;
}

const DECIMAL = /^-?(?:0|[1-9]\d{0,18})$/;

function readLong(row: Row, value: JsonValue, name: string): bigint {
  if (typeof value === 'number' ? !Number.isSafeInteger(value) : !isDecimal(value))
    throw new FieldProblem(`${name} is neither a safe integer nor a decimal string`);
  const long = BigInt(value as number | string);
  if (BigInt.asIntN(64, long) !== long) throw new FieldProblem(`${name} is out of range`);
  checkRange(row, Number(long), name);
  return long;
}

function isDecimal(value: JsonValue): boolean {
  return typeof value === 'string' && DECIMAL.test(value);
}

/** V5 above the most, V8 below the least. */
export function checkCount<T>(row: Row, value: T, count: number, name: string): T {
  if (count > row.max || (value !== null && row.exact !== 0 && count !== row.exact))
    throw new MessageProblem('V5', `${name} has an impossible length`);
  if (count < row.min) throw new FieldProblem(`${name} is too short`);
  return value;
}

/** Bytes of a string or `{"b64": …}`, or of base64url; undefined when it is none of them. */
function readBytes(value: JsonValue, isId: boolean): Uint8Array | undefined {
  if (typeof value === 'string') return isId ? (fromBase64Url(value) ?? undefined) : utf8(value);
  if (isId || typeof value !== 'object' || value === null || !('b64' in value)) return undefined;
  const text = value.b64;
  if (typeof text !== 'string' || Object.keys(value).length !== 1) return undefined;
  return fromBase64(text) ?? undefined;
}
