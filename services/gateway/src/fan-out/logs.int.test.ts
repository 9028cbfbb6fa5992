import { createLogger, systemClock } from '@millrace/base';
import { Admin, Producer } from '@millrace/client';
import { GapReason, Isolation, Policy } from '@millrace/gateway-protocol';
import { eventually, MillraceProcess } from '@millrace/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KafkaUpstream, type UpstreamTopic } from '../upstream.ts';
import type { Cursor } from './contract.ts';
import { Bench } from './testing/bench.ts';
import type { Reader } from './testing/reader.ts';

/** Fan-out over a broker whose retention and cleaner work all the time. */
const WAIT_MS = 60_000;
/** A resource type of Kafka's configs. */
const TOPIC = 2;

let broker: MillraceProcess;
let admin: Admin;
let producer: Producer;
let upstream: KafkaUpstream;

beforeAll(async () => {
  broker = await MillraceProcess.start({
    overrides: {
      'log.retention.check.interval.ms': '100',
      'log.cleaner.backoff.ms': '100',
      'log.segment.delete.delay.ms': '0',
    },
  });
  const client = { bootstrapServers: broker.bootstrap, requestTimeoutMs: 10_000 };
  admin = new Admin(client);
  producer = new Producer({ ...client, lingerMs: 1 });
  upstream = await KafkaUpstream.open({ client, clock: systemClock, coldReadBytes: 100_000 });
});

afterAll(async () => {
  await upstream?.close();
  await producer?.close();
  admin?.close();
  await broker?.stop();
});

async function topicOf(name: string, configs: Record<string, string>): Promise<UpstreamTopic> {
  await admin.createTopics([{ name, partitionCount: 1, configs }]);
  return eventually('the topic has a leader', WAIT_MS, async () => {
    const found = await upstream.lookUp(name);
    return found?.partitions[0]?.hasLeader === true ? found : undefined;
  });
}

async function send(topic: string, records: readonly { key: string; value: string | null }[]) {
  await Promise.all(records.map((record) => producer.send({ topic, partition: 0, ...record })));
}

function bench(): Bench {
  const log = createLogger({ level: 'error' });
  return new Bench({ ringPartitionBytes: 65_536 }, { source: upstream, clock: systemClock, log });
}

function options({ name, topicIdText }: UpstreamTopic) {
  return { topic: name, topicId: topicIdText, isolation: Isolation.COMMITTED };
}

function mapOf(records: readonly { readonly key: string | null; readonly value: string | null }[]) {
  const map = new Map<string, string>();
  for (const { key, value } of records) {
    if (value === null) map.delete(key ?? '');
    else map.set(key ?? '', value);
  }
  return map;
}

/** Answers each gap that a stream is told of, until it stands at `end`. */
async function goOn(reader: Reader, cursor: Cursor, end: number): Promise<void> {
  const stream = reader.stream(cursor.streamId);
  let answered = 0;
  await eventually('it is at the end', WAIT_MS, () => {
    for (; answered < reader.outcomes.length; answered++) {
      const outcome = reader.outcomes[answered];
      if (outcome?.kind !== 'GAP') throw new Error(`an unexpected ${outcome?.kind}`);
      reader.gap(cursor, outcome.lostFrom, outcome.lostTo, GapReason.RETENTION);
      cursor.continueAt(outcome.lostTo, -1);
    }
    return stream.position === end;
  });
}

