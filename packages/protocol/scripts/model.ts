import type { Api, DefaultValue, Field, Message, Scalar } from '../schemas/language.ts';

/** Inclusive. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

export interface FieldModel {
  readonly name: string;
  readonly about: string;
  readonly scalar: Scalar | undefined;
  readonly struct: StructModel | undefined;
  readonly list: boolean;
  readonly nullable: boolean;
  /** First version that accepts null; meaningless unless `nullable`. */
  readonly nullableFrom: number;
  /** Versions of the message, within those of the struct, that have the field. */
  readonly range: Range;
  readonly tag: number | undefined;
  readonly ignorable: boolean;
  readonly default: DefaultValue | undefined;
}

export interface StructModel {
  readonly name: string;
  /** What the field that holds it says; the message's own sentence for the root. */
  readonly about: string;
  range: Range;
  fields: FieldModel[];
}

export interface MessageModel {
  readonly root: StructModel;
  /** Inner structs first, the root last. */
  readonly structs: StructModel[];
  readonly range: Range;
  /** Infinity when never. */
  readonly flexibleFrom: number;
}

export interface ApiModel {
  readonly key: number;
  readonly name: string;
  readonly about: string;
  readonly range: Range;
  readonly flexibleFrom: number;
  readonly request: MessageModel;
  readonly response: MessageModel;
}

const SCALARS: ReadonlySet<string> = new Set<Scalar>([
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'int64Big',
  'uuid',
  'string',
  'bytes',
  'records',
]);

export function apiModel(api: Api): ApiModel {
  const { key, name, about, versions, flexibleFrom } = api;
  const part = (suffix: string, fields: readonly Field[]) =>
    messageModel({
      name: `${name}${suffix}`,
      about: `${about.slice(0, -1)}: the ${suffix.toLowerCase()}.`,
      versions,
      flexibleFrom,
      fields,
    });
  return {
    key,
    name,
    about,
    range: parseRange(versions),
    flexibleFrom: flexibleFrom === 'never' ? Number.POSITIVE_INFINITY : flexibleFrom,
    request: part('Request', api.request),
    response: part('Response', api.response),
  };
}

export function messageModel(message: Message): MessageModel {
  const range = parseRange(message.versions);
  const structs = new Map<string, StructModel>();
  const root = resolveStruct(message.name, message.about, message.fields, range, structs);
  return {
    root,
    structs: [...structs.values()],
    range,
    flexibleFrom:
      message.flexibleFrom === 'never' ? Number.POSITIVE_INFINITY : message.flexibleFrom,
  };
}

function resolveStruct(
  name: string,
  about: string,
  fields: readonly Field[],
  range: Range,
  structs: Map<string, StructModel>,
): StructModel {
  const struct: StructModel = { name, about, range, fields: [] };
  struct.fields = fields.map((field) => resolveField(field, struct, structs));
  if (structs.has(name)) throw new Error(`two structs are named ${name}`);
  structs.set(name, struct);
  const names = new Set(struct.fields.map((field) => field.name));
  if (names.size !== fields.length) throw new Error(`${name} names a field twice`);
  return struct;
}

function resolveField(
  field: Field,
  parent: StructModel,
  structs: Map<string, StructModel>,
): FieldModel {
  const where = `${parent.name}.${field.name}`;
  const nullable = field.type.endsWith('?');
  const bare = nullable ? field.type.slice(0, -1) : field.type;
  const list = bare.endsWith('[]');
  const base = list ? bare.slice(0, -2) : bare;
  const range = intersect(parseRange(field.versions), parent.range, where);
  const scalar = SCALARS.has(base) ? (base as Scalar) : undefined;
  let struct: StructModel | undefined;
  if (scalar === undefined) {
    struct = structs.get(base);
    if (field.fields !== undefined) {
      struct = resolveStruct(base, field.about, field.fields, range, structs);
    } else if (struct === undefined) {
      throw new Error(`${where}: ${base} has no fields`);
    } else {
      widen(struct, range);
    }
  }
  if (nullable && field.default !== undefined && field.default !== null) {
    throw new Error(`${where}: a field that may be null can only have null as its default`);
  }
  if (nullable && field.tag !== undefined && field.default !== null) {
    throw new Error(`${where}: a tagged field that may be null needs null as its default`);
  }
  return {
    name: field.name,
    about: field.about,
    scalar,
    struct,
    list,
    nullable,
    nullableFrom: Math.max(field.nullableFrom ?? 0, range.min),
    range,
    tag: field.tag,
    ignorable: field.ignorable ?? false,
    default: field.default,
  };
}

