import { ZERO_UUID } from '@millrace/bytes';
import { createTopicsApi, fetchApi, produceApi } from '@millrace/protocol';
import { BatchBuilder, readRecords } from '@millrace/records';
import { Peer } from './peer.ts';

const CREATE_VERSION = 5;
const PRODUCE_VERSION = 8;
const FETCH_VERSION = 11;

/** One batch of one record. */
export function batchOf(value: Uint8Array, key: Uint8Array | null = null): Uint8Array {
  const builder = new BatchBuilder();
  builder.append({ timestampMs: 1_700_000_000_000, key, value });
  return builder.build();
}

/** A Produce request of one batch. */
export function produceOf(topic: string, records: Uint8Array, acks = -1) {
  const topicData = [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }];
  return { transactionalId: null, acks, timeoutMs: 10_000, topicData };
}

/** A Fetch request; `targets` are partitions of `topic`, the same one may come again. */
export function fetchOf(
  topic: string,
  fetchOffset: number,
  { targets = [0], minBytes = 1, maxWaitMs = 500, sessionEpoch = -1, sessionId = 0 } = {},
) {
  return {
    replicaId: -1,
    maxWaitMs,
    minBytes,
    maxBytes: 1 << 20,
    isolationLevel: 0,
    sessionId,
    sessionEpoch,
    topics: [
      {
        topic,
        topicId: ZERO_UUID,
        partitions: targets.map((partition) => ({
          partition,
          currentLeaderEpoch: -1,
          fetchOffset,
          logStartOffset: -1,
          partitionMaxBytes: 1 << 20,
        })),
      },
    ],
    forgottenTopicsData: [],
    rackId: '',
  };
}

/** @throws Error when the broker refuses. */
export async function createTopic(
  peer: Peer,
  name: string,
  { partitions = 1, configs = {} }: { partitions?: number; configs?: Record<string, string> } = {},
): Promise<void> {
  const response = await peer.call(createTopicsApi, CREATE_VERSION, {
    topics: [
      {
        name,
        numPartitions: partitions,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      },
    ],
    timeoutMs: 30_000,
    validateOnly: false,
  });
  const answer = response.topics[0];
  if (answer?.errorCode !== 0) throw new Error(`create ${name}: ${answer?.errorCode}`);
}

/** Produces; the error code of the only partition. */
export async function produce(peer: Peer, topic: string, records: Uint8Array): Promise<number> {
  const response = await peer.call(produceApi, PRODUCE_VERSION, produceOf(topic, records));
  return response.responses[0]?.partitionResponses[0]?.errorCode ?? -2;
}

/** An honest client that must be served whatever the others do. */
export class Canary {
  readonly #peer: Peer;
  readonly #topic: string;
  #serial = 0;

  private constructor(peer: Peer, topic: string) {
    this.#peer = peer;
    this.#topic = topic;
  }

  static async open(port: number, topic: string): Promise<Canary> {
    const peer = await Peer.open(port);
    await createTopic(peer, topic);
    return new Canary(peer, topic);
  }

  /** Produces a record and reads it back; how long that took, in ms. @throws Error when it is not there. */
  async sing(): Promise<number> {
    const startedAt = performance.now();
    const text = `canary ${this.#serial++}`;
    const request = produceOf(this.#topic, batchOf(Buffer.from(text)));
    const produced = await this.#peer.call(produceApi, PRODUCE_VERSION, request);
    const partition = produced.responses[0]?.partitionResponses[0];
    if (partition?.errorCode !== 0) throw new Error(`canary: produce ${partition?.errorCode}`);
    const answer = await this.#peer.call(
      fetchApi,
      FETCH_VERSION,
      fetchOf(this.#topic, partition.baseOffset),
    );
    const records = answer.responses[0]?.partitions[0]?.records;
    if (records == null) throw new Error('canary: nothing fetched');
    const values = [...readRecords(records)].map(({ value }) =>
      Buffer.from(value ?? []).toString(),
    );
    if (!values.includes(text)) throw new Error('canary: its record is not there');
    return performance.now() - startedAt;
  }

  /** What half of `count` songs take at most, and all but the last percent, in ms. */
  async sings(count: number): Promise<{ readonly medianMs: number; readonly p99Ms: number }> {
    const times: number[] = [];
    for (let i = 0; i < count; i++) times.push(await this.sing());
    times.sort((a, b) => a - b);
    const at = (share: number): number => times[Math.ceil(count * share) - 1] ?? 0;
    return { medianMs: at(0.5), p99Ms: at(0.99) };
  }

  close(): void {
    this.#peer.close();
  }
}
