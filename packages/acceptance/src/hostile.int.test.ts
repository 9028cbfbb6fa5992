// Hostile input over real sockets against a broker in a process of its own (kafka-surface G).
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ZERO_UUID } from '@millrace/bytes';
import { compress } from '@millrace/compression';
import {
  createTopicsApi,
  fetchApi,
  incrementalAlterConfigsApi,
  metadataApi,
  produceApi,
} from '@millrace/protocol';
import { BatchBuilder, Codec } from '@millrace/records';
import { eventually, MillraceProcess, runSeed } from '@millrace/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { CLOSING_BYTES, ODD_BYTES } from '../hostile/bad-frames.ts';
import { batchOf, Canary, createTopic, fetchOf, produce, produceOf } from '../hostile/canary.ts';
import { idleCrowd } from '../hostile/crowds.ts';
import { fuzz } from '../hostile/fuzz.ts';
import { framed, header, lengthPrefix, Peer, requestOf } from '../hostile/peer.ts';
import { MIB, rssBytes } from '../hostile/process-facts.ts';

const WAIT_MS = 60_000;
const SONG_MS_MAX = 1_000;
/** Long enough for an honest frame on a busy machine. */
const FRAME_DEADLINE_MS = 3_000;
const PARTITIONS_MAX = 3_000;
/** What the heap may grow by before V8 finds it worth collecting. */
const SLACK_MIB = 96;
/** As small as may be: it must hold one frame of the largest size. */
const INBOUND_BUDGET_MIB = 100;
const LONG_POLL = { minBytes: 1 << 30, maxWaitMs: 120_000 };

let broker: MillraceProcess;
let canary: Canary;
let peers: Peer[] = [];

beforeAll(async () => {
  broker = await MillraceProcess.start({
    overrides: {
      'request.timeout.ms': String(FRAME_DEADLINE_MS),
      'millrace.max.partitions': String(PARTITIONS_MAX),
      'queued.max.request.bytes': String(INBOUND_BUDGET_MIB * MIB),
    },
  });
  canary = await Canary.open(broker.port, 'canary');
  for (let i = 0; i < 2; i++) await createTopic(await open(), `wide-${i}`, { partitions: 500 });
});

afterEach(() => {
  for (const peer of peers) peer.close();
  peers = [];
});

afterAll(async () => {
  canary?.close();
  const said = broker?.output ?? '';
  await broker?.stop();
  expect(said.split('\n').filter((line) => line.includes('ERROR'))).toEqual([]);
});

async function open(): Promise<Peer> {
  const peer = await Peer.open(broker.port);
  peers.push(peer);
  return peer;
}

async function crowd(count: number): Promise<Peer[]> {
  const some = await Peer.crowd(broker.port, count);
  peers.push(...some);
  return some;
}

/** The honest are not held up: half of some songs are short. A busy machine makes one or the other long. */
async function expectServed(songs = 5): Promise<void> {
  expect((await canary.sings(songs)).medianMs).toBeLessThan(SONG_MS_MAX);
}

async function expectCalm(): Promise<void> {
  for (const peer of peers) peer.close();
  await expectServed();
}

it.each(Object.entries(CLOSING_BYTES))('closes on %s', async (_what, make) => {
  const peer = await open();
  peer.send(make());
  await eventually('the connection is closed', WAIT_MS, () => peer.isClosed);
});

it.each(Object.entries(ODD_BYTES))('answers or closes on %s', async (_what, make) => {
  const peer = await open();
  peer.send(make());
  await peer.frame();
});

it('costs no memory and delays nobody, a thousand times over', async () => {
  const bad = Object.entries(CLOSING_BYTES).filter(([what]) => !what.startsWith('twenty million'));
  const before = rssBytes(broker.pid);
  for (let round = 0; round * bad.length < 1_000; round++) {
    await Promise.all(
      bad.map(async ([, make]) => {
        const peer = await Peer.open(broker.port);
        peer.send(make());
        await peer.closed();
      }),
    );
  }
  await expectCalm();
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(SLACK_MIB);
});

