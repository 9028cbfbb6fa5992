import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { BatchBuilder } from './batch-builder.ts';
import { BatchView } from './batch-view.ts';
import { BatchProblem, checkBatch, checkProducedBatch, verifyCrc } from './check-batch.ts';
import { ControlType, controlBatch, decodeControlRecord } from './control-batch.ts';
import { readRecords } from './read-records.ts';
import type { NewRecord } from './record.ts';
import { withBody } from './rewrite-batch.ts';

/** Written by Apache Kafka's own classes: compat/GoldenBatches.java. */
const golden = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../testdata/${name}.bin`, import.meta.url)));
const utf8 = (text: string) => new TextEncoder().encode(text);

const T = 1_700_000_000_000;
const RECORDS: readonly NewRecord[] = [
  { timestampMs: T, key: utf8('key'), value: utf8('value'), headers: [] },
  { timestampMs: T + 5, key: null, value: utf8('no key'), headers: [] },
  { timestampMs: T - 3, key: utf8('gone'), value: null, headers: [] },
  {
    timestampMs: T + 1,
    key: utf8(''),
    value: utf8(''),
    headers: [
      { key: 'h', value: utf8('1') },
      { key: 'h', value: null },
      { key: 'größe', value: utf8('') },
    ],
  },
];

test('a batch of every attribute reads as Java wrote it', () => {
  const bytes = golden('batch-none');
  expect(checkBatch(bytes, 0, bytes.length)).toBe(BatchProblem.none);
  expect(verifyCrc(bytes)).toBe(true);
  const view = new BatchView(bytes);
  expect(view).toMatchObject({
    baseOffset: 7,
    lengthBytes: bytes.length,
    leaderEpoch: 3,
    magic: 2,
    codec: 0,
    isTransactional: true,
    isControl: false,
    timestampType: 'CreateTime',
    deleteHorizonMs: undefined,
    lastOffsetDelta: 3,
    lastOffset: 10,
    baseTimestamp: T,
    maxTimestamp: T + 5,
    producerId: 4711,
    producerEpoch: 2,
    baseSequence: 100,
    lastSequence: 103,
    recordCount: 4,
  });
  expect([...readRecords(view)]).toEqual(
    RECORDS.map((record, i) => ({ ...record, offset: 7 + i, sequence: 100 + i })),
  );
});

test('what is built is what Java builds, byte for byte', () => {
  const builder = new BatchBuilder(8);
  for (const record of RECORDS) {
    const foretold = builder.sizeWith(record);
    builder.append(record);
    expect(builder.sizeBytes).toBe(foretold);
  }
  const identity = {
    baseOffset: 7,
    leaderEpoch: 3,
    producerId: 4711,
    producerEpoch: 2,
    baseSequence: 100,
    isTransactional: true,
  };
  expect(builder.build(identity)).toEqual(golden('batch-none'));
  expect(builder.build({ leaderEpoch: 0, logAppendTimeMs: T + 999 })).toEqual(
    golden('batch-append-time'),
  );
});

test('with LogAppendTime every record has the append time', () => {
  const stamps = [...readRecords(golden('batch-append-time'))].map((record) => record.timestampMs);
  expect(stamps).toEqual([T + 999, T + 999, T + 999, T + 999]);
});

test('another codec changes the codec bits, length and CRC, and nothing else', () => {
  const view = new BatchView(golden('batch-gzip'));
  expect(view.codec).toBe(1);
  expect(withBody(view, 0, gunzipSync(view.body))).toEqual(golden('batch-none'));
  expect([...readRecords(view, (_, body) => gunzipSync(body))]).toHaveLength(4);
});

test('transaction markers are the 78 bytes of Java', () => {
  const marker = { producerId: 4711, producerEpoch: 2, timestampMs: T, leaderEpoch: 5 };
  const commit = controlBatch({
    ...marker,
    type: ControlType.commit,
    coordinatorEpoch: 9,
    baseOffset: 12,
  });
  const abort = controlBatch({
    ...marker,
    type: ControlType.abort,
    coordinatorEpoch: 10,
    baseOffset: 13,
  });
  expect(commit.length).toBe(78);
  expect(commit).toEqual(golden('marker-commit'));
  expect(abort).toEqual(golden('marker-abort'));
  const [record] = readRecords(abort);
  expect(decodeControlRecord(record?.key ?? null, record?.value ?? null)).toEqual({
    version: 0,
    type: ControlType.abort,
    coordinatorEpoch: 10,
  });
  expect(checkProducedBatch(commit, 0, commit.length)).toBe(BatchProblem.controlBatch);
});

test.each(['message-set-v0', 'message-set-v1'])('%s is recognised and refused', (name) => {
  const bytes = golden(name);
  expect(checkBatch(bytes, 0, bytes.length)).toBe(BatchProblem.legacyMagic);
});
