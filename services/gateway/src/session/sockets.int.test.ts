import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Admin, Consumer, type ConsumerRecord, Producer } from '@millrace/client';
import {
  CloseCode,
  decodeResumeToken,
  ErrorCode,
  type FilterTree,
  filterToNodes,
  PackedRecordsReader,
  type Records,
  StartKind,
} from '@millrace/gateway-protocol';
import {
  eventually,
  FrameClient,
  startTestBroker,
  type TempFolder,
  type TestBroker,
  tempFolder,
} from '@millrace/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { AUDIENCE, ISSUER, type TokenMaker, tokenMaker } from '../auth/testing/tokens.ts';
import type { RunningGateway } from '../gateway.ts';
import { gatewayOver } from './testing/gateway-over.ts';

const ASKED_OF_EACH = 1000;
/** As many subscriptions as one connection may ask for at once, and some room; of so many connections. */
const AT_ONCE = 40;
const ASKING = 5;
/** Ways that an end races with data: each has its turn twice. */
const RACES = 24;
const ALL = { v: 1, read: [{ topic: '*' }], write: [{ topic: '*' }] };

let broker: TestBroker;
let gateway: RunningGateway;
let maker: TokenMaker;
let folder: TempFolder;
let producer: Producer;
/** What becomes of a client that says nothing: it lasts while the other tests run. */
let silence: ReturnType<typeof endOfSilence>;

beforeAll(async () => {
  folder = tempFolder('sockets');
  broker = await startTestBroker();
  maker = await tokenMaker();
  const keys = path.join(folder.path, 'keys.json');
  writeFileSync(keys, JSON.stringify({ keys: [maker.publicKey] }));
  gateway = await gatewayOver(broker.bootstrap, [
    'gateway.auth.mode=jwt',
    `gateway.auth.keys=${keys}`,
    `gateway.auth.issuer=${ISSUER}`,
    `gateway.auth.audience=${AUDIENCE}`,
    'gateway.requests.per.second=100000',
    'gateway.handshakes.per.address=1000',
  ]);
  const admin = new Admin({ bootstrapServers: broker.bootstrap });
  const names = ['filtered', 'hidden', 'raced', 'published'];
  await admin.createTopics(names.map((name) => ({ name, partitionCount: 1 })));
  admin.close();
  producer = new Producer({ bootstrapServers: broker.bootstrap });
  silence = endOfSilence();
});

afterAll(async () => {
  producer?.abort();
  await gateway?.close();
  await broker?.stop();
  folder?.remove();
});

async function endOfSilence() {
  const atMs = performance.now();
  const client = await FrameClient.open(gateway.port);
  const code = await client.closed();
  const error = (client.frames[0] as { readonly code?: number } | undefined)?.code;
  return { code, error, afterMs: performance.now() - atMs };
}

/** A token that counts from now on for so long. */
function sign(mr: unknown, seconds = 300): Promise<string> {
  const nowS = Math.floor(Date.now() / 1000);
  return maker.sign({ mr, iat: nowS, exp: nowS + seconds });
}

async function welcomed(mr: unknown = ALL): Promise<FrameClient> {
  const client = await FrameClient.open(gateway.port);
  client.send({ kind: 'hello', caps: 31, token: await sign(mr), credit: 16 << 20 });
  await client.take('welcome');
  return client;
}

function offsetsIn(frame: Records): number[] {
  const reader = new PackedRecordsReader(frame.payload ?? new Uint8Array(0), {
    count: frame.count,
    fromOffset: Number(frame.fromOffset),
    nextOffset: Number(frame.nextOffset),
    baseTimestamp: Number(frame.baseTimestamp),
  });
  const offsets: number[] = [];
  while (reader.next()) offsets.push(reader.offset);
  return offsets;
}

