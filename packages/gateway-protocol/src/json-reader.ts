import { utf8Length } from '@millrace/bytes';
import { FilterError, type FilterTree, filterToNodes } from './filter.ts';
import type { Direction } from './frame-verifier.ts';
import type { ClientFrame, Frame, ServerFrame } from './frames.ts';
import { readJsonRecords } from './json-records-reader.ts';
import { checkCount, FieldProblem, MessageProblem, readPlain } from './json-values.ts';
import type { ReadLimits } from './limits.ts';
import { badMessage, type MessageReading, type RefusedFrame, refused } from './message-reading.ts';
import { type Row, type Shape, Wire } from './row.ts';
import { type JsonObject, JsonProblem, type JsonValue, StrictJson } from './strict-json.ts';
import { type FrameRow, filterRow, frameRows } from './tables.ts';
import { isUtf8, textOf } from './utf8.ts';

/**
 * Reads a message of the JSON subprotocol with the answers that the same frames would get in binary:
 * text that is not JSON, is beyond its bounds or holds another direction's frame spoils the message;
 * a field of the wrong type or value, a duplicate or (at a server) an unknown one refuses its frame.
 * Never throws, whatever the text is.
 */
export function readJsonMessage(
  message: string | Uint8Array,
  direction: 'toServer',
  limits: ReadLimits,
): MessageReading<ClientFrame>;
export function readJsonMessage(
  message: string | Uint8Array,
  direction: 'toClient',
  limits: ReadLimits,
): MessageReading<ServerFrame>;
export function readJsonMessage(
  message: string | Uint8Array,
  direction: Direction,
  limits: ReadLimits,
): MessageReading {
  try {
    return { ok: true, frames: readFrames(textOfMessage(message, limits), direction, limits) };
  } catch (error) {
    if (error instanceof JsonProblem) return badMessage('V1', error.message);
    if (error instanceof MessageProblem) return badMessage(error.check, error.message);
    throw error;
  }
}

function textOfMessage(message: string | Uint8Array, limits: ReadLimits): string {
  const isText = typeof message === 'string';
  const bytes = isText ? utf8Length(message) : message.length;
  if (bytes > limits.messageBytes) throw new MessageProblem('V1', 'the message is too long');
  if (isText) return message;
  if (!isUtf8(message, 0, bytes)) throw new MessageProblem('V5', 'the message is not UTF-8');
  return textOf(message, 0, bytes);
}

function readFrames(
  text: string,
  direction: Direction,
  limits: ReadLimits,
): (Frame | RefusedFrame)[] {
  const json = new StrictJson(text, limits.jsonMembers);
  const frames: (Frame | RefusedFrame)[] = [];
  for (;;) {
    if (frames.length === limits.frames) throw new MessageProblem('V1', 'too many frames');
    const start = json.at;
    if (text[start] !== '{') throw new MessageProblem('V1', 'a frame is an object');
    json.duplicate = null;
    const object = json.value() as JsonObject;
    const row = kindOf(object, direction);
    frames.push(
      readFrame(row, object, json.duplicate, direction, () => text.slice(start, json.at)),
    );
    if (json.at === text.length) return frames;
    if (text[json.at++] !== '\n') throw new MessageProblem('V1', 'frames are separated by \\n');
  }
}

function kindOf(object: JsonObject, direction: Direction): FrameRow {
  const kind = object.t;
  const row = frameRows.find((candidate) => candidate.kind === kind);
  if (row === undefined) throw new MessageProblem('V6', 'unknown frame');
  if (!(direction === 'toServer' ? row.fromClient : row.fromServer))
    throw new MessageProblem('V6', 'a frame of the other direction');
  return row;
}

function readFrame(
  row: FrameRow,
  object: JsonObject,
  duplicate: string | null,
  direction: Direction,
  text: () => string,
): Frame | RefusedFrame {
  const fields: Record<string, unknown> = { ...row.shape.empty };
  try {
    if (row.kind === 'records') Object.assign(fields, readJsonRecords(object, utf8Length(text())));
    else readFields(row.shape, object, fields, direction === 'toServer', 't');
    if (duplicate !== null) throw new FieldProblem('a member stands there twice');
    return fields as unknown as Frame;
  } catch (error) {
    if (error instanceof FieldProblem || error instanceof FilterError)
      // `count` stands behind what may have been wrong.
      return refused(row.kind, { ...fields, count: object.count }, error.message);
    throw error;
  }
}

/**
 * Fills `fields`, so that those read before a problem are there for the answer.
 * @param kind name of the member that tells the kind, if there is one.
 */
function readFields(
  shape: Shape,
  object: JsonObject,
  fields: Record<string, unknown>,
  isStrict: boolean,
  kind: string | null = null,
): void {
  for (let i = 0; i < shape.rows.length; i++) {
    const name = shape.names[i] as string;
    const row = shape.rows[i] as Row;
    const value = object[name];
    if (value !== undefined) fields[name] = readValue(row, value, name, isStrict);
    else if (row.min > 0 || shape.bytes > 0) checkAbsent(row, name);
  }
  if (!isStrict) return;
  for (const name of Object.keys(object))
    if (name !== kind && !shape.names.includes(name)) throw new FieldProblem('an unknown member');
}

/** Required fields, and those of a struct, whose default may be no value at all. */
function checkAbsent(row: Row, name: string): void {
  const value = Number(row.wire < Wire.TEXT ? row.absent : 0);
  if (value < row.min) throw new FieldProblem(`${name} is missing`);
}

function readValue(row: Row, value: JsonValue, name: string, isStrict: boolean): unknown {
  if (row === filterRow) return value === null ? [] : filterToNodes(value as unknown as FilterTree);
  switch (row.wire) {
    case Wire.TABLE:
      return value === null ? null : readObject(row.of as Shape, value, name, isStrict);
    case Wire.SCALARS:
      return readList(row, value, name, (item) => readPlain(row.element as Row, item, name));
    case Wire.STRUCTS:
    case Wire.TABLES:
      return readList(row, value, name, (item) =>
        readObject(row.of as Shape, item, name, isStrict),
      );
    default:
      return readPlain(row, value, name);
  }
}

function readObject(
  shape: Shape,
  value: JsonValue,
  name: string,
  isStrict: boolean,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FieldProblem(`${name} is not an object`);
  const fields: Record<string, unknown> = { ...shape.empty };
  readFields(shape, value as JsonObject, fields, isStrict);
  return fields;
}

function readList(
  row: Row,
  value: JsonValue,
  name: string,
  readItem: (item: JsonValue) => unknown,
): unknown[] {
  if (!Array.isArray(value)) throw new FieldProblem(`${name} is not a list`);
  checkCount(row, value, value.length, name);
  return value.map(readItem);
}
