import { DecodeError, EncodeError, Reader, Writer, ZERO_UUID } from '@millrace/bytes';
import { describe, expect, test } from 'vitest';
import {
  API_KEYS,
  apiSpec,
  decodeApiVersionsRequest,
  decodeFetchRequest,
  decodeMetadataRequest,
  decodeMetadataResponse,
  decodeOffsetCommitRequest,
  decodeRequestHeader,
  decodeResponseHeader,
  encodeApiVersionsRequest,
  encodeApiVersionsResponse,
  encodeFetchRequest,
  encodeFetchResponse,
  encodeFindCoordinatorRequest,
  encodeMetadataRequest,
  encodeMetadataResponse,
  encodeOffsetCommitRequest,
  encodeProduceResponse,
  encodeRequestHeader,
  encodeResponseHeader,
  type FetchRequestInput,
  type MetadataResponseInput,
  type OffsetCommitRequestInput,
  type ProduceResponseInput,
  produceApi,
  requestHeaderVersion,
  responseHeaderVersion,
} from './index.ts';

function bytesOf(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return writer.finishBytes().slice();
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const unhex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

const fetchRequest: FetchRequestInput = {
  maxWaitMs: 500,
  minBytes: 1,
  topics: [],
  forgottenTopicsData: [],
};

describe('a value that the version cannot carry', () => {
  test('is refused when it would be lost', () => {
    const coordinator = (version: number) =>
      bytesOf((w) =>
        encodeFindCoordinatorRequest(w, { key: 'g', coordinatorKeys: ['h'] }, version),
      );
    expect(() => coordinator(1)).toThrow('coordinatorKeys has a value, and version 1 has no such');
    expect(() => coordinator(4)).toThrow(EncodeError);
    const replica = { ...fetchRequest, replicaState: { replicaId: 3, replicaEpoch: 0 } };
    expect(() => bytesOf((w) => encodeFetchRequest(w, replica, 12))).toThrow(EncodeError);
  });

  test('is dropped when the table says it may be', () => {
    const named = { ...fetchRequest, rackId: 'r', sessionEpoch: 5 };
    expect(bytesOf((w) => encodeFetchRequest(w, named, 4))).toEqual(
      bytesOf((w) => encodeFetchRequest(w, fetchRequest, 4)),
    );
  });

  test('null is refused where the version has no null', () => {
    const all = (version: number) =>
      bytesOf((w) =>
        encodeMetadataRequest(
          w,
          {
            topics: null,
            includeClusterAuthorizedOperations: false,
            includeTopicAuthorizedOperations: false,
          },
          version,
        ),
      );
    expect(() => all(0)).toThrow('MetadataRequest.topics is null, and version 0');
    expect(hex(all(1))).toBe('ffffffff');
    const byId = {
      topics: [{ topicId: ZERO_UUID, name: null }],
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    };
    expect(() => bytesOf((w) => encodeMetadataRequest(w, byId, 9))).toThrow(EncodeError);
  });
});

describe('tagged fields', () => {
  const response: ProduceResponseInput = {
    responses: [
      {
        name: 't',
        topicId: ZERO_UUID,
        partitionResponses: [{ index: 0, errorCode: 0, baseOffset: 7, recordErrors: [] }],
      },
    ],
  };

  test('hold no defaults', () => {
    const spelt: ProduceResponseInput = {
      responses: response.responses.map((topic) => ({
        ...topic,
        partitionResponses: topic.partitionResponses.map((partition) => ({
          ...partition,
          currentLeader: { leaderId: -1, leaderEpoch: -1 },
        })),
      })),
      nodeEndpoints: [],
    };
    const bytes = bytesOf((w) => encodeProduceResponse(w, spelt, 10));
    expect(bytes).toEqual(bytesOf((w) => encodeProduceResponse(w, response, 10)));
  });

  test('that come twice, out of order or with a wrong size are refused', () => {
    const before = hex(bytesOf((w) => encodeFetchRequest(w, fetchRequest, 15))).slice(0, -2);
    const decode = (tags: string) => decodeFetchRequest(new Reader(unhex(before + tags)), 15);
    const state = '01 0d 00000003 0000000000000005 00';
    expect(decode(`01 ${state}`).replicaState).toEqual({ replicaId: 3, replicaEpoch: 5 });
    expect(decode(`02 00 02 02 61 ${state}`).replicaState.replicaId).toBe(3);
    expect(() => decode(`02 ${state} ${state}`)).toThrow(DecodeError);
    expect(() => decode(`02 ${state} 00 02 02 61`)).toThrow('tag at byte');
    expect(() => decode('01 01 0e 00000003 0000000000000005 00 00')).toThrow(
      'does not fit its size',
    );
    expect(() => decode('01 01 0c 00000003 0000000000000005 00')).toThrow('does not fit its size');
  });

  test('of a version to come are skipped', () => {
    const bytes = bytesOf((w) => encodeFetchRequest(w, fetchRequest, 12));
    const tagged = unhex(`${hex(bytes).slice(0, -2)} 01 01 0d 00000003 0000000000000005 00`);
    expect(decodeFetchRequest(new Reader(tagged), 12).replicaState.replicaId).toBe(-1);
  });
});

test('records of a fetch response are cut out as a file slice', () => {
  const slice = { logId: 4, segmentBaseOffset: 100, position: 61, lengthBytes: 5000 };
  const partition = {
    partitionIndex: 0,
    errorCode: 0,
    highWatermark: 9,
    abortedTransactions: null,
    records: slice,
  };
  const topic = { topic: 't', topicId: ZERO_UUID };
  const responses = [{ ...topic, partitions: [partition] }];
  for (const version of [4, 11, 12, 13, 18]) {
    const writer = new Writer();
    encodeFetchResponse(writer, { errorCode: 0, responses }, version);
    const memory = { ...partition, records: new Uint8Array(5000) };
    const whole = bytesOf((w) =>
      encodeFetchResponse(
        w,
        { errorCode: 0, responses: [{ ...topic, partitions: [memory] }] },
        version,
      ),
    );
    expect(writer.lengthBytes).toBe(whole.length);
    const pieces = writer.finish();
    expect(pieces.length).toBe(version < 12 ? 2 : 3);
    expect(pieces[1]).toBe(slice);
  }
});

describe('headers', () => {
  const header = { apiKey: API_KEYS.Fetch, apiVersion: 11, correlationId: 77, clientId: 'me' };

  test('requests: tagged fields from the first flexible version on, the client id never compact', () => {
    expect(hex(bytesOf((w) => encodeRequestHeader(w, header)))).toBe('0001000b0000004d00026d65');
    const flexible = { ...header, apiVersion: 12, clientId: null };
    const bytes = bytesOf((w) => encodeRequestHeader(w, flexible));
    expect(hex(bytes)).toBe('0001000c0000004dffff00');
    expect(decodeRequestHeader(new Reader(bytes))).toEqual(flexible);
    expect([requestHeaderVersion(1, 11), requestHeaderVersion(1, 12)]).toEqual([1, 2]);
    expect(requestHeaderVersion(API_KEYS.OffsetDelete, 0)).toBe(1);
  });

  test('responses: the same, but ApiVersions never has tagged fields', () => {
    expect(hex(bytesOf((w) => encodeResponseHeader(w, 1, 12, 77)))).toBe('0000004d00');
    expect(hex(bytesOf((w) => encodeResponseHeader(w, API_KEYS.ApiVersions, 3, 77)))).toBe(
      '0000004d',
    );
    expect(responseHeaderVersion(API_KEYS.ApiVersions, 4)).toBe(0);
    expect(decodeResponseHeader(new Reader(unhex('0000004d 01 05 02 aabb')), 1, 12)).toBe(77);
  });

  test('with tagged fields of more than 128 KiB are refused', () => {
    const header = (size: number) =>
      bytesOf((w) => {
        encodeRequestHeader(w, { apiKey: 1, apiVersion: 12, correlationId: 1, clientId: '' });
        const start = w.finishBytes().slice(0, -1);
        w.reset().bytes(start);
        w.unsignedVarint(1);
        w.bytes(new Uint8Array(1));
        w.unsignedVarint(size);
        w.bytes(new Uint8Array(size));
      });
    expect(decodeRequestHeader(new Reader(header(100_000))).apiKey).toBe(1);
    expect(() => decodeRequestHeader(new Reader(header(140_000)))).toThrow('more than 128 KiB');
  });

  test('of an API that no codec speaks are read up to the client id', () => {
    const bytes = unhex('03e7 0000 00000001 0001 61 ff');
    expect(decodeRequestHeader(new Reader(bytes)).clientId).toBe('a');
    expect(apiSpec(999)).toBeUndefined();
    expect(requestHeaderVersion(999, 0)).toBe(1);
  });
});

test('ApiVersions of a newer client: its header can be read, and a version 0 body answers it', () => {
  const request = bytesOf((w) => {
    encodeRequestHeader(w, { apiKey: 18, apiVersion: 9, correlationId: 1, clientId: 'new' });
    encodeApiVersionsRequest(w, { clientSoftwareName: 'a', clientSoftwareVersion: '1' }, 5);
  });
  const reader = new Reader(request);
  expect(decodeRequestHeader(reader).apiVersion).toBe(9);
  expect(decodeApiVersionsRequest(reader, 5).clientSoftwareName).toBe('a');
  const reply = bytesOf((w) => {
    const apiKeys = [{ apiKey: 18, minVersion: 0, maxVersion: 5 }];
    encodeApiVersionsResponse(w, { errorCode: 35, apiKeys }, 0);
  });
  expect(hex(reply)).toBe('0023 00000001 0012 0000 0005'.replaceAll(' ', ''));
});

test('the codec object of an API carries its facts', () => {
  const { decodeRequest, encodeRequest, decodeResponse, encodeResponse, ...facts } = produceApi;
  expect(facts).toEqual({
    key: 0,
    name: 'Produce',
    minVersion: 0,
    maxVersion: 13,
    flexibleFrom: 9,
  });
  expect(facts).toEqual(apiSpec(0));
});

describe('large messages of honest clients fit the memory budget', () => {
  const many = <T>(count: number, make: (index: number) => T): T[] =>
    Array.from({ length: count }, (_, index) => make(index));

  test('a metadata request with 20,000 short names', () => {
    const value = {
      topics: many(20_000, (i) => ({ topicId: ZERO_UUID, name: `t${i}` })),
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    };
    for (const version of [1, 9]) {
      const bytes = bytesOf((w) => encodeMetadataRequest(w, value, version));
      expect(decodeMetadataRequest(new Reader(bytes), version).topics?.length).toBe(20_000);
    }
  });

  test('a commit of 20,000 offsets', () => {
    const partitions = many(20_000, (i) => ({
      partitionIndex: i,
      committedOffset: i,
      committedMetadata: '',
    }));
    const value: OffsetCommitRequestInput = {
      groupId: 'g',
      memberId: '',
      topics: [{ name: 't', topicId: ZERO_UUID, partitions }],
    };
    for (const version of [2, 8]) {
      const bytes = bytesOf((w) => encodeOffsetCommitRequest(w, value, version));
      expect(decodeOffsetCommitRequest(new Reader(bytes), version).topics.length).toBe(1);
    }
  });

  test('a metadata response with 20,000 partitions of one replica', () => {
    const partitions = many(20_000, (i) => ({
      errorCode: 0,
      partitionIndex: i,
      leaderId: 1,
      replicaNodes: [1],
      isrNodes: [1],
      offlineReplicas: [],
    }));
    const value: MetadataResponseInput = {
      brokers: [],
      topics: [{ errorCode: 0, name: 't', topicId: ZERO_UUID, partitions }],
      errorCode: 0,
    };
    for (const version of [0, 9, 12]) {
      const bytes = bytesOf((w) => encodeMetadataResponse(w, value, version));
      expect(decodeMetadataResponse(new Reader(bytes), version).topics.length).toBe(1);
    }
  });
});