test.each([
  ['size', 'retention.bytes', '60000'],
  ['time', 'retention.ms', '100'],
])(
  'C12: retention by %s passes a paused cursor: an exact gap when it goes on',
  async (cause, config, value) => {
    const kept = { 'retention.bytes': '-1', 'retention.ms': '-1' };
    const topic = await topicOf(`retention-${cause}`, { 'segment.bytes': '20000', ...kept });
    const fanOut = bench();
    const reader = fanOut.connect();
    const cursor = fanOut.attach(reader, options(topic));
    const stream = reader.stream(cursor.streamId);
    const record = { key: 'k', value: 'x'.repeat(1000) };
    await send(topic.name, [record]);
    await eventually('the first record is there', WAIT_MS, () => stream.position === 1);
    cursor.pause();
    for (let i = 0; i < 300; i += 50) await send(topic.name, Array(50).fill(record));
    await admin.alterConfigs(TOPIC, topic.name, { [config]: value });
    await eventually('the log start has passed it', WAIT_MS, async () => {
      const { logStart } = await upstream.bounds(topic.name, 0, Isolation.COMMITTED);
      return logStart > 100;
    });
    await admin.alterConfigs(TOPIC, topic.name, { [config]: '-1' });
    cursor.resume();
    await send(topic.name, [record]);
    await goOn(reader, cursor, 302);
    const [gap] = stream.gaps;
    expect(gap?.from).toBe(1);
    expect(gap?.to).toBeGreaterThan(100);
    const lost = stream.gaps.reduce((sum, { from, to }) => sum + to - from, 0);
    expect(stream.records.length + lost).toBe(302);
    fanOut.close();
  },
);

test('C30, C31: a compacted log of a broker: snapshot, later CaughtUp and conflation are its latest map', async () => {
  const topic = await topicOf('compacted', {
    'cleanup.policy': 'compact',
    'segment.bytes': '20000',
    'min.cleanable.dirty.ratio': '0.01',
  });
  expect(await upstream.isCompacted(topic.name)).toBe(true);
  const written: { key: string; value: string | null }[] = [];
  const write = async (count: number) => {
    const more = Array.from({ length: count }, (_, i) => {
      const at = written.length + i;
      return { key: `k${at % 20}`, value: at % 37 === 0 ? null : `${at}`.padEnd(500) };
    });
    written.push(...more);
    await send(topic.name, more);
  };
  for (let i = 0; i < 6; i++) await write(100);
  const fanOut = bench();
  // A plain reader from the beginning sees the holes when the cleaner has been there.
  await eventually('the cleaner was there', WAIT_MS, async () => {
    const probe = fanOut.connect();
    const cursor = fanOut.attach(probe, options(topic));
    const seen = probe.stream(cursor.streamId);
    await eventually('the probe is at the end', WAIT_MS, () => seen.position === written.length);
    cursor.detach();
    return seen.records.length < written.length / 2;
  });
  const reader = fanOut.connect();
  const cursor = fanOut.attach(reader, { ...options(topic), snapshot: true });
  const merged = fanOut.connect();
  const mergedCursor = fanOut.attach(merged, { ...options(topic), policy: Policy.CONFLATE_KEY });
  const [stream, latest] = [reader.stream(cursor.streamId), merged.stream(mergedCursor.streamId)];
  await eventually('CaughtUp', WAIT_MS, () => stream.caughtUp.length === 1);
  expect(mapOf(stream.records)).toEqual(mapOf(written));
  await eventually('both at the end', WAIT_MS, () => latest.position === written.length);
  const live = fanOut.connect();
  const liveCursor = fanOut.attach(live, { ...options(topic), startOffset: written.length });
  cursor.pause();
  mergedCursor.pause();
  for (let i = 0; i < 5; i++) await write(100);
  // What the gateway has read by now is the end that CaughtUp speaks of.
  const { streamId } = liveCursor;
  await eventually('all is read', WAIT_MS, () => live.stream(streamId).position === written.length);
  cursor.resume();
  mergedCursor.resume();
  await eventually('CaughtUp again', WAIT_MS, () => stream.caughtUp.length === 2);
  expect(mapOf(stream.records)).toEqual(mapOf(written));
  await eventually('the conflated one too', WAIT_MS, () => latest.position === written.length);
  expect(mapOf(latest.records)).toEqual(mapOf(written));
  fanOut.close();
});
