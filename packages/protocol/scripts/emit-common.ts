import type { FieldModel, MessageModel, Range, StructModel } from './model.ts';

/** An expression for the versions from `from` on, up to the next segment. */
export interface Segment {
  readonly from: number;
  readonly code: string;
}

/** Upper-case constants that a generated file may need from the support module. */
export const EMPTY_BYTES = 'EMPTY_BYTES';

/** Condition under which `inner` holds, given that `outer` does; empty when always. */
export function condition(inner: Range, outer: Range): string {
  const parts: string[] = [];
  if (inner.min > outer.min && inner.min === inner.max && inner.max < outer.max) {
    return `version === ${inner.min}`;
  }
  if (inner.min > outer.min) parts.push(`version >= ${inner.min}`);
  if (inner.max < outer.max) parts.push(`version <= ${inner.max}`);
  return parts.join(' && ');
}

/**
 * The code of each stretch of `range` within which neither the encoding (flexible or not) nor the
 * right to be null changes; neighbours with equal code are one.
 */
export function segments(
  field: FieldModel,
  range: Range,
  message: MessageModel,
  code: (flexible: boolean, nullable: boolean) => string,
): Segment[] {
  const starts = [range.min, message.flexibleFrom, field.nullable ? field.nullableFrom : 0]
    .filter((start) => start >= range.min && start <= range.max)
    .sort((a, b) => a - b);
  const result: Segment[] = [];
  for (const from of starts) {
    const text = code(from >= message.flexibleFrom, field.nullable && from >= field.nullableFrom);
    if (result.at(-1)?.code !== text && result.at(-1)?.from !== from) {
      result.push({ from, code: text });
    }
  }
  return result;
}

/** One expression that picks the segment of the version at hand. */
export function choose(list: readonly Segment[], message: MessageModel): string {
  let text = (list[0] as Segment).code;
  for (const segment of list.slice(1)) {
    text = `${versionTest(segment.from, message)} ? ${segment.code} : ${text}`;
  }
  return text;
}

export function versionTest(from: number, message: MessageModel): string {
  return from === message.flexibleFrom ? 'flexible' : `version >= ${from}`;
}

/** `, version, flexible` as far as the body uses them. */
export function versionParameters(body: string): string[] {
  return ['version', 'flexible'].filter((name) => new RegExp(`\\b${name}\\b`).test(body));
}

/** A value of the field's type that stands for "absent". */
export function defaultLiteral(field: FieldModel): string {
  if (field.default !== undefined) {
    if (typeof field.default === 'bigint') return `${field.default}n`;
    return typeof field.default === 'string' ? `'${field.default}'` : String(field.default);
  }
  if (field.list) return '[]';
  if (field.struct !== undefined) return field.nullable ? 'null' : defaultName(field.struct);
  switch (field.scalar) {
    case 'bool':
      return 'false';
    case 'int64Big':
      return '0n';
    case 'uuid':
      return 'ZERO_UUID';
    case 'string':
      return "''";
    case 'bytes':
      return EMPTY_BYTES;
    case 'records':
      return 'null';
    default:
      return '0';
  }
}

export function defaultName(struct: StructModel): string {
  return `default${struct.name}`;
}

/** TypeScript type of what a decoder gives (`input` false) or an encoder takes. */
export function typeOf(field: FieldModel, input: boolean, inputName: (s: StructModel) => string) {
  let base: string;
  if (field.struct !== undefined) base = input ? inputName(field.struct) : field.struct.name;
  else base = scalarType(field, input);
  if (field.list) base = `readonly ${base}[]`;
  return field.nullable ? `${base} | null` : base;
}

function scalarType(field: FieldModel, input: boolean): string {
  switch (field.scalar) {
    case 'bool':
      return 'boolean';
    case 'uuid':
      return 'Uuid';
    case 'string':
      return 'string';
    case 'int64Big':
      return 'bigint';
    case 'bytes':
      return 'Uint8Array';
    case 'records':
      return input ? 'Uint8Array | FileSlice' : 'Uint8Array';
    default:
      return 'number';
  }
}
