import { Writer } from '@millrace/bytes';
import {
  API_KEYS,
  apiVersionsApi,
  encodeProduceRequest,
  encodeRequestHeader,
  fetchApi,
  listOffsetsApi,
  offsetForLeaderEpochApi,
  produceApi,
} from '@millrace/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrokerUnderTest, engineBodies } from './testing/broker-under-test.ts';
import {
  batchOf,
  fetch,
  fetchOf,
  produce,
  produceOf,
  type RawClient,
} from './testing/raw-client.ts';

const int32 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

function header(apiKey: number, apiVersion: number, correlationId = 1): Uint8Array {
  const writer = new Writer();
  encodeRequestHeader(writer, { apiKey, apiVersion, correlationId, clientId: 'raw' });
  return writer.finishBytes().slice();
}

const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

describe.each(engineBodies)('hostile input on the $name engine', ({ make }) => {
  let under: BrokerUnderTest;
  let bystander: RawClient;

  beforeAll(async () => {
    under = await BrokerUnderTest.start(make(), [
      'socket.request.max.bytes=2000000',
      'queued.max.request.bytes=4000000',
    ]);
    bystander = await under.client();
    await under.createTopic('t');
    await under.createTopic('compacted', { configs: { 'cleanup.policy': 'compact' } });
  });

  afterAll(async () => {
    // Whatever was sent, the others were served and nothing was reported as a bug.
    expect((await produce(bystander, 't', batchOf(['alive']))).errorCode).toBe(0);
    await under.close();
    expect(under.logLines.filter((line) => line.includes('ERROR'))).toEqual([]);
  });

  const closers: [string, () => Uint8Array][] = [
    ['a negative length', () => int32(-1)],
    ['a length above the limit', () => int32(2_000_001)],
    ['a length below any header', () => join(int32(4), int32(0))],
    ['HTTP', () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a TLS hello', () => Buffer.from('16030100c8010000c40303', 'hex')],
    ['an unknown api', () => framed(header(93, 0))],
    ['an api of another broker', () => framed(header(4, 0))],
    ['a version above ours', () => framed(header(API_KEYS.Metadata, 99))],
    ['a version below ours', () => framed(header(API_KEYS.Fetch, 3))],
    ['a negative api key', () => framed(join(new Uint8Array(2).fill(255), new Uint8Array(8)))],
    ['a body that ends early', () => framed(join(header(API_KEYS.Metadata, 1), int32(3)))],
    ['bytes after the body', () => framed(join(header(API_KEYS.Metadata, 1), int32(0), int32(9)))],
    [
      'a count of two billion',
      () => framed(join(header(API_KEYS.Metadata, 1), int32(2_000_000_000))),
    ],
    [
      'a client id longer than the frame',
      () => framed(join(header(3, 1).subarray(0, 8), Buffer.from([0x7f, 0xff]))),
    ],
  ];

  it.each(closers)('closes on %s', async (_what, bytes) => {
    const client = await under.client();
    client.sendBytes(bytes());
    await client.closed();
  });

  it('answers what came before the bad frame, then closes', async () => {
    const client = await under.client();
    const id = client.send(apiVersionsApi, 2, {
      clientSoftwareName: '',
      clientSoftwareVersion: '',
    });
    client.sendBytes(framed(header(93, 0)));
    expect((await client.receive(apiVersionsApi, 2, id)).errorCode).toBe(0);
    await client.closed();
  });

  it('answers ApiVersions of a version above ours in version 0, with its own range', async () => {
    const client = await under.client();
    client.sendFrame(join(header(18, 0, 77).subarray(0, 2), Buffer.from([0, 99]), int32(77)));
    const response = await client.receive(apiVersionsApi, 0, 77);
    expect(response).toMatchObject({
      errorCode: 35,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 5 }],
    });
    const names = { clientSoftwareName: 'x', clientSoftwareVersion: '1' };
    const id = client.send(apiVersionsApi, 5, { ...names, clusterId: null, nodeId: -1 });
    expect((await client.receive(apiVersionsApi, 5, id)).errorCode).toBe(0);
    const bad = { clientSoftwareName: '-x', clientSoftwareVersion: '1' };
    expect((await client.call(apiVersionsApi, 3, bad)).errorCode).toBe(42);
    const other = { ...names, clusterId: 'AAAAAAAAAAAAAAAAAAAAAA', nodeId: -1 };
    expect((await client.call(apiVersionsApi, 5, other)).errorCode).toBe(129);
  });

  it('advertises Produce from 0 and refuses 0 to 2 (T10)', async () => {
    const client = await under.client();
    for (const version of [0, 1, 2]) {
      const answer = await produce(client, 't', batchOf(['x']), { version });
      expect(answer).toMatchObject({ errorCode: 35, baseOffset: -1 });
    }
  });

  it.each([
    ['no batch', 87, () => new Uint8Array(0)],
    ['null records', 87, () => null],
    ['two batches', 87, () => join(batchOf(['a']), batchOf(['b']))],
    ['magic 1', 87, () => batchOf(['a']).with(16, 1)],
    ['magic 7', 87, () => batchOf(['a']).with(16, 7)],
    ['a wrong checksum', 2, () => batchOf(['abc']).with(67, 1)],
    ['a control batch', 87, () => batchOf(['a'], { isControl: true })],
    ['a record count of a billion', 87, () => batchOf(['a']).with(57, 0x3b)],
    ['a producer id without sequence', 87, () => batchOf(['a'], { producerId: 5 })],
    ['LogAppendTime from the producer', 32, () => batchOf(['a'], { logAppendTimeMs: 5 })],
    ['a batch above max.message.bytes', 10, () => batchOf(['x'.repeat(1_100_000)])],
    [
      'a transactional batch',
      53,
      () =>
        batchOf(['a'], {
          producerId: 5,
          producerEpoch: 0,
          baseSequence: 0,
          isTransactional: true,
        }),
    ],
  ])('refuses %s with %i', async (_what, errorCode, records) => {
    const client = await under.client();
    expect(await produce(client, 't', records())).toMatchObject({
      errorCode,
      baseOffset: -1,
      logStartOffset: -1,
    });
    expect((await produce(client, 't', batchOf(['fine']))).errorCode).toBe(0);
  });

  it('refuses acks of 2, unknown partitions, internal topics, null keys on a compacted topic', async () => {
    const client = await under.client();
    expect((await produce(client, 't', batchOf(['a']), { acks: 2 })).errorCode).toBe(21);
    expect((await produce(client, 'none', batchOf(['a']))).errorCode).toBe(3);
    expect((await produce(client, 't', batchOf(['a']), { partition: 9 })).errorCode).toBe(3);
    expect((await produce(client, 't', batchOf(['a']), { partition: -1 })).errorCode).toBe(3);
    expect(await produce(client, 'compacted', batchOf(['a', 'b']))).toMatchObject({
      errorCode: 87,
      recordErrors: [{ batchIndex: 0 }, { batchIndex: 1 }],
    });
    expect((await produce(client, 'compacted', batchOf(['a'], {}, 'key'))).errorCode).toBe(0);
  });

  it('closes after a failed produce that wanted no answer (T19)', async () => {
    const client = await under.client();
    client.send(produceApi, 8, produceOf('none', 0, batchOf(['a']), 0) as never);
    await client.closed();
  });

  it('refuses a fetch out of range, of other epochs, or by a follower', async () => {
    const client = await under.client();
    const codeOf = async (wishes: object) =>
      (await fetch(client, 't', wishes)).responses[0]?.partitions[0]?.errorCode;
    expect(await codeOf({ offset: 1_000_000 })).toBe(1);
    expect(await codeOf({ offset: -5 })).toBe(1);
    expect(await codeOf({ currentLeaderEpoch: 99 })).toBe(75);
    expect(await codeOf({ partition: 44 })).toBe(3);
    const follower = { ...fetchOf('t'), replicaId: 2 };
    expect((await client.call(fetchApi, 11, follower as never)).errorCode).toBe(31);
  });

  it('tells offsets and epochs to consumers only', async () => {
    const client = await under.client();
    const codesFor = async (replicaId: number) => {
      const listed = await client.call(listOffsetsApi, 7, {
        replicaId,
        isolationLevel: 0,
        timeoutMs: 0,
        topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
      });
      const ended = await client.call(offsetForLeaderEpochApi, 4, {
        replicaId,
        topics: [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 0 }] }],
      });
      const answers = [listed.topics[0]?.partitions[0], ended.topics[0]?.partitions[0]];
      return answers.map((answer) => answer?.errorCode);
    };
    expect(await codesFor(-1)).toEqual([0, 0]);
    expect(await codesFor(-2)).toEqual([0, 0]);
    expect(await codesFor(0)).toEqual([31, 31]);
    expect(await codesFor(5)).toEqual([31, 31]);
  });

  it('keeps fetch sessions to the rules', async () => {
    const client = await under.client();
    const opened = await fetch(client, 't', { sessionId: 0, sessionEpoch: 0 });
    expect(opened.sessionId).toBeGreaterThan(0);
    const next = { sessionId: opened.sessionId, sessionEpoch: 1, offset: 0 };
    expect((await fetch(client, 't', next)).errorCode).toBe(0);
    expect((await fetch(client, 't', next)).errorCode).toBe(71);
    expect((await fetch(client, 't', { sessionId: 12345, sessionEpoch: 3 })).errorCode).toBe(70);
    const end = (await produce(client, 't', batchOf(['x']))).baseOffset + 1;
    const tail = { sessionId: opened.sessionId, sessionEpoch: 2, offset: end };
    expect((await fetch(client, 't', tail)).responses).toHaveLength(1);
    const empty = { ...fetchOf('t', { ...tail, sessionEpoch: 3 }), topics: [] };
    expect((await client.call(fetchApi, 11, empty as never)).responses).toEqual([]);
    await produce(client, 't', batchOf(['y']));
    const more = { ...fetchOf('t', { ...tail, sessionEpoch: 4 }), topics: [] };
    const news = await client.call(fetchApi, 11, more as never);
    expect(news.responses[0]?.partitions[0]?.records?.length).toBeGreaterThan(0);
    const closing = { sessionId: opened.sessionId, sessionEpoch: -1 };
    expect((await fetch(client, 't', closing)).sessionId).toBe(0);
    expect((await fetch(client, 't', { ...tail, sessionEpoch: 5 })).errorCode).toBe(70);
  });

  it('survives any cut or changed byte of a Produce frame', async () => {
    const writer = new Writer();
    encodeProduceRequest(writer, produceOf('t', 0, batchOf(['abc'])) as never, 8);
    const good = join(header(0, 8), writer.finishBytes());
    for (let at = 0; at < good.length; at += 3) {
      const client = await under.client();
      client.sendFrame(good.with(at, (good[at] ?? 0) ^ 0x55));
      client.sendFrame(good.subarray(0, at));
      while ((await client.frame()) !== undefined) {
        // Whatever it answers, it must close in the end: a cut frame is never right.
      }
    }
  });
});

function framed(body: Uint8Array): Uint8Array {
  return join(int32(body.length), body);
}
