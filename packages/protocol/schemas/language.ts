/**
 * The language of the schema tables: one row per field, one file per API. Everything else about a
 * message (types, codecs, documentation, minimal sizes) is derived from its rows.
 */

/**
 * `int64` is a JavaScript number, refused outside the safe integer range; `int64Big` is the same
 * eight bytes as a bigint, for the few fields that use the whole range. `records` are bytes that
 * may be encoded from a file slice.
 */
export type Scalar =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'int64Big'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records';

export type DefaultValue = number | bigint | string | boolean | null;

export interface FieldOptions {
  /** Value of a field that is absent. Encoders may leave such a field out. */
  readonly default?: DefaultValue;
  /** Encoded as a tagged field under this number. Always optional. */
  readonly tag?: number;
  /** Dropped without complaint when encoding a version that does not have it. */
  readonly ignorable?: boolean;
  /** First version that accepts null, when it is not the field's first. */
  readonly nullableFrom?: number;
  /** Rows of a struct type, at its first use in the message. */
  readonly fields?: readonly Field[];
}

export interface Field extends FieldOptions {
  readonly name: string;
  /** A scalar or the name of a struct, then `[]` for an array, then `?` when null is allowed. */
  readonly type: string;
  /** `3+`, `0-7` or `4`: versions of the message that have the field. */
  readonly versions: string;
  /** One sentence. */
  readonly about: string;
}

/** A message outside the request/response scheme: a key or value in a log, or bytes in a field. */
export interface Message {
  readonly name: string;
  readonly versions: string;
  /** First version with compact lengths and tagged fields, or 'never'. */
  readonly flexibleFrom: number | 'never';
  readonly about: string;
  readonly fields: readonly Field[];
}

export interface Api {
  readonly key: number;
  readonly name: string;
  /** Versions that the codecs speak; what a broker serves is its own business. */
  readonly versions: string;
  readonly flexibleFrom: number | 'never';
  readonly about: string;
  readonly request: readonly Field[];
  readonly response: readonly Field[];
}

/** One row. */
export function field(
  name: string,
  type: string,
  versions: string,
  about: string,
  options: FieldOptions = {},
): Field {
  return { name, type, versions, about, ...options };
}

/** Checks nothing: it gives the table its type. */
export function api(table: Api): Api {
  return table;
}

/** Checks nothing: it gives the table its type. */
export function message(table: Message): Message {
  return table;
}
