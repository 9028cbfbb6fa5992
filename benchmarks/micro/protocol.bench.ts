/**
 * What one message costs to encode and to decode, per API: nanoseconds and bytes allocated.
 * `node --conditions=@millrace/source --expose-gc benchmarks/micro/protocol.bench.ts [name …]`
 */
import { Reader, Writer, ZERO_UUID } from '@millrace/bytes';
import {
  decodeFetchRequest,
  decodeFetchResponse,
  decodeHeartbeatRequest,
  decodeMetadataRequest,
  decodeMetadataResponse,
  decodeOffsetCommitRequest,
  decodeProduceRequest,
  decodeProduceResponse,
  decodeRequestHeader,
  encodeFetchRequest,
  encodeFetchResponse,
  encodeHeartbeatRequest,
  encodeMetadataRequest,
  encodeMetadataResponse,
  encodeOffsetCommitRequest,
  encodeProduceRequest,
  encodeProduceResponse,
  encodeRequestHeader,
} from '@millrace/protocol';

const ROUNDS = 7;
const ROUND_MS = 60;
const TOPIC_ID = 'ABEiM0RVZneImaq7zN3u_w';

interface Case {
  readonly name: string;
  readonly encode: (writer: Writer) => void;
  readonly decode: (reader: Reader) => unknown;
}

/** A case whose value is made once, so that only the codec is measured. */
function messageCase<T>(
  name: string,
  value: T,
  version: number,
  encode: (writer: Writer, value: T, version: number) => void,
  decode: (reader: Reader, version: number) => unknown,
): Case {
  return {
    name,
    encode: (writer) => encode(writer, value, version),
    decode: (reader) => decode(reader, version),
  };
}

function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const batch = new Uint8Array(118);
const partition = (index: number) => ({ index, records: batch });
const produced = (index: number) => ({ index, errorCode: 0, baseOffset: 1e7, recordErrors: [] });
const wanted = (index: number) => ({
  partition: index,
  fetchOffset: 1e7,
  partitionMaxBytes: 1 << 20,
});
const fetched = (index: number) => ({
  partitionIndex: index,
  errorCode: 0,
  highWatermark: 1e7,
  lastStableOffset: 1e7,
  logStartOffset: 0,
  abortedTransactions: null,
  records: { logId: 1, segmentBaseOffset: 0, position: 0, lengthBytes: 65536 },
});
const described = (partitionIndex: number) => ({
  errorCode: 0,
  partitionIndex,
  leaderId: 1,
  leaderEpoch: 3,
  replicaNodes: [1, 2, 3],
  isrNodes: [1, 2, 3],
  offlineReplicas: [],
});
const committed = (partitionIndex: number) => ({
  partitionIndex,
  committedOffset: 1e7,
  committedMetadata: '',
});
const produceRequest = (count: number) => ({
  acks: -1,
  timeoutMs: 30_000,
  topicData: [{ name: 'orders', topicId: ZERO_UUID, partitionData: many(count, partition) }],
});
const produceResponse = (count: number) => ({
  responses: [{ name: 'orders', topicId: ZERO_UUID, partitionResponses: many(count, produced) }],
});
const fetchRequest = (count: number) => ({
  maxWaitMs: 500,
  minBytes: 1,
  topics: [{ topic: 'orders', topicId: TOPIC_ID, partitions: many(count, wanted) }],
  forgottenTopicsData: [],
});
const fetchResponse = (count: number) => ({
  errorCode: 0,
  responses: [{ topic: 'orders', topicId: TOPIC_ID, partitions: many(count, fetched) }],
});
const metadataResponse = {
  brokers: [{ nodeId: 1, host: 'broker-1.example.org', port: 9092 }],
  clusterId: 'bWlsbHJhY2UtcGVlcg0wAA',
  topics: many(10, (i) => ({
    errorCode: 0,
    name: `topic-${i}`,
    topicId: TOPIC_ID,
    partitions: many(4, described),
  })),
  errorCode: 0,
};
const metadataRequest = {
  topics: many(10, (i) => ({ topicId: ZERO_UUID, name: `topic-${i}` })),
  includeClusterAuthorizedOperations: false,
  includeTopicAuthorizedOperations: false,
};
const commit = {
  groupId: 'billing',
  memberId: 'billing-1-6f1c1f0e-52ac-4b35-9c3b-1a3a1dd2f4c4',
  topics: [{ name: 'orders', topicId: ZERO_UUID, partitions: many(16, committed) }],
};
const header = { apiKey: 0, apiVersion: 9, correlationId: 1, clientId: 'app-1' };
const heartbeat = { groupId: 'billing', generationId: 7, memberId: commit.memberId };