it('ends a frame that does not come, byte by byte or not at all', async () => {
  const [silent, slow, quiet] = [await open(), await open(), await open()];
  const start = framed(header(3, 1), lengthPrefix(-1)).subarray(0, 9);
  silent.send(start);
  for (const byte of start) {
    slow.send(Uint8Array.of(byte));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await eventually('both are closed', WAIT_MS, () => {
    slow.send(Uint8Array.of(0));
    return silent.isClosed && slow.isClosed;
  });
  expect(quiet.isClosed).toBe(false);
});

it('serves the honest among a thousand idle connections at the same pace', async () => {
  const report = await idleCrowd(broker, canary, 1_000);
  expect(report.bytesPerConnection).toBeLessThan(64 * 1024);
  expect(report.medianWithMs).toBeLessThan(Math.max(2 * report.medianBeforeMs, SONG_MS_MAX / 10));
});

it('takes memory for what arrives, not for what is declared', async () => {
  const before = rssBytes(broker.pid);
  const liars = await crowd(400);
  for (const liar of liars) {
    liar.send(Buffer.concat([lengthPrefix(100 * MIB), header(0, 8), Buffer.alloc(1_000)]));
  }
  await expectServed();
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(SLACK_MIB);
  await expectCalm();
});

it('stops reading above its budget, and an honest large request still ends', async () => {
  const before = rssBytes(broker.pid);
  const greedy = await crowd(24);
  const much = Buffer.concat([lengthPrefix(99 * MIB), header(0, 8), Buffer.alloc(8 * MIB)]);
  for (const one of greedy) one.send(much);
  const honest = await open();
  const record = batchOf(Buffer.alloc(900_000));
  expect(await produce(honest, 'canary', record)).toBe(0);
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(INBOUND_BUDGET_MIB + SLACK_MIB);
  await expectCalm();
});

it('asks nobody to wait for a peer that never reads', async () => {
  const before = rssBytes(broker.pid);
  const everything = framed(header(3, 1), lengthPrefix(-1));
  const deaf = await crowd(4);
  for (const peer of deaf) {
    peer.stopReading();
    peer.send(Buffer.concat(Array.from({ length: 20_000 }, () => everything)));
  }
  await expectServed(20);
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(4 * 24 + SLACK_MIB);
  await expectCalm();
});

it('holds frames behind a long poll, not their answers', async () => {
  const before = rssBytes(broker.pid);
  const peer = await open();
  peer.send(requestOf(fetchApi, 4, fetchOf('wide-0', 0, LONG_POLL)));
  const everything = framed(header(3, 1), lengthPrefix(-1));
  peer.send(Buffer.concat(Array.from({ length: 20_000 }, () => everything)));
  await expectServed(20);
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(SLACK_MIB);
  await expectCalm();
});

it('bounds long polls that name the same partition a hundred thousand times', async () => {
  const before = rssBytes(broker.pid);
  const targets = new Array<number>(100_000).fill(0);
  const poll = requestOf(fetchApi, 4, fetchOf('wide-0', 0, { ...LONG_POLL, targets }));
  for (const peer of await crowd(10)) {
    for (let i = 0; i < 2; i++) peer.send(poll);
  }
  await expectServed();
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(32 + 400);
  await expectCalm();
});

it('parks thousands of long polls without a word to the others', async () => {
  const poll = requestOf(fetchApi, 4, fetchOf('wide-0', 0, LONG_POLL));
  const flood = Buffer.concat(Array.from({ length: 500 }, () => poll));
  (await open()).send(flood);
  for (const peer of await crowd(2_000)) peer.send(poll);
  await expectServed(20);
  await expectCalm();
});

it('refuses topic names that are no names, and writes nothing for them', async () => {
  const peer = await open();
  const names = [
    '..',
    '.',
    '../../x',
    'a/b',
    'a\0b',
    'é',
    '',
    ' ',
    'x'.repeat(250),
    'a\nb',
    ['$', '{x}'].join(''),
  ];
  const response = await peer.call(createTopicsApi, 5, {
    topics: names.map((name) => newTopic(name)),
    timeoutMs: 5_000,
    validateOnly: false,
  });
  expect(response.topics.map(({ errorCode }) => errorCode)).toEqual(names.map(() => 17));
  const found = await peer.call(metadataApi, 4, {
    topics: names.map((name) => ({ name, topicId: ZERO_UUID })),
    allowAutoTopicCreation: true,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  });
  expect(found.topics.map(({ errorCode }) => errorCode)).toEqual(names.map(() => 17));
  const known = /^(canary|wide-\d|__consumer_offsets)-\d+$/;
  const strange = readdirSync(broker.dataFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !known.test(entry.name))
    .map(({ name }) => name);
  expect(strange).toEqual([]);
  expect(existsSync(path.join(broker.dataFolder, '..', 'x-0'))).toBe(false);
});

it('takes names that look like paths and are none', async () => {
  const peer = await open();
  for (const name of ['.hidden', '...', '-rf', '_', '..a-0', 'x'.repeat(249)]) {
    await createTopic(peer, name);
    expect(await produce(peer, name, batchOf(Buffer.from(name)))).toBe(0);
  }
});

it('refuses more partitions than it may hold', async () => {
  const peer = await open();
  for (const numPartitions of [PARTITIONS_MAX, 1_000_000, 2 ** 31 - 1, 0, -2]) {
    const response = await peer.call(createTopicsApi, 5, {
      topics: [{ ...newTopic('huge'), numPartitions }],
      timeoutMs: 5_000,
      validateOnly: false,
    });
    expect([37, 44]).toContain(response.topics[0]?.errorCode);
  }
  await expectCalm();
});

it('takes config values as data and start-up keys not at all', async () => {
  const peer = await open();
  const alter = async (resourceType: number, resourceName: string, name: string, value: string) => {
    const configs = [{ name, configOperation: 0, value }];
    const response = await peer.call(incrementalAlterConfigsApi, 1, {
      resources: [{ resourceType, resourceName, configs }],
      validateOnly: false,
    });
    return response.responses[0]?.errorCode ?? 0;
  };
  expect(await alter(4, '', 'log.dirs', '/tmp/elsewhere')).not.toBe(0);
  expect(await alter(4, '0', 'listeners', 'PLAINTEXT://0.0.0.0:1')).not.toBe(0);
  expect(await alter(2, 'canary', 'retention.ms', '1\nlog.dirs=/tmp/elsewhere')).not.toBe(0);
  expect(await alter(2, 'canary', 'retention.ms', ['$', '{env:HOME}'].join(''))).not.toBe(0);
  expect(await alter(2, 'canary', 'no.such.key', '1')).not.toBe(0);
});

it.each([
  ['compression.type', 'gzip'],
  ['cleanup.policy', 'compact'],
])('inflates no bomb beyond its bound with %s=%s', async (key, value) => {
  const peer = await open();
  const topic = `bomb-${value}`;
  await createTopic(peer, topic, { configs: { [key]: value } });
  const before = rssBytes(broker.pid);
  for (const codec of [Codec.zstd, Codec.lz4, Codec.snappy]) {
    expect(await produce(peer, topic, bomb(codec, 90 * MIB))).not.toBe(0);
  }
  expect(await produce(peer, topic, batchOf(Buffer.from('fine'), Buffer.from('key')))).toBe(0);
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(400);
  await expectCalm();
});

it('stores a bomb as it is where nothing must be looked at', async () => {
  const before = rssBytes(broker.pid);
  expect(await produce(await open(), 'canary', bomb(Codec.zstd, 90 * MIB))).toBe(0);
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(SLACK_MIB);
});

it('closes after a failed produce that wanted no answer', async () => {
  const peer = await open();
  peer.send(requestOf(produceApi, 8, produceOf('nobody', batchOf(Buffer.from('x')), 0)));
  await eventually('the connection is closed', WAIT_MS, () => peer.isClosed);
});

it('outlives mutated requests', async () => {
  const before = rssBytes(broker.pid);
  const seed = runSeed();
  await fuzz({ port: broker.port, canary, seed, frameCount: 10_000 });
  expect((rssBytes(broker.pid) - before) / MIB, `seed ${seed}`).toBeLessThan(SLACK_MIB);
});

function newTopic(name: string) {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
}

/** A batch of some kilobytes that inflates to `bytes` zeros. */
function bomb(codec: Codec, bytes: number): Uint8Array {
  const builder = new BatchBuilder();
  const timestampMs = 1_700_000_000_000;
  builder.append({ timestampMs, key: Buffer.from('k'), value: new Uint8Array(bytes) });
  return builder.build({}, codec, compress);
}