describe('filters', () => {
  const KEYS = ['a1', 'a2', 'b1', 'b2', null, 'c'];
  const HEADERS = [['h', 'x'], ['h', 'y'], ['h', 'xy'], ['g', 'x'], [], ['h', 'x']] as const;

  beforeAll(async () => {
    for (const [at, key] of KEYS.entries()) {
      const [name, value] = HEADERS[at] ?? [];
      const headers = name === undefined ? [] : [{ key: name, value: Buffer.from(value ?? '') }];
      const record = { topic: 'filtered', partition: 0, key, value: 'v', headers };
      await producer.send(record);
    }
  });

  /** Offsets that a client with this right and filter gets of the whole topic. */
  async function passed(filter: FilterTree | null, right: object = {}): Promise<number[]> {
    const client = await welcomed({ v: 1, read: [{ topic: 'filtered', ...right }] });
    const fields = { topic: 'filtered', start: StartKind.EARLIEST };
    const nodes = filter === null ? [] : filterToNodes(filter);
    client.send({ kind: 'subscribe', req: 1, sub: 1, ...fields, filter: nodes });
    await client.take('caughtUp');
    const records = client.frames.filter((frame) => frame.kind === 'records') as Records[];
    client.socket.close();
    return records.flatMap(offsetsIn);
  }

  test.each<[string, FilterTree, number[]]>([
    ['KEY_EQ', { key: { eq: 'a1' } }, [0]],
    ['KEY_IN', { key: { in: ['a2', 'c', 'none'] } }, [1, 5]],
    ['KEY_PREFIX', { key: { prefix: 'b' } }, [2, 3]],
    ['KEY_NULL', { key: null }, [4]],
    ['HEADER_EQ', { header: { name: 'h', eq: 'x' } }, [0, 5]],
    ['HEADER_IN', { header: { name: 'h', in: ['y', 'xy'] } }, [1, 2]],
    ['HEADER_PREFIX', { header: { name: 'h', prefix: 'x' } }, [0, 2, 5]],
    ['HEADER_EXISTS', { header: { name: 'g', exists: true } }, [3]],
    ['AND', { and: [{ key: { prefix: 'a' } }, { header: { name: 'h', eq: 'y' } }] }, [1]],
    ['OR', { or: [{ key: null }, { key: { eq: 'c' } }] }, [4, 5]],
    ['NOT', { not: { key: { prefix: 'a' } } }, [2, 3, 4, 5]],
  ])('C26: %s', async (_, filter, offsets) => {
    expect(await passed(filter)).toEqual(offsets);
  });

  test('C28: a filter cannot widen what the grant passes', async () => {
    const right = { key: 'a*', header: { name: 'h', value: 'x' } };
    expect(await passed(null, right)).toEqual([0]);
    const wide: FilterTree = { or: [{ key: { prefix: 'b' } }, { not: { key: { eq: 'b1' } } }] };
    expect(await passed(wide, right)).toEqual([0]);
    expect(await passed({ key: { eq: 'b1' } }, right)).toEqual([]);
  });
});

test('C42: a grant that has just expired ends its subscription with 109, and nothing else', async () => {
  const client = await welcomed({ v: 1, read: [{ topic: 'filtered' }] });
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 'filtered' });
  await client.take('subscribed');
  // It is still taken for the difference of clocks, of which these seconds are left: more when that was too few for a
  // busy machine.
  let taken = 0;
  for (const leftS of [3, 6, 12, 24, 48]) {
    const id = 1 + leftS;
    const grant = await sign({ v: 1, read: [{ topic: 'hidden' }] }, leftS - 60);
    client.send({ kind: 'subscribe', req: id, sub: id, topic: 'hidden', grant });
    const answer = await eventually('an answer', 60_000, () =>
      client.frames.find(({ kind }) => kind === 'subscribed' || kind === 'error'),
    );
    client.frames.splice(client.frames.indexOf(answer), 1);
    if (answer.kind === 'error') continue;
    taken = id;
    break;
  }
  const { sub, code } = await client.take('unsubscribed');
  expect({ sub, code }).toEqual({ sub: taken, code: ErrorCode.TOKEN_EXPIRED });
  client.send({ kind: 'ping', nonce: 1 });
  await client.take('pong');
  expect(client.closeCode).toBeNull();
});

test(`C43: ${ASKED_OF_EACH} unknown and ${ASKED_OF_EACH} forbidden topics: same words, same time`, async () => {
  const times = { 'mine-none': [] as number[], hidden: [] as number[] };
  const said = new Set<string>();
  const ask = async () => {
    const client = await welcomed({ v: 1, read: [{ topic: 'mine*' }] });
    for (let asked = 0; asked < (2 * ASKED_OF_EACH) / ASKING; asked += AT_ONCE) {
      const atMs = new Map<number, number>();
      for (let i = 1; i <= AT_ONCE; i++) {
        const req = asked + i;
        atMs.set(req, performance.now());
        const topic = req % 2 === 0 ? 'mine-none' : 'hidden';
        client.send({ kind: 'subscribe', req, sub: req, topic });
      }
      while (atMs.size > 0) {
        const { id, code, message, retryable } = await client.take('error');
        const topic = id % 2 === 0 ? 'mine-none' : 'hidden';
        times[topic].push(performance.now() - (atMs.get(id) ?? Number.NaN));
        said.add(`${code} ${message} ${retryable}`);
        atMs.delete(id);
      }
    }
  };
  await Promise.all(Array.from({ length: ASKING }, ask));
  expect(times.hidden).toHaveLength(ASKED_OF_EACH);
  expect([...said]).toEqual([
    `${ErrorCode.FORBIDDEN} Not allowed, or there is no such topic. false`,
  ]);
  const mean = (list: readonly number[]): number =>
    list.reduce((sum, each) => sum + each, 0) / list.length;
  const ratio = mean(times['mine-none']) / mean(times.hidden);
  expect(ratio).toBeGreaterThan(0.9);
  expect(ratio).toBeLessThan(1.1);
});

