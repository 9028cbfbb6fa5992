import { Builder, ByteBuffer } from 'flatbuffers';
import type { Frame } from './frames.ts';
import { FrameTag } from './frames.ts';
import { type Row, type Shape, Wire } from './row.ts';
import { frameRows } from './tables.ts';

type Values = Readonly<Record<string, unknown>>;
/** A class that flatc made: `startHello`, `addToken`, `createCodecsVector`, … */
type StockTable = Readonly<Record<string, (builder: Builder, ...values: unknown[]) => number>>;
interface StockFrame {
  bodyType: number;
  body: Values;
}

/** flatc's code is plain JavaScript without types; a name that is not a literal is not looked up. */
const place = '../testdata/generated/flatc-frames.mjs';
const stock = (await import(place)) as Readonly<Record<string, StockTable>>;

const pascal = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);
const tableNames = new Map<string, string>([
  ['frame.limits', 'Limits'],
  ['frame.streams', 'Stream'],
  ['frame.filter', 'FilterNode'],
  ['frame.values', 'Bytes'],
  ['frame.headers', 'Header'],
  ['frame.tokens', 'ResumeToken'],
  ['frame.offsets', 'PartitionOffset'],
  ['frame.results', 'PartitionCode'],
]);

/** The frame as flatc's builders write it, padded to a multiple of 8. */
export function stockEncode(frame: Frame): Uint8Array {
  const builder = new Builder(64);
  const row = frameRows[FrameTag[frame.kind] - 1];
  if (row === undefined) throw new Error('no such frame');
  const body = addTable(builder, pascal(frame.kind), row.shape, frame as unknown as Values);
  const Stock = stock.Frame as StockTable;
  Stock.startFrame?.(builder);
  Stock.addBodyType?.(builder, FrameTag[frame.kind]);
  Stock.addBody?.(builder, body);
  builder.finishSizePrefixed(Stock.endFrame?.(builder) as number);
  return padded(builder.asUint8Array());
}

/** Zeroes up to a multiple of 8, inside of the length. */
export function padded(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array((bytes.length + 7) & ~7);
  out.set(bytes);
  new DataView(out.buffer).setUint32(0, out.length - 4, true);
  return out;
}

function addTable(builder: Builder, name: string, shape: Shape, values: Values): number {
  const Stock = stock[name] as StockTable;
  const offsets = shape.names.map((field, slot) =>
    addData(builder, name, field, shape.rows[slot] as Row, values[field]),
  );
  Stock[`start${name}`]?.(builder);
  shape.names.forEach((field, slot) => {
    const value = values[field];
    const isScalar = (shape.rows[slot] as Row).wire < Wire.TEXT;
    if (isScalar) Stock[`add${pascal(field)}`]?.(builder, value);
    else if (offsets[slot] !== null) Stock[`add${pascal(field)}`]?.(builder, offsets[slot]);
  });
  return Stock[`end${name}`]?.(builder) as number;
}

function addData(
  builder: Builder,
  table: string,
  field: string,
  row: Row,
  value: unknown,
): number | null {
  if (row.wire < Wire.TEXT || value === null) return null;
  const Stock = stock[table] as StockTable;
  if (row.wire === Wire.TEXT) return builder.createString(value as string);
  if (row.wire === Wire.TABLE)
    return addTable(builder, nestedName(table, field), row.of as Shape, value as Values);
  const list = value as ArrayLike<unknown>;
  if (list.length === 0 && row.wire !== Wire.BYTES) return null;
  if (row.wire === Wire.STRUCTS) return addStructs(builder, table, field, row, value);
  let items: unknown = value;
  if (row.wire === Wire.TABLES) {
    const shape = row.of as Shape;
    const nested = nestedName(table, field);
    items = Array.from(list, (item) =>
      addTable(builder, nested, shape, shape.isOnlyField ? { data: item } : (item as Values)),
    );
  }
  return Stock[`create${pascal(field)}Vector`]?.(builder, items) as number;
}

function addStructs(builder: Builder, table: string, field: string, row: Row, value: unknown) {
  const shape = row.of as Shape;
  const items = value as readonly Values[];
  const nested = nestedName(table, field);
  stock[table]?.[`start${pascal(field)}Vector`]?.(builder, items.length);
  for (const item of [...items].reverse()) {
    const fields = shape.names.map((name) => item[name]);
    if (nested === 'PartitionCode') fields.push(0);
    stock[nested]?.[`create${nested}`]?.(builder, ...fields);
  }
  return builder.endVector();
}

function nestedName(table: string, field: string): string {
  if (table === 'Progress') return 'StreamOffset';
  return tableNames.get(`frame.${field}`) as string;
}

/** What flatc's object API reads of one frame: the tag and the body's fields. */
export function stockDecode(bytes: Uint8Array): { tag: number; fields: unknown } {
  const Root = stock.Frame as unknown as {
    getSizePrefixedRootAsFrame(buffer: ByteBuffer): { unpack(): StockFrame };
  };
  const { bodyType, body } = Root.getSizePrefixedRootAsFrame(new ByteBuffer(bytes)).unpack();
  return { tag: bodyType, fields: plainOf(body) };
}

/** Objects without their class, and without the padding of PartitionCode. */
function plainOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([name]) => name !== 'pad');
  return Object.fromEntries(fields.map(([name, field]) => [name, plainOf(field)]));
}

/** Our frame in the form of `stockDecode`: bytes are lists of numbers, and absent ones are empty. */
export function asStock(frame: Frame): { tag: number; fields: unknown } {
  const { shape } = frameRows[FrameTag[frame.kind] - 1] as { shape: Shape };
  return { tag: FrameTag[frame.kind], fields: tableAsStock(shape, frame as unknown as Values) };
}

function tableAsStock(shape: Shape, values: Values): unknown {
  return Object.fromEntries(
    shape.names.map((name, slot) => [name, asStockValue(shape.rows[slot] as Row, values[name])]),
  );
}

function asStockValue(row: Row, value: unknown): unknown {
  if (row.wire === Wire.BYTES) return value === null ? [] : [...(value as Uint8Array)];
  if (row.of === null || value === null) return value;
  const shape = row.of;
  const item = (element: unknown) =>
    tableAsStock(shape, shape.isOnlyField ? { data: element } : (element as Values));
  return Array.isArray(value) ? value.map(item) : item(value);
}
