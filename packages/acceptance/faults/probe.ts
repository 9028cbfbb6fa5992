import { systemClock } from '@millrace/base';
import { ZERO_UUID } from '@millrace/bytes';
import { fetchApi, metadataApi, produceApi } from '@millrace/protocol';
import { BatchBuilder, BatchView, verifyCrc } from '@millrace/records';
import { BrokerConnection } from '@millrace/wire';

/** Versions that name topics by name, so that a probe needs no ids. */
const PRODUCE_VERSION = 9;
const FETCH_VERSION = 12;
const METADATA_VERSION = 12;
const FETCH_BYTES_MAX = 1 << 20;
const TIMEOUT_MS = 20_000;

/** A connection that asks one thing at a time and never repeats itself, so that every answer is seen. */
export class Probe {
  readonly port: number;
  readonly #connection: BrokerConnection;

  private constructor(port: number, connection: BrokerConnection) {
    this.port = port;
    this.#connection = connection;
  }

  static async open(port: number): Promise<Probe> {
    const address = { host: '127.0.0.1', port };
    const connection = await BrokerConnection.open(address, {
      clock: systemClock,
      clientId: 'probe',
      connectTimeoutMs: TIMEOUT_MS,
      requestTimeoutMs: TIMEOUT_MS,
      maxFrameBytes: 64 << 20,
    });
    return new Probe(port, connection);
  }

  /** Appends one record to partition 0; its error code and offset. */
  async produce(topic: string, value: Uint8Array, acks: -1 | 1 = -1) {
    const builder = new BatchBuilder(value.length + 128);
    builder.append({ key: null, value, headers: [], timestampMs: Date.now() });
    const response = await this.#connection.request(
      produceApi,
      {
        transactionalId: null,
        acks,
        timeoutMs: TIMEOUT_MS,
        topicData: [
          {
            name: topic,
            topicId: ZERO_UUID,
            partitionData: [{ index: 0, records: builder.build() }],
          },
        ],
      },
      { maxVersion: PRODUCE_VERSION },
    );
    const answer = response.responses[0]?.partitionResponses[0];
    if (answer === undefined) throw new Error('Produce: no answer');
    return { errorCode: answer.errorCode, baseOffset: answer.baseOffset };
  }

  /** Batches of partition 0 from an offset on. */
  async fetch(topic: string, fetchOffset: number) {
    const response = await this.#connection.request(
      fetchApi,
      {
        replicaId: -1,
        ...{ maxWaitMs: 0, minBytes: 1, maxBytes: FETCH_BYTES_MAX, isolationLevel: 0 },
        ...{ sessionId: 0, sessionEpoch: -1, forgottenTopicsData: [], rackId: '' },
        topics: [
          {
            topic,
            topicId: ZERO_UUID,
            partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: FETCH_BYTES_MAX }],
          },
        ],
      },
      { maxVersion: FETCH_VERSION },
    );
    const answer = response.responses[0]?.partitions[0];
    if (answer === undefined) throw new Error('Fetch: no answer');
    const records = answer.records instanceof Uint8Array ? answer.records : new Uint8Array();
    return { errorCode: answer.errorCode, highWatermark: answer.highWatermark, records };
  }

  /** Names of all topics. */
  async topics(): Promise<string[]> {
    const response = await this.#connection.request(
      metadataApi,
      {
        topics: null,
        allowAutoTopicCreation: true,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      },
      { maxVersion: METADATA_VERSION },
    );
    return response.topics.map(({ name }) => name ?? '');
  }

  close(): void {
    this.#connection.close();
  }
}

/** Record count and next offset of whole batches. @throws Error when a batch is cut short. */
export function countRecords(batches: Uint8Array): { recordCount: number; nextOffset: number } {
  const view = new BatchView(batches);
  let recordCount = 0;
  let nextOffset = -1;
  for (let at = 0; at + 61 <= batches.length; at += view.lengthBytes) {
    view.reset(batches, at);
    if (at + view.lengthBytes > batches.length) break;
    if (!verifyCrc(batches, at)) throw new Error(`the batch at ${view.baseOffset} has a wrong CRC`);
    recordCount += view.recordCount;
    nextOffset = view.baseOffset + view.lastOffsetDelta + 1;
  }
  return { recordCount, nextOffset };
}

/** How long something takes, ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}
