import { seededPrng, systemClock } from '@millrace/base';
import { ErrorCode, type ProduceRequest, produceApi } from '@millrace/protocol';
import { readRecords } from '@millrace/records';
import { WireConnectionError } from '@millrace/wire';
import { expect, test } from 'vitest';
import type { Cluster } from '../cluster.ts';
import { MemoryGate } from './memory-gate.ts';
import { PartitionQueue } from './partition-queue.ts';
import { type ProducerOptions, resolveProducerOptions } from './producer-options.ts';
import { Sender } from './sender.ts';

const BASE_SEQUENCE_AT = 53;
const BAD = 200;
const RECORD_BYTES = 8;
const BATCH_BYTES = 61 + 2 * RECORD_BYTES;

/** What comes back instead of the log's own answer: an error code, with an offset or without, or no answer at all. */
type Trouble = { readonly code: number; readonly baseOffset?: number } | Error;

/** One partition whose brokers refuse the value `BAD`, and a sender for it with batches of two records. */
class Rig {
  readonly values: number[] = [];
  readonly troubles: Trouble[] = [];
  leader = 1;
  inFlight = 0;
  inFlightMost = 0;
  /** Called for each request that arrives. */
  onRequest = () => {};
  readonly #queue = new PartitionQueue('t', 0);
  readonly #sender: Sender;
  #nextSequence = 0;

  constructor(options: Partial<ProducerOptions> = {}) {
    const clock = systemClock;
    const connection = {
      request: (api: unknown, request: ProduceRequest) =>
        api === produceApi ? this.#produce(request) : this.#initProducerId(),
    };
    const cluster = {
      options: {
        clock,
        random: seededPrng(1),
        retryBackoffMs: 1,
        retryBackoffMaxMs: 2,
        requestTimeoutMs: 5000,
      },
      connect: async () => connection,
      connectAny: async () => connection,
      refresh: async () => {},
      metadata: { leaderOf: () => this.leader, invalidate: () => {} },
    };
    const resolved = resolveProducerOptions({
      bootstrapServers: '',
      lingerMs: 0,
      batchSize: BATCH_BYTES,
      ...options,
    });
    const memory = new MemoryGate(1 << 20, clock);
    this.#sender = new Sender(cluster as unknown as Cluster, resolved, memory);
    this.#sender.add(this.#queue);
  }

  /** 'ok' or the name of the error, for each. */
  send(...values: number[]): Promise<string[]> {
    const sent = values.map((value) => {
      const record = { timestampMs: 1, key: null, value: new Uint8Array([value]), headers: [] };
      const { sent } = this.#queue.append(
        record,
        RECORD_BYTES,
        BATCH_BYTES,
        systemClock.monotonicMs(),
      );
      return sent.then(
        () => 'ok',
        (error) => error.codeName,
      );
    });
    this.#sender.wake();
    return Promise.all(sent);
  }

  async #initProducerId() {
    this.#nextSequence = 0;
    return { errorCode: ErrorCode.NONE, producerId: 1, producerEpoch: 0 };
  }

  async #produce(request: ProduceRequest) {
    this.inFlight++;
    this.inFlightMost = Math.max(this.inFlightMost, this.inFlight);
    this.onRequest();
    const trouble = this.troubles.shift();
    // Requests that follow each other are in flight together.
    await new Promise(setImmediate);
    this.inFlight--;
    if (trouble instanceof Error) throw trouble;
    const records = request.topicData[0]?.partitionData[0]?.records as Uint8Array;
    const answer = trouble ?? this.#append(records);
    const partition = { index: 0, baseOffset: -1, logAppendTimeMs: -1, recordErrors: [] };
    const { code: errorCode, ...rest } = answer;
    return {
      responses: [{ name: 't', partitionResponses: [{ ...partition, ...rest, errorCode }] }],
    };
  }

  #append(bytes: Uint8Array) {
    const values = [...readRecords(bytes, (_, body) => body)].map(({ value }) => value?.[0] ?? -1);
    if (values.includes(BAD)) {
      const recordErrors = [{ batchIndex: values.indexOf(BAD), batchIndexErrorMessage: null }];
      return { code: ErrorCode.INVALID_RECORD, recordErrors };
    }
    const { buffer, byteOffset } = bytes;
    const sequence = new DataView(buffer, byteOffset).getInt32(BASE_SEQUENCE_AT);
    if (sequence >= 0) {
      if (sequence !== this.#nextSequence) return { code: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER };
      this.#nextSequence += values.length;
    }
    const baseOffset = this.values.push(...values) - values.length;
    return { code: ErrorCode.NONE, baseOffset };
  }
}

const NOT_LEADER = { code: ErrorCode.NOT_LEADER_OR_FOLLOWER };

test.each([
  ['a move of the leader', NOT_LEADER],
  ['an election', { code: ErrorCode.LEADER_NOT_AVAILABLE }],
  ['too few replicas', { code: ErrorCode.NOT_ENOUGH_REPLICAS }],
  ['no connection', new WireConnectionError('connect', 'refused')],
])('after %s a bad record is still refused alone', async (_, trouble) => {
  const rig = new Rig();
  expect(await rig.send(0, 1)).toEqual(['ok', 'ok']);
  rig.troubles.push(trouble, trouble, trouble);
  const results = await rig.send(2, BAD, 4, 5, 6, 7);
  expect(rig.inFlightMost).toBe(3);
  expect(results).toEqual(['ok', 'INVALID_RECORD', 'ok', 'ok', 'ok', 'ok']);
  expect(rig.values).toEqual([0, 1, 2, 4, 5, 6, 7]);
});

test.each([
  ['no answer', new WireConnectionError('closed', 'lost')],
  ['an answer too late', { code: ErrorCode.REQUEST_TIMED_OUT }],
  ['too few replicas after the append', { code: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND }],
  ['a move of the leader after the append', { ...NOT_LEADER, baseOffset: 2 }],
])('after %s a refused batch is not taken apart: it may be in the log', async (_, trouble) => {
  const rig = new Rig();
  await rig.send(0, 1);
  rig.troubles.push(trouble);
  expect(await rig.send(2, BAD)).toEqual(['INVALID_RECORD', 'INVALID_RECORD']);
  expect(await rig.send(4)).toEqual(['ok']);
});

test('one request in flight keeps the order without sequences, also while the leader moves', async () => {
  const rig = new Rig({ acks: 1, maxInFlightRequestsPerConnection: 1 });
  await rig.send(0, 1);
  rig.onRequest = () => rig.leader++;
  rig.troubles.push(NOT_LEADER);
  const results = await rig.send(2, 3, 4, BAD, 6, 7, 8, 9);
  expect(results).toEqual(['ok', 'ok', 'ok', 'INVALID_RECORD', 'ok', 'ok', 'ok', 'ok']);
  expect(rig.values).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9]);
  expect(rig.inFlightMost).toBe(1);
});
