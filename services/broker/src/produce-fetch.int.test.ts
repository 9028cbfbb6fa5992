import { compress, decompress } from '@millrace/compression';
import {
  fetchApi,
  type ListOffsetsRequestInput,
  listOffsetsApi,
  produceApi,
} from '@millrace/protocol';
import { BatchBuilder, BatchCursor, readRecords } from '@millrace/records';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnderTest, engineBodies } from './testing/broker-under-test.ts';
import {
  batchOf,
  fetch,
  fetchOf,
  produce,
  produceOf,
  type RawClient,
} from './testing/raw-client.ts';

/** Never over before what is waited for has come. */
const LONG_MS = 60_000;

/** Values of all records in the answer's only partition. */
function valuesOf(response: Awaited<ReturnType<typeof fetch>>): string[] {
  const records = response.responses[0]?.partitions[0]?.records ?? new Uint8Array(0);
  const cursor = new BatchCursor(records);
  const values: string[] = [];
  while (cursor.next()) {
    for (const record of readRecords(cursor.view, (codec, body) =>
      decompress(codec, body, 1 << 20),
    )) {
      values.push(Buffer.from(record.value ?? []).toString());
    }
  }
  expect(cursor.remainingBytes).toBe(0);
  return values;
}

const partitionOf = (response: Awaited<ReturnType<typeof fetch>>) =>
  response.responses[0]?.partitions[0];