test('C34: whatever races with data, nothing follows Unsubscribed, and its token is what was sent', async () => {
  const client = await welcomed();
  let isOver = false;
  const load = (async () => {
    while (!isOver) {
      const value = Buffer.alloc(500);
      const sends = Array.from({ length: 50 }, () => producer.send({ topic: 'raced', value }));
      await Promise.all(sends);
    }
  })();
  onTestFinished(() => {
    isOver = true;
    return load;
  });
  for (let sub = 1; sub <= RACES; sub++) {
    const start = StartKind.EARLIEST;
    client.send({ kind: 'subscribe', req: sub, sub, topic: 'raced', start, credit: 1 << 16 });
    const [stream] = (await client.take('subscribed')).streams;
    const first =
      sub % 3 === 0
        ? null
        : await client.take('records', (frame) => frame.stream === stream?.stream);
    if (sub % 2 === 0) client.send({ kind: 'pause', sub });
    if (sub % 4 === 0) client.send({ kind: 'resume', sub });
    client.send({ kind: 'unsubscribe', req: 1000 + sub, sub });
    await eventually('it is unsubscribed', 30_000, () =>
      client.frames.some((frame) => frame.kind === 'unsubscribed' || client.closeCode !== null),
    );
    const at = client.frames.findIndex((frame) => frame.kind === 'unsubscribed');
    const { resume } = await client.take('unsubscribed');
    // The answer to this comes behind whatever was sent before.
    client.send({ kind: 'unsubscribe', req: 2000 + sub, sub: 9999 });
    await client.take('error', ({ id }) => id === 2000 + sub);
    const moved = client.frames.flatMap((frame, place) => {
      if (frame.kind === 'records') return [{ place, to: frame.nextOffset }];
      return frame.kind === 'progress' ? [{ place, to: frame.streams[0]?.offset ?? -1n }] : [];
    });
    expect(moved.every(({ place }) => place < at)).toBe(true);
    // On a busy machine it may end before its start was found; then nothing was sent, and there is no token.
    const position = resume === null ? undefined : decodeResumeToken(resume).positions[0];
    const last = moved.at(-1)?.to ?? first?.nextOffset;
    if (last !== undefined) expect(position?.offset).toBe(last);
    client.frames.length = 0;
  }
});

test('C35: what a Kafka consumer reads is what was published', async () => {
  const client = await welcomed();
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const publish = { topic: 'published', partition: 0 };
  const headers = [
    { name: 'kept', value: bytes('yes') },
    { name: 'x-gw-principal', value: bytes('somebody') },
    { name: 'cookie', value: bytes('no') },
    { name: 'empty', value: null },
  ];
  client.send({
    kind: 'publish',
    seq: 1n,
    ...publish,
    key: bytes('k'),
    value: bytes('v'),
    headers,
  });
  client.send({ kind: 'publish', seq: 2n, ...publish, key: null, value: null, timestampMs: 77n });
  client.send({ kind: 'publish', seq: 3n, ...publish, key: bytes(''), value: bytes('') });
  for (const seq of [1n, 2n, 3n])
    expect(await client.take('pubResult')).toMatchObject({ seq, code: 0 });
  const consumer = new Consumer({
    bootstrapServers: broker.bootstrap,
    autoOffsetReset: 'earliest',
  });
  const seen: ConsumerRecord[] = [];
  consumer.assign([{ topic: 'published', partitions: [0] }]);
  for await (const record of consumer) {
    seen.push(record);
    if (seen.length === 3) break;
  }
  await consumer.close();
  const text = (part: Uint8Array | null) => (part === null ? null : Buffer.from(part).toString());
  expect(seen.map(({ offset, key, value }) => [offset, text(key), text(value)])).toEqual([
    [0, 'k', 'v'],
    [1, null, null],
    [2, '', ''],
  ]);
  expect(seen[1]?.timestampMs).toBe(77);
  expect(seen[0]?.headers.map(({ key, value }) => [key, text(value)])).toEqual([
    ['kept', 'yes'],
    ['empty', null],
    ['x-gw-principal', 'ann'],
  ]);
});

test('C03: who says nothing is closed with 4502, not before five seconds', async () => {
  const { code, afterMs, error } = await silence;
  expect([code, error]).toEqual([CloseCode.HELLO_TIMEOUT, ErrorCode.BAD_REQUEST]);
  expect(afterMs).toBeGreaterThan(4500);
});
