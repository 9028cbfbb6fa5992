import { DecodeError, Writer } from '@millrace/bytes';
import { expect, test } from 'vitest';
import { BatchBuilder } from './batch-builder.ts';
import { BatchView } from './batch-view.ts';
import { RecordCursor } from './record-cursor.ts';
import { withBody } from './rewrite-batch.ts';

/** A batch of one record whose content is written by hand. */
function handMade(write: (writer: Writer) => void): BatchView {
  const content = new Writer();
  write(content);
  const body = new Writer();
  body.varint(content.position);
  body.bytes(content.finishBytes());
  const builder = new BatchBuilder();
  builder.append({ timestampMs: 0, key: null, value: null });
  const one = new BatchView(builder.build());
  return new BatchView(withBody(one, 0, body.finishBytes().slice()));
}

function varints(...values: number[]): (writer: Writer) => void {
  return (writer) => {
    writer.int8(0);
    for (const value of values) writer.varint(value);
  };
}

// After the attributes: timestamp delta, offset delta, key length, value length, header count …
test.each([
  ['a key length of -2', varints(0, 0, -2, -1, 0)],
  ['a value length of -2', varints(0, 0, -1, -2, 0)],
  ['a key longer than the record', varints(0, 0, 90, -1, 0)],
  ['a header count of -1', varints(0, 0, -1, -1, -1)],
  ['more headers than bytes', varints(0, 0, -1, -1, 1_000_000_000)],
  ['a null header key', varints(0, 0, -1, -1, 1, -1, -1)],
  ['a header value length of -2', varints(0, 0, -1, -1, 1, 0, -2)],
  ['bytes behind the headers', varints(0, 0, -1, -1, 0, 7)],
  ['a negative offset delta', varints(0, -1, -1, -1, 0)],
])('%s is refused', (_, write) => {
  const cursor = new RecordCursor().reset(handMade(write));
  expect(() => cursor.next()).toThrow(DecodeError);
});

test('a sound hand-made record is read', () => {
  const cursor = new RecordCursor().reset(handMade(varints(3, 0, -1, 0, 1, 0, -1)));
  expect(cursor.next()).toBe(true);
  expect(cursor).toMatchObject({ offset: 0, timestampMs: 3, hasKey: false, valueBytes: 0 });
  expect(cursor.headers).toEqual([{ key: '', value: null }]);
  expect(cursor.next()).toBe(false);
});

test('bytes behind the last record are refused', () => {
  const builder = new BatchBuilder();
  builder.append({ timestampMs: 0, key: null, value: null });
  const view = new BatchView(builder.build());
  const cursor = new RecordCursor().reset(view, new Uint8Array([...view.body, 0]));
  expect(cursor.next()).toBe(true);
  expect(() => cursor.next()).toThrow('1 bytes left over');
});

test('a compressed batch wants its inflated body', () => {
  const builder = new BatchBuilder();
  builder.append({ timestampMs: 0, key: null, value: null });
  const packed = new BatchView(builder.build({}, 4, (_, body) => body.slice()));
  expect(() => new RecordCursor().reset(packed)).toThrow('inflate it first');
  expect(new RecordCursor().reset(packed, packed.body).next()).toBe(true);
});

test('a record count that inflated bytes cannot hold is refused before any is read', () => {
  const builder = new BatchBuilder();
  for (let i = 0; i < 10; i++) builder.append({ timestampMs: 0, key: null, value: null });
  const view = new BatchView(builder.build());
  expect(() => new RecordCursor().reset(view, view.body.subarray(0, 69))).toThrow(DecodeError);
});