const cases: readonly Case[] = [
  {
    name: 'request header 2',
    encode: (writer) => encodeRequestHeader(writer, header),
    decode: decodeRequestHeader,
  },
  ...[1, 16].flatMap((count): Case[] => {
    const to = `, ${count} partitions`;
    return [
      messageCase(
        `Produce 9 request${to}`,
        produceRequest(count),
        9,
        encodeProduceRequest,
        decodeProduceRequest,
      ),
      messageCase(
        `Produce 9 response${to}`,
        produceResponse(count),
        9,
        encodeProduceResponse,
        decodeProduceResponse,
      ),
      messageCase(
        `Fetch 13 request${to}`,
        fetchRequest(count),
        13,
        encodeFetchRequest,
        decodeFetchRequest,
      ),
    ];
  }),
  messageCase(
    'Fetch 13 response, 16 file slices (encode only)',
    fetchResponse(16),
    13,
    encodeFetchResponse,
    () => undefined,
  ),
  messageCase(
    'Fetch 4 response, nothing new',
    { errorCode: 0, responses: [] },
    4,
    encodeFetchResponse,
    decodeFetchResponse,
  ),
  messageCase(
    'Metadata 12 request, 10 topics',
    metadataRequest,
    12,
    encodeMetadataRequest,
    decodeMetadataRequest,
  ),
  messageCase(
    'Metadata 12 response, 10 topics of 4 partitions',
    metadataResponse,
    12,
    encodeMetadataResponse,
    decodeMetadataResponse,
  ),
  messageCase(
    'OffsetCommit 8 request, 16 partitions',
    commit,
    8,
    encodeOffsetCommitRequest,
    decodeOffsetCommitRequest,
  ),
  messageCase('Heartbeat 4 request', heartbeat, 4, encodeHeartbeatRequest, decodeHeartbeatRequest),
];

interface Cost {
  readonly ns: number;
  /** Bytes allocated in the heap by one turn. */
  readonly heapBytes: number;
}

/** Keeps what a turn makes from being optimised away. */
let sink: unknown;

/**
 * The median round, in processor time: other processes on the machine take wall-clock time, not that.
 * Allocation is counted over few enough turns that no collection comes between.
 */
function measure(turn: () => unknown): Cost {
  let turns = 1000;
  for (let warm = 0; warm < 20; warm++) for (let i = 0; i < turns; i++) sink = turn();
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = process.cpuUsage();
    for (let i = 0; i < turns; i++) sink = turn();
    const { user, system } = process.cpuUsage(started);
    rounds.push(((user + system) * 1e3) / turns);
    turns = Math.max(1000, Math.round((turns * ROUND_MS * 1e3) / Math.max(user + system, 100)));
  }
  rounds.sort((a, b) => a - b);
  return { ns: rounds[ROUNDS >> 1] ?? 0, heapBytes: allocated(turn) };
}

function allocated(turn: () => unknown): number {
  const turns = 200;
  const samples: number[] = [];
  for (let sample = 0; sample < 9; sample++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < turns; i++) sink = turn();
    samples.push((process.memoryUsage().heapUsed - before) / turns);
  }
  samples.sort((a, b) => a - b);
  return sink === samples ? 0 : Math.max(0, samples[4] ?? 0);
}

function row(cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(50) : cell.padStart(12))).join('');
}

function run(filters: readonly string[]): void {
  const lines = [row(['message', 'wire bytes', 'encode ns', 'heap B', 'decode ns', 'heap B'])];
  for (const { name, encode, decode } of cases) {
    if (filters.length > 0 && !filters.some((filter) => name.includes(filter))) continue;
    const writer = new Writer(1 << 16);
    encode(writer);
    const wireBytes = writer.lengthBytes;
    const bytes = writer.position === wireBytes ? writer.finishBytes().slice() : new Uint8Array(0);
    const reader = new Reader();
    const encoded = measure(() => encode(writer.reset()));
    const decoded = measure(() => decode(reader.reset(bytes)));
    const cells = [encoded, decoded].flatMap(({ ns, heapBytes }) => [ns, heapBytes]);
    lines.push(row([name, String(wireBytes), ...cells.map((cell) => String(Math.round(cell)))]));
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

run(process.argv.slice(2));