/** A struct used a second time: it must serve the versions of both places. */
function widen(struct: StructModel, range: Range): void {
  const wide = {
    min: Math.min(struct.range.min, range.min),
    max: Math.max(struct.range.max, range.max),
  };
  const before = struct.range;
  struct.range = wide;
  struct.fields = struct.fields.map((field) => {
    if (field.struct !== undefined) widen(field.struct, wide);
    const full = field.range.min === before.min && field.range.max === before.max;
    return full ? { ...field, range: wide, nullableFrom: wide.min } : field;
  });
}

export function parseRange(text: string): Range {
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text);
  if (match === null) throw new Error(`not a version range: ${text}`);
  const min = Number(match[1]);
  if (match[2] !== undefined) return { min, max: Number.POSITIVE_INFINITY };
  return { min, max: match[3] === undefined ? min : Number(match[3]) };
}

function intersect(a: Range, b: Range, where: string): Range {
  const range = { min: Math.max(a.min, b.min), max: Math.min(a.max, b.max) };
  if (range.min > range.max) throw new Error(`${where} is in no version of its parent`);
  return range;
}

/** True when callers of the encoder may leave the field out. */
export function isOptional(field: FieldModel): boolean {
  return field.default !== undefined || field.tag !== undefined;
}

/** True when the type that the encoder takes is wider than the one that the decoder gives. */
export function hasInput(struct: StructModel): boolean {
  return struct.fields.some(
    (field) =>
      isOptional(field) ||
      field.scalar === 'records' ||
      (field.struct !== undefined && hasInput(field.struct)),
  );
}

/**
 * Smallest number of bytes that one element of the field's type takes, over the versions of `range`
 * that are flexible, or over those that are not.
 */
export function minElementBytes(
  field: FieldModel,
  range: Range,
  message: MessageModel,
  flexible: boolean,
): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let version = range.min; version <= range.max; version++) {
    if (version >= message.flexibleFrom !== flexible) continue;
    const bytes =
      field.struct === undefined
        ? minScalarBytes(field.scalar as Scalar, flexible)
        : minStructBytes(field.struct, version, flexible);
    smallest = Math.min(smallest, bytes);
  }
  return smallest;
}

function minStructBytes(struct: StructModel, version: number, flexible: boolean): number {
  let bytes = flexible ? 1 : 0;
  for (const field of struct.fields) {
    if (version < field.range.min || version > field.range.max || field.tag !== undefined) continue;
    if (field.list) bytes += flexible ? 1 : 4;
    else if (field.struct === undefined) bytes += minScalarBytes(field.scalar as Scalar, flexible);
    else bytes += field.nullable ? 1 : minStructBytes(field.struct, version, flexible);
  }
  return bytes;
}

function minScalarBytes(scalar: Scalar, flexible: boolean): number {
  switch (scalar) {
    case 'bool':
    case 'int8':
      return 1;
    case 'int16':
      return 2;
    case 'int32':
      return 4;
    case 'int64':
    case 'int64Big':
      return 8;
    case 'uuid':
      return 16;
    case 'string':
      return flexible ? 1 : 2;
    case 'bytes':
    case 'records':
      return flexible ? 1 : 4;
  }
}

/**
 * What a decoded element takes in the heap at least, near enough: the array's slot, the object's
 * head, its fields, and what they always allocate.
 */
export function elementHeapBytes(field: FieldModel): number {
  const slot = 8;
  return field.struct === undefined
    ? slot + scalarHeapBytes(field.scalar as Scalar)
    : slot + structHeapBytes(field.struct);
}

/**
 * Whoever sends the message chooses, so what may be null counts as if it were not. A tagged field
 * pays for itself: it takes bytes only when it is there.
 */
function structHeapBytes(struct: StructModel): number {
  let bytes = 24 + 8 * struct.fields.length;
  for (const field of struct.fields) {
    if (field.tag !== undefined) continue;
    if (field.list) bytes += 32;
    else if (field.struct === undefined) bytes += scalarHeapBytes(field.scalar as Scalar);
    else bytes += structHeapBytes(field.struct);
  }
  return bytes;
}

function scalarHeapBytes(scalar: Scalar): number {
  if (scalar === 'bytes' || scalar === 'records') return 104;
  if (scalar === 'int64Big') return 24;
  return 0;
}
