import { connect, type Socket } from 'node:net';
import { Reader, Writer } from '@millrace/bytes';
import {
  type ApiCodec,
  decodeResponseHeader,
  encodeRequestHeader,
  type FetchRequestInput,
  type FetchResponse,
  fetchApi,
  type ProduceResponse,
  produceApi,
} from '@millrace/protocol';
import { BatchBuilder, type BatchOptions } from '@millrace/records';

/** A connection that sends frames byte for byte as a test wants them. */
export class RawClient {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #waiting: (() => void)[] = [];
  #nextCorrelationId = 1;
  isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends the body with its length in front. */
  sendFrame(body: Uint8Array): void {
    const prefix = Buffer.alloc(4);
    prefix.writeInt32BE(body.length);
    this.#socket.write(Buffer.concat([prefix, body]));
  }

  /** Sends a request; returns its correlation id. */
  send<Q, R, I, O>(
    api: ApiCodec<Q, R, I, O>,
    version: number,
    request: I,
    clientId = 'raw',
  ): number {
    const correlationId = this.#nextCorrelationId++;
    const writer = new Writer();
    encodeRequestHeader(writer, {
      apiKey: api.key,
      apiVersion: version,
      correlationId,
      clientId,
    });
    api.encodeRequest(writer, request, version);
    this.sendFrame(writer.finishBytes());
    return correlationId;
  }

  /** The next frame from the broker, without its length; undefined when it closed the connection. */
  async frame(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#received.length >= 4) {
        const length = this.#received.readInt32BE(0);
        if (this.#received.length >= 4 + length) {
          const frame = new Uint8Array(this.#received.subarray(4, 4 + length));
          this.#received = this.#received.subarray(4 + length);
          return frame;
        }
      }
      if (this.isClosed) return undefined;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The next response, which must answer `correlationId`. */
  async receive<Q, R, I, O>(
    api: ApiCodec<Q, R, I, O>,
    version: number,
    correlationId: number,
  ): Promise<R> {
    const frame = await this.frame();
    if (frame === undefined) throw new Error(`${api.name}: connection closed`);
    const reader = new Reader(frame);
    const answered = decodeResponseHeader(reader, api.key, version);
    if (answered !== correlationId) {
      throw new Error(`${api.name}: reply ${answered}, wanted ${correlationId}`);
    }
    const response = api.decodeResponse(reader, version);
    reader.finish();
    return response;
  }

  call<Q, R, I, O>(
    api: ApiCodec<Q, R, I, O>,
    version: number,
    request: I,
    clientId?: string,
  ): Promise<R> {
    return this.receive(api, version, this.send(api, version, request, clientId));
  }

  /** Resolves when the broker has closed the connection. */
  async closed(): Promise<void> {
    while (!this.isClosed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** A batch with these values; `options` as for `BatchBuilder.build`. */
export function batchOf(
  values: readonly string[],
  options: BatchOptions = {},
  key?: string,
): Uint8Array {
  const builder = new BatchBuilder();
  for (const value of values) {
    builder.append({
      timestampMs: 1_700_000_000_000,
      key: key === undefined ? null : Buffer.from(key),
      value: Buffer.from(value),
    });
  }
  return builder.build(options);
}

/** A Produce request for one partition. */
export function produceOf(topic: string, partition: number, records: Uint8Array | null, acks = -1) {
  return {
    transactionalId: null,
    acks,
    timeoutMs: 5000,
    topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
  };
}

/** Produces one batch; the partition's answer. */
export async function produce(
  client: RawClient,
  topic: string,
  records: Uint8Array | null,
  { version = 8, acks = -1, partition = 0, clientId = 'raw' } = {},
): Promise<ProduceResponse['responses'][number]['partitionResponses'][number]> {
  const request = produceOf(topic, partition, records, acks);
  const response = await client.call(produceApi, version, request as never, clientId);
  const answer = response.responses[0]?.partitionResponses[0];
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

export interface FetchWishes {
  readonly offset?: number;
  readonly partition?: number;
  readonly minBytes?: number;
  readonly maxWaitMs?: number;
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
  readonly isolationLevel?: number;
  readonly sessionId?: number;
  readonly sessionEpoch?: number;
  readonly currentLeaderEpoch?: number;
}

/** A Fetch request for one partition. */
export function fetchOf(topic: string, wishes: FetchWishes = {}): FetchRequestInput {
  return {
    replicaId: -1,
    maxWaitMs: wishes.maxWaitMs ?? 0,
    minBytes: wishes.minBytes ?? 1,
    maxBytes: wishes.maxBytes ?? 1 << 20,
    isolationLevel: wishes.isolationLevel ?? 0,
    sessionId: wishes.sessionId ?? 0,
    sessionEpoch: wishes.sessionEpoch ?? -1,
    topics: [
      {
        topic,
        partitions: [
          {
            partition: wishes.partition ?? 0,
            currentLeaderEpoch: wishes.currentLeaderEpoch ?? -1,
            fetchOffset: wishes.offset ?? 0,
            partitionMaxBytes: wishes.partitionMaxBytes ?? 1 << 20,
          },
        ],
      },
    ],
    forgottenTopicsData: [],
    rackId: '',
  } as never;
}

/** Fetches one partition; the whole answer. */
export function fetch(
  client: RawClient,
  topic: string,
  wishes: FetchWishes = {},
  version = 11,
): Promise<FetchResponse> {
  return client.call(fetchApi, version, fetchOf(topic, wishes) as never);
}
