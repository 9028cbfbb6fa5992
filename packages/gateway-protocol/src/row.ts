/** How a field is stored. The scalars come first; everything from TEXT on is an offset to data. */
export const Wire = {
  BOOL: 0,
  U8: 1,
  U16: 2,
  I32: 3,
  U32: 4,
  I64: 5,
  TEXT: 6,
  BYTES: 7,
  SCALARS: 8,
  STRUCTS: 9,
  TABLE: 10,
  TABLES: 11,
} as const;

/** Bytes of a field in its table, by `Wire`; alignment is the same. */
export const WIRE_BYTES: readonly number[] = [1, 1, 2, 4, 4, 8, 4, 4, 4, 4, 4, 4];

/** One field: everything the codecs and the verifier need to know of it. */
export interface Row {
  readonly wire: number;
  /** Value of a field that is absent. */
  readonly absent: unknown;
  /** Accepted values of a scalar; of the rest the least bytes or elements (checked last, V8). */
  readonly min: number;
  /** Accepted values of a scalar; of the rest the most bytes or elements (checked at once, V5). */
  readonly max: number;
  /** Bytes are exactly this many when present; 0 = any number. */
  readonly exact: number;
  /** Elements of a vector, or the nested table. */
  readonly of: Shape | null;
  /** The element of a vector of scalars. */
  readonly element: Row | null;
  /** An id or token: base64url in JSON. */
  readonly isId: boolean;
  /** What an application sends: a reader hands it out as a view on the message, not as a copy. */
  readonly isPayload: boolean;
}

/** A table or struct: its fields in the order of the schema, which is the order of slots. */
export interface Shape {
  readonly names: readonly string[];
  readonly rows: readonly Row[];
  /** Field numbers, largest field first: the order in which a table is laid out. */
  readonly layout: readonly number[];
  /** An object whose fields all have their absent values. */
  readonly empty: Readonly<Record<string, unknown>>;
  /** Place of each field in a struct, and the size and alignment of the whole; all 0 for a table. */
  readonly places: readonly number[];
  readonly bytes: number;
  readonly align: number;
  /** Stands for its only field: `Bytes` is just bytes. */
  readonly isOnlyField: boolean;
}

const UNBOUNDED = 0xffffffff;
const plain: Row = {
  wire: Wire.BOOL,
  absent: false,
  min: 0,
  max: 1,
  exact: 0,
  of: null,
  element: null,
  isId: false,
  isPayload: false,
};

export const bool: Row = plain;

export function u8(max: number, absent = 0): Row {
  return { ...plain, wire: Wire.U8, absent, max };
}

export function u16(max = 0xffff, absent = 0): Row {
  return { ...plain, wire: Wire.U16, absent, max };
}

export function u32(min = 0, max = 0xffffffff, absent = 0): Row {
  return { ...plain, wire: Wire.U32, absent, min, max };
}

export function i32(min: number, absent: number): Row {
  return { ...plain, wire: Wire.I32, absent, min, max: 0x7fffffff };
}

/** A 64-bit integer up to 2^63 − 1; the schema's `ulong` is one that is never negative. */
export function i64(min: number, absent: bigint): Row {
  return { ...plain, wire: Wire.I64, absent, min, max: Number.POSITIVE_INFINITY };
}

/** A value of an enum, up to its last one. JSON has the names (`json-names.ts`). */
export function oneOf(last: number, absent = 0): Row {
  return u8(last, absent);
}

/** UTF-8 text. A `min` above 0 makes it required. */
export function text(max = UNBOUNDED, min = 0): Row {
  return { ...plain, wire: Wire.TEXT, absent: null, min, max };
}

export function bytes(): Row {
  return { ...plain, wire: Wire.BYTES, absent: null, max: UNBOUNDED };
}

/** Keys, values and what holds them. */
export function payload(min = 0): Row {
  return { ...bytes(), min, isPayload: true };
}

/** Bytes that JSON writes as base64url. */
export function id(max: number, exact = 0): Row {
  return { ...plain, wire: Wire.BYTES, absent: null, max, exact, isId: true };
}

export function scalars(element: Row, max: number): Row {
  return { ...plain, wire: Wire.SCALARS, absent: NONE, max, element };
}

export function structs(of: Shape, max: number): Row {
  return { ...plain, wire: Wire.STRUCTS, absent: NONE, max, of };
}

export function tables(of: Shape, max: number): Row {
  return { ...plain, wire: Wire.TABLES, absent: NONE, max, of };
}

export function table(of: Shape): Row {
  return { ...plain, wire: Wire.TABLE, absent: null, of };
}

const NONE: readonly never[] = [];

/** The rows of every field of `T`, in the order of the schema. */
export type RowsOf<T> = { readonly [F in Exclude<keyof T, 'kind'>]: Row };

/** Describes a table whose fields are those of `T`. */
export function shape<T>(rows: RowsOf<T>): Shape {
  return describe(rows, {}, false);
}

/** The same of a frame, whose objects also name their kind. */
export function frameShape(kind: string, rows: Readonly<Record<string, Row>>): Shape {
  return describe(rows, { kind }, false);
}

/** Describes the table that only wraps one field. */
export function wrapper(name: string, row: Row): Shape {
  return { ...describe({ [name]: row }, {}, false), isOnlyField: true };
}

/** Describes a struct: fields at fixed places, each aligned to its size, padded to the largest. */
export function struct<T>(rows: RowsOf<T>): Shape {
  return describe(rows, {}, true);
}

function describe(
  fields: Readonly<Record<string, Row>>,
  first: Readonly<Record<string, unknown>>,
  isStruct: boolean,
): Shape {
  const names = Object.keys(fields);
  const rows = Object.values(fields);
  const empty: Record<string, unknown> = { ...first };
  for (const [name, row] of Object.entries(fields)) empty[name] = row.absent;
  const sizes = rows.map((row) => WIRE_BYTES[row.wire] as number);
  const layout = sizes.map((_, slot) => slot).sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0));
  const places: number[] = [];
  let end = 0;
  let align = 0;
  if (isStruct) {
    for (const size of sizes) {
      const place = Math.ceil(end / size) * size;
      places.push(place);
      end = place + size;
      align = Math.max(align, size);
    }
    end = Math.ceil(end / align) * align;
  }
  return { names, rows, layout, empty, places, bytes: end, align, isOnlyField: false };
}
