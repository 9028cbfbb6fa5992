import { DecodeError, Reader, Writer, ZERO_UUID } from '@millrace/bytes';
import {
  decodeProduceRequest,
  decodeProduceResponse,
  encodeProduceRequest,
  type ProduceRequestInput,
} from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { AppendError } from '../../log/append-error.ts';
import { ProduceReply } from './produce-reply.ts';
import { ProduceRequestReader } from './produce-request.ts';
import { TopicNames } from './topic-names.ts';

const VERSIONS = Array.from({ length: 14 }, (_, version) => version);
const TOPIC_ID = 'AAECAwQFBgcICQoLDA0ODw';

const request = (version: number): ProduceRequestInput => ({
  transactionalId: null,
  acks: -1,
  timeoutMs: 1500,
  topicData: [
    {
      name: version >= 13 ? '' : 'orders',
      topicId: version >= 13 ? TOPIC_ID : ZERO_UUID,
      partitionData: [
        { index: 3, records: Uint8Array.of(1, 2, 3) },
        { index: 4, records: null },
      ],
    },
    {
      name: version >= 13 ? '' : 'größe',
      topicId: version >= 13 ? TOPIC_ID : ZERO_UUID,
      partitionData: [{ index: 0, records: new Uint8Array(300).fill(9) }],
    },
  ],
});

function frameOf(bytes: Uint8Array, apiVersion: number, bodyStart = 0) {
  return {
    apiKey: 0,
    apiVersion,
    correlationId: 1,
    clientId: '',
    bufferId: 0,
    bytes,
    bodyStart,
    end: bytes.length,
    receivedAtMs: 0,
    queuedMs: 0,
  };
}

function newReply(version: number) {
  const reply = new ProduceReply({ put: () => {}, settled: () => {} });
  reply.reset();
  reply.apiVersion = version;
  return reply;
}

describe('produce request, read in place', () => {
  it.each(VERSIONS)('agrees with the generated decoder, version %i', (version) => {
    const writer = new Writer();
    encodeProduceRequest(writer, request(version), version);
    const bytes = writer.finishBytes();
    const expected = decodeProduceRequest(new Reader(bytes), version);
    const reader = new ProduceRequestReader(new TopicNames());
    const reply = newReply(version);
    reader.read(frameOf(bytes, version), reply);
    expect(reader.head).toEqual({ acks: -1, timeoutMs: 1500, isTransactional: false });
    const seen = reply.entries.slice(0, reply.entryCount).map((entry) => ({
      name: entry.topicName,
      id: entry.topicId,
      index: entry.partitionIndex,
      startsTopic: entry.startsTopic,
      records:
        entry.batchStart < 0
          ? null
          : [...bytes.subarray(entry.batchStart, entry.batchStart + entry.batchLength)],
    }));
    const wanted = expected.topicData.flatMap((topic) =>
      topic.partitionData.map((partition, i) => ({
        name: version >= 13 ? '' : topic.name,
        id: version >= 13 ? topic.topicId : '',
        index: partition.index,
        startsTopic: i === 0,
        records: partition.records === null ? null : [...partition.records],
      })),
    );
    expect(seen).toEqual(wanted);
  });

  it.each([3, 9, 13])('refuses every cut and every appended byte, version %i', (version) => {
    const writer = new Writer();
    encodeProduceRequest(writer, request(version), version);
    const bytes = writer.finishBytes().slice();
    const reader = new ProduceRequestReader(new TopicNames());
    for (let length = 0; length < bytes.length; length++) {
      const frame = { ...frameOf(bytes, version), end: length };
      expect(() => reader.read(frame, newReply(version)), `cut at ${length}`).toThrow(DecodeError);
    }
    const longer = new Uint8Array([...bytes, 0]);
    expect(() => reader.read(frameOf(longer, version), newReply(version))).toThrow(DecodeError);
  });

  it('sees a transactional id', () => {
    const writer = new Writer();
    encodeProduceRequest(writer, { ...request(3), transactionalId: 'tx' } as never, 3);
    const reader = new ProduceRequestReader(new TopicNames());
    reader.read(frameOf(writer.finishBytes(), 3), newReply(3));
    expect(reader.head.isTransactional).toBe(true);
  });
});

describe('produce reply', () => {
  it.each(VERSIONS)('is read by the generated decoder, version %i', (version) => {
    const writer = new Writer();
    encodeProduceRequest(writer, request(version), version);
    const reply = newReply(version);
    new ProduceRequestReader(new TopicNames()).read(
      frameOf(writer.finishBytes().slice(), version),
      reply,
    );
    const [first, second] = reply.entries;
    if (first === undefined || second === undefined) throw new Error('two entries');
    first.append.baseOffset = 4_000_000_000;
    first.append.appendTimeMs = 1234;
    second.errorCode = AppendError.invalidRecord;
    second.errorMessage = 'no batch';
    const out = new Writer();
    reply.encodeBody(out);
    const reader = new Reader(out.finishBytes());
    const response = decodeProduceResponse(reader, version);
    reader.finish();
    expect(response.responses.map((topic) => topic.partitionResponses.length)).toEqual([2, 1]);
    const [ok, bad] = response.responses[0]?.partitionResponses ?? [];
    expect(ok).toMatchObject({ index: 3, errorCode: 0, baseOffset: 4_000_000_000 });
    expect(ok?.logAppendTimeMs).toBe(version >= 2 ? 1234 : -1);
    expect(bad).toMatchObject({ index: 4, errorCode: 87, baseOffset: -1, logStartOffset: -1 });
    expect(bad?.errorMessage).toBe(version >= 8 ? 'no batch' : null);
    if (version < 13) expect(response.responses[1]?.name).toBe('größe');
    else expect(response.responses[1]?.topicId).toBe(TOPIC_ID);
  });
});
