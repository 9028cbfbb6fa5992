import type { Frame, FrameOf } from './frames.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);
const id = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

/** One frame of each kind that a client sends, with every field at a value of its own. */
export const clientSamples: readonly Frame[] = [
  {
    kind: 'hello',
    protocol: 1,
    token: 'a.b.c',
    client: 'page é',
    caps: 95,
    codecs: [1, 2],
    credit: 65536,
    producerSession: id,
  },
  { kind: 'auth', req: 3, token: 'd.e.f' },
  {
    kind: 'subscribe',
    req: 4,
    sub: 5,
    lane: 1,
    topic: 'orders',
    topicId: id,
    partitions: [0, 2],
    start: 2,
    offsets: [
      { offset: 104n, partition: 0, epoch: 4 },
      { offset: 9007199254740993n, partition: 2, epoch: -1 },
    ],
    timestampMs: 1700000000000n,
    lastN: 10,
    name: 'mine',
    resume: bytes(1, 2, 3),
    onGap: 1,
    onDiverged: 0,
    onRecreated: 1,
    filter: [
      { op: 1, arity: 0, name: null, values: [bytes(97), bytes(98, 99)] },
      { op: 7, arity: 0, name: 'kind', values: [] },
      { op: 8, arity: 2, name: null, values: [] },
    ],
    projection: 7,
    isolation: 1,
    policy: 2,
    maxRate: 100,
    maxWaitMs: 20,
    maxLagMs: 1000,
    credit: 4096,
    grant: 'g.h.i',
  },
  { kind: 'credit', sub: 5, add: 1000 },
  { kind: 'pause', sub: 5 },
  { kind: 'resume', sub: 5 },
  { kind: 'unsubscribe', req: 6, sub: 5 },
  {
    kind: 'commit',
    req: 7,
    sub: 5,
    name: 'mine',
    offsets: [{ offset: 5n, partition: 1, epoch: 2 }],
  },
  {
    kind: 'publish',
    seq: 8n,
    topic: 'orders',
    partition: 1,
    acks: 1,
    retry: true,
    onUnknown: 1,
    timestampMs: 1700000000001n,
    key: bytes(107),
    value: bytes(1, 2, 3, 4, 5),
    headers: [
      { name: 'h', value: bytes(1) },
      { name: 'empty', value: null },
    ],
  },
  {
    kind: 'publishBatch',
    firstSeq: 9n,
    topic: 'orders',
    partition: 1,
    acks: 1,
    retry: true,
    onUnknown: 1,
    baseTimestampMs: 1700000000002n,
    count: 1,
    payload: new Uint8Array(20),
  },
  { kind: 'ping', nonce: 10, sentMs: 1700000000003n },
  { kind: 'pong', nonce: 11, sentMs: 1700000000004n, receivedMs: 1700000000005n },
];

/** A sample by kind. */
export function clientSample<K extends Frame['kind']>(kind: K): FrameOf<K> {
  const frame = clientSamples.find((candidate) => candidate.kind === kind);
  if (frame === undefined) throw new Error(`no sample of ${kind}`);
  return frame as FrameOf<K>;
}
