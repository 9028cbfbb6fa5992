import { toBase64, toBase64Url } from './base64.ts';
import { nodesToFilter } from './filter.ts';
import type { FilterNode } from './frame-parts.ts';
import type { FrameInput } from './frames.ts';
import { jsonNames } from './json-names.ts';
import { type Row, type Shape, Wire } from './row.ts';
import { filterRow, frameRows, tagOf } from './tables.ts';
import { isText, textOf } from './utf8.ts';

/** Records have a form of their own in JSON: `jsonRecords`. */
export type JsonFrameInput = Exclude<FrameInput, { kind: 'records' }>;
type Values = Readonly<Record<string, unknown>>;

/** The JSON text of one frame. A field that is left out is left out; several frames are joined by `\n`. */
export function encodeJsonFrame(frame: JsonFrameInput): string {
  const { shape } = frameRows[tagOf(frame.kind) - 1] as { shape: Shape };
  return `{"t":"${frame.kind}"${fieldsText(shape, frame, ',')}}`;
}

function fieldsText(shape: Shape, values: Values, before: string): string {
  let text = '';
  for (let i = 0; i < shape.rows.length; i++) {
    const name = shape.names[i] as string;
    const value = values[name];
    if (value === undefined) continue;
    const row = shape.rows[i] as Row;
    if (row === filterRow && (value as readonly FilterNode[]).length === 0) continue;
    text += `${text === '' ? before : ','}"${name}":${valueText(row, value, name)}`;
  }
  return text;
}

function valueText(row: Row, value: unknown, name: string): string {
  if (value === null) return 'null';
  if (row === filterRow) return JSON.stringify(nodesToFilter(value as readonly FilterNode[]));
  switch (row.wire) {
    case Wire.I64:
      return `"${value}"`;
    case Wire.TEXT:
      return JSON.stringify(value);
    case Wire.BYTES:
      return row.isId ? `"${toBase64Url(value as Uint8Array)}"` : bytesText(value as Uint8Array);
    case Wire.TABLE:
      return objectText(row.of as Shape, value as Values);
    case Wire.SCALARS:
      return listText(value, (item) => valueText(row.element as Row, item, name));
    case Wire.STRUCTS:
    case Wire.TABLES:
      return listText(value, (item) => objectText(row.of as Shape, item as Values));
    default: {
      const names = jsonNames(name);
      return names === undefined ? String(value) : `"${names[value as number]}"`;
    }
  }
}

function objectText(shape: Shape, values: Values): string {
  return `{${fieldsText(shape, values, '')}}`;
}

function listText(value: unknown, itemText: (item: unknown) => string): string {
  return `[${(value as readonly unknown[]).map(itemText).join(',')}]`;
}

/** A string where the bytes are text, else `{"b64":"…"}`; what is text, `JsonBytes` decides alike. */
function bytesText(bytes: Uint8Array): string {
  return isText(bytes)
    ? JSON.stringify(textOf(bytes, 0, bytes.length))
    : `{"b64":"${toBase64(bytes)}"}`;
}