describe.each(engineBodies)('produce and fetch on the $name engine', ({ make }) => {
  describe.each(['fsync', 'page-cache'])('with %s durability', (durability) => {
    let under: BrokerUnderTest;
    let client: RawClient;

    beforeEach(async () => {
      under = await BrokerUnderTest.start(make(), [`millrace.log.durability=${durability}`]);
      client = await under.client();
    });

    afterEach(async () => {
      await under.close();
      expect(under.logLines.filter((line) => line.includes('ERROR'))).toEqual([]);
    });

    it('gives back what was written, in order, with all acks', async () => {
      await under.createTopic('t');
      for (const [i, acks] of [-1, 1].entries()) {
        const answer = await produce(client, 't', batchOf([`a${i}`, `b${i}`]), { acks });
        expect(answer).toMatchObject({ errorCode: 0, baseOffset: i * 2, logAppendTimeMs: -1 });
      }
      await under.client().then(async (other) => {
        other.send(produceApi, 8, produceOf('t', 0, batchOf(['quiet']), 0) as never);
        expect((await produce(other, 't', batchOf(['last']))).baseOffset).toBe(5);
      });
      const response = await fetch(client, 't');
      expect(valuesOf(response)).toEqual(['a0', 'b0', 'a1', 'b1', 'quiet', 'last']);
      expect(partitionOf(response)).toMatchObject({
        errorCode: 0,
        highWatermark: 6,
        logStartOffset: 0,
      });
    });

    it('answers in request order when a long poll stands before a produce', async () => {
      await under.createTopic('t');
      const poll = client.send(fetchApi, 11, fetchOf('t', { maxWaitMs: LONG_MS }) as never);
      const write = client.send(produceApi, 8, produceOf('t', 0, batchOf(['x'])) as never);
      expect(valuesOf(await client.receive(fetchApi, 11, poll))).toEqual(['x']);
      await client.receive(produceApi, 8, write);
    });

    it('parks a fetch until there is enough, or the time is up', async () => {
      await under.createTopic('t');
      const poller = await under.client();
      const poll = poller.send(fetchApi, 11, fetchOf('t', { maxWaitMs: LONG_MS }) as never);
      await produce(client, 't', batchOf(['x']));
      expect(valuesOf(await poller.receive(fetchApi, 11, poll))).toEqual(['x']);
      const started = performance.now();
      const wishes = { maxWaitMs: 100, offset: 1 };
      expect(valuesOf(await fetch(client, 't', wishes))).toEqual([]);
      expect(performance.now() - started).toBeGreaterThanOrEqual(95);
      const big = poller.send(
        fetchApi,
        11,
        fetchOf('t', { ...wishes, minBytes: 150, maxWaitMs: LONG_MS }) as never,
      );
      await produce(client, 't', batchOf(['one']));
      await produce(client, 't', batchOf(['two']));
      await produce(client, 't', batchOf(['three']));
      expect(valuesOf(await poller.receive(fetchApi, 11, big)).length).toBeGreaterThanOrEqual(2);
    });

    it('returns at least one batch, however small the limits (KIP-74)', async () => {
      await under.createTopic('t');
      await produce(client, 't', batchOf(['x'.repeat(1000)]));
      await produce(client, 't', batchOf(['y'.repeat(1000)]));
      expect(
        valuesOf(await fetch(client, 't', { maxBytes: 1, partitionMaxBytes: 1 })),
      ).toHaveLength(1);
    });

    it('keeps many pipelined requests of many connections apart', async () => {
      await under.createTopic('t', { partitions: 3 });
      const clients = await Promise.all([1, 2, 3].map(() => under.client()));
      const sent = clients.map((each, c) =>
        Array.from({ length: 100 }, (_, i) =>
          each.send(produceApi, 8, produceOf('t', c, batchOf([`${c}-${i}`])) as never),
        ),
      );
      for (const [c, each] of clients.entries()) {
        for (const [i, id] of (sent[c] ?? []).entries()) {
          const response = await each.receive(produceApi, 8, id);
          expect(response.responses[0]?.partitionResponses[0]).toMatchObject({
            baseOffset: i,
            errorCode: 0,
          });
        }
        const values = valuesOf(await fetch(each, 't', { partition: c }));
        expect(values).toEqual(Array.from({ length: 100 }, (_, i) => `${c}-${i}`));
      }
    });

    it('recognises repetitions and refuses gaps, across a restart', async () => {
      await under.close();
      const openEngine = make();
      const dirs = `log.dirs=/tmp/millrace-test-${process.pid}-${performance.now()}`;
      under = await BrokerUnderTest.start(openEngine, [dirs]);
      await under.createTopic('t');
      const send = async (baseSequence: number, producerEpoch = 0) => {
        client = await under.client();
        const batch = batchOf(['a', 'b'], { producerId: 99, producerEpoch, baseSequence });
        const { errorCode, baseOffset } = await produce(client, 't', batch);
        return [errorCode, baseOffset];
      };
      expect(await send(0)).toEqual([0, 0]);
      expect(await send(2)).toEqual([0, 2]);
      expect(await send(0)).toEqual([0, 0]);
      expect(await send(6)).toEqual([45, -1]);
      await under.close();
      under = await BrokerUnderTest.start(openEngine, [dirs]);
      expect(await send(2)).toEqual([0, 2]);
      expect(await send(6)).toEqual([45, -1]);
      expect(await send(4)).toEqual([0, 4]);
      expect(await send(0, 1)).toEqual([0, 6]);
      expect(await send(6, 0)).toEqual([47, -1]);
    });

    it('stamps LogAppendTime', async () => {
      await under.createTopic('t', { configs: { 'message.timestamp.type': 'LogAppendTime' } });
      const before = Date.now();
      const { logAppendTimeMs } = await produce(client, 't', batchOf(['x']));
      expect(logAppendTimeMs).toBeGreaterThanOrEqual(before - 1);
      const records = partitionOf(await fetch(client, 't'))?.records ?? new Uint8Array(0);
      const [record] = [...readRecords(records)];
      expect(record?.timestampMs).toBe(logAppendTimeMs);
    });

    it('compresses anew when the topic wants another codec', async () => {
      await under.createTopic('t', { configs: { 'compression.type': 'gzip' } });
      const builder = new BatchBuilder();
      for (let i = 0; i < 50; i++) {
        builder.append({
          timestampMs: 1_700_000_000_000,
          key: null,
          value: Buffer.from('same '.repeat(20)),
        });
      }
      const zstd = builder.build({}, 4, compress);
      const ids = [zstd, batchOf(['plain']), zstd].map((batch) =>
        client.send(produceApi, 8, produceOf('t', 0, batch) as never),
      );
      const offsets = [];
      for (const id of ids) {
        const response = await client.receive(produceApi, 8, id);
        offsets.push(response.responses[0]?.partitionResponses[0]?.baseOffset);
      }
      expect(offsets).toEqual([0, 50, 51]);
      const response = await fetch(client, 't');
      expect(valuesOf(response)).toHaveLength(101);
      const cursor = new BatchCursor(partitionOf(response)?.records ?? undefined);
      while (cursor.next()) expect(cursor.view.codec).toBe(1);
    });

    it('finds offsets by time', async () => {
      await under.createTopic('t');
      const builder = new BatchBuilder();
      for (const timestampMs of [100, 300, 200]) {
        builder.append({ timestampMs, key: null, value: Buffer.from('x') });
      }
      await produce(client, 't', builder.build({}));
      await produce(client, 't', builder.build({}, 4, compress));
      const find = async (timestamp: number, version = 7) => {
        const request: ListOffsetsRequestInput = {
          replicaId: -1,
          isolationLevel: 0,
          timeoutMs: 0,
          topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp }] }],
        };
        const response = await client.call(listOffsetsApi, version, request);
        const found = response.topics[0]?.partitions[0];
        return [found?.errorCode, found?.offset, found?.timestamp];
      };
      expect(await find(-1)).toEqual([0, 6, -1]);
      expect(await find(-2)).toEqual([0, 0, -1]);
      expect(await find(-3)).toEqual([0, 1, 300]);
      expect(await find(50)).toEqual([0, 0, 100]);
      expect(await find(101)).toEqual([0, 1, 300]);
      expect(await find(301)).toEqual([0, -1, -1]);
      expect(await find(-3, 6)).toEqual([35, -1, -1]);
      expect(await find(-9)).toEqual([35, -1, -1]);
      expect(await find(-1, 1)).toEqual([0, 6, -1]);
    });
  });
});
