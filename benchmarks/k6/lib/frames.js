// A gateway's frames in plain JavaScript without any of the runtime's extras: k6 has no TextDecoder. Frames are
// size-prefixed FlatBuffers; the server is trusted to send sound ones, for what is under test is its load.
import { SCHEMA, STRUCTS, TAGS } from './schema.js';

const KINDS = [];
for (const [kind, tag] of Object.entries(TAGS)) KINDS[tag] = kind;
const SCALAR_BYTES = { u8: 1, bool: 1, u16: 2, u32: 4, i32: 4, i64: 8 };
const STRUCT_BYTES = 16;
const TWO_32 = 0x1_0000_0000;
/** Length, root offset, the vtable and the table of the union that every frame begins with. */
const FRAME_HEAD_BYTES = 28;

// Reading ---------------------------------------------------------------------------------------------------------

/** All frames of a message (ArrayBuffer) as `{kind, …fields}`; byte fields are views on it. */
export function decodeFrames(message) {
  const view = new DataView(message);
  const frames = [];
  for (let at = 0; at < view.byteLength; at += 4 + view.getUint32(at, true)) {
    const [kind, body] = unionOf(view, at);
    frames.push({ kind, ...readTable(view, body, SCHEMA[kind] ?? []) });
  }
  return frames;
}

/** The kind of a message's first frame. */
export function firstKind(message) {
  return unionOf(new DataView(message), 0)[0];
}

function unionOf(view, at) {
  const root = at + 4 + view.getUint32(at + 4, true);
  const body = field(view, root, 1);
  return [KINDS[view.getUint8(field(view, root, 0))], body + view.getUint32(body, true)];
}

/** Where the field in `slot` of the table at `table` lies; 0 = it is not there. */
function field(view, table, slot) {
  const vtable = table - view.getInt32(table, true);
  if (4 + 2 * slot >= view.getUint16(vtable, true)) return 0;
  const offset = view.getUint16(vtable + 4 + 2 * slot, true);
  return offset === 0 ? 0 : table + offset;
}

function readTable(view, table, fields) {
  const out = {};
  for (let slot = 0; slot < fields.length; slot++) {
    const { label, type, fallback } = fields[slot];
    const at = field(view, table, slot);
    if (SCALAR_BYTES[type] !== undefined) out[label] = at === 0 ? fallback : scalar(view, at, type);
    else if (type !== 'skip') out[label] = at === 0 ? absent(type) : vector(view, at, type);
  }
  return out;
}

function absent(type) {
  return type === 'bytes' || type === 'string' ? null : [];
}

function scalar(view, at, type) {
  switch (type) {
    case 'u8':
    case 'bool':
      return view.getUint8(at);
    case 'u16':
      return view.getUint16(at, true);
    case 'u32':
      return view.getUint32(at, true);
    case 'i32':
      return view.getInt32(at, true);
    default:
      return view.getInt32(at + 4, true) * TWO_32 + view.getUint32(at, true);
  }
}

function vector(view, offsetAt, type) {
  const at = offsetAt + view.getUint32(offsetAt, true);
  const count = view.getUint32(at, true);
  if (type === 'bytes') return new Uint8Array(view.buffer, at + 4, count);
  if (type === 'string') return text(new Uint8Array(view.buffer, at + 4, count));
  const items = [];
  for (let index = 0; index < count; index++) {
    if (type.endsWith('*')) items.push(struct(view, at + 4 + STRUCT_BYTES * index, type));
    else {
      const entry = at + 4 + 4 * index;
      items.push(readTable(view, entry + view.getUint32(entry, true), SCHEMA[type.slice(0, -2)]));
    }
  }
  return items;
}

function struct(view, at, type) {
  const [first, second, third] = STRUCTS[type.slice(0, -1)];
  return {
    [first]: scalar(view, at, 'i64'),
    [second]: view.getInt32(at + 8, true),
    [third]: view.getInt32(at + 12, true),
  };
}

/** Calls `visit(offset, key, value)` for each packed record; key and value are bytes or null. */
export function eachRecord({ payload, count, fromOffset }, visit) {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  let at = 0;
  for (let index = 0; index < count; index++) {
    const offset = fromOffset + view.getUint32(at, true);
    const valueLength = view.getUint32(at + 8, true);
    const shortKey = view.getUint16(at + 12, true);
    const shortHeaders = view.getUint8(at + 14);
    const isWideTime = (view.getUint8(at + 15) & 1) !== 0;
    at += 16 + (isWideTime ? 8 : 0);
    let keyLength = shortKey === 0xffff ? 0 : shortKey;
    if (shortKey === 0xfffe) {
      keyLength = view.getUint32(at, true);
      at += 4;
    }
    let headers = shortHeaders;
    if (shortHeaders === 0xff) {
      headers = view.getUint16(at, true);
      at += 2;
    }
    const key = shortKey === 0xffff ? null : payload.subarray(at, at + keyLength);
    at += keyLength;
    const isNull = valueLength === 0xffff_ffff;
    const value = isNull ? null : payload.subarray(at, at + valueLength);
    at += isNull ? 0 : valueLength;
    for (; headers > 0; headers--) {
      const length = view.getUint32(at + 2, true);
      at += 6 + view.getUint16(at, true) + (length === 0xffff_ffff ? 0 : length);
    }
    visit(offset, key, value);
  }
}

// Writing ---------------------------------------------------------------------------------------------------------

/** One frame of `{kind, …fields}` as an ArrayBuffer; fields that are left out have their default. */
export function encodeFrame(frame) {
  const bytes = [];
  const put = (at, value, size) => {
    for (let index = 0; index < size; index++)
      bytes[at + index] = Math.floor(Number(value) / 2 ** (8 * index)) & 0xff;
  };
  const writer = { bytes, put };
  for (const [at, value] of [
    [4, 12],
    [8, 0x0009_0008],
    [12, 0x0004_0008],
    [16, 8],
    [24, TAGS[frame.kind]],
  ])
    put(at, value, 4);
  put(0, 0, 4);
  put(20, 0, 4);
  bytes.length = FRAME_HEAD_BYTES;
  const body = writeTable(writer, SCHEMA[frame.kind], frame);
  put(20, body - 20, 4);
  align(bytes, 8, 0);
  put(0, bytes.length - 4, 4);
  return new Uint8Array(bytes).buffer;
}

/** Pads until the length is `rest` modulo `to`. */
function align(bytes, to, rest) {
  while (bytes.length % to !== rest) bytes.push(0);
}

/** Appends vtable, table and what the table points to; where the table is. */
function writeTable({ bytes, put }, fields, values) {
  const present = fields
    .map((one, slot) => ({ ...one, slot, value: values[one.label] }))
    .filter(({ value, fallback }) => value !== undefined && value !== null && value !== fallback);
  const vtable = bytes.length;
  const vtableBytes = 4 + 2 * (1 + Math.max(-1, ...present.map(({ slot }) => slot)));
  for (let at = 0; at < vtableBytes; at++) bytes.push(0);
  // The table begins 4 bytes before a multiple of 8, so that what follows its first word is aligned largest first.
  align(bytes, 8, 4);
  const table = bytes.length;
  bytes.push(0, 0, 0, 0);
  put(table, table - vtable, 4);
  const size = ({ type }) => SCALAR_BYTES[type] ?? 4;
  for (const one of [...present].sort((a, b) => size(b) - size(a))) {
    one.at = bytes.length;
    for (let index = 0; index < size(one); index++) bytes.push(0);
    put(vtable + 4 + 2 * one.slot, one.at - table, 2);
    if (SCALAR_BYTES[one.type] !== undefined) put(one.at, one.value, size(one));
  }
  put(vtable, vtableBytes, 2);
  put(vtable + 2, bytes.length - table, 2);
  for (const one of present) {
    if (SCALAR_BYTES[one.type] !== undefined) continue;
    const target = writeVector({ bytes, put }, one.type, one.value);
    put(one.at, target - one.at, 4);
  }
  return table;
}

function writeVector(writer, type, value) {
  const { bytes, put } = writer;
  align(bytes, 8, 4);
  const at = bytes.length;
  bytes.push(0, 0, 0, 0);
  put(at, value.length, 4);
  if (type === 'bytes' || type === 'string') {
    const data = type === 'string' ? bytesOf(value) : value;
    for (const byte of data) bytes.push(byte);
    if (type === 'string') bytes.push(0);
    return at;
  }
  if (type.endsWith('*')) {
    const [first, second, third] = STRUCTS[type.slice(0, -1)];
    value.forEach((item, index) => {
      put(at + 4 + STRUCT_BYTES * index, item[first], 8);
      put(at + 12 + STRUCT_BYTES * index, item[second], 4);
      put(at + 16 + STRUCT_BYTES * index, item[third], 4);
    });
    return at;
  }
  for (let index = 0; index < value.length; index++) put(at + 4 + 4 * index, 0, 4);
  value.forEach((item, index) => {
    const entry = at + 4 + 4 * index;
    put(entry, writeTable(writer, SCHEMA[type.slice(0, -2)], item) - entry, 4);
  });
  return at;
}

/** ASCII only, as all names and keys of the load are. */
export function bytesOf(ascii) {
  const bytes = new Uint8Array(ascii.length);
  for (let at = 0; at < ascii.length; at++) bytes[at] = ascii.charCodeAt(at);
  return bytes;
}

/** ASCII only. */
export function text(bytes) {
  let out = '';
  for (let at = 0; at < bytes.length; at++) out += String.fromCharCode(bytes[at]);
  return out;
}
