import {
  Acks,
  CloseCode,
  ErrorCode,
  type FrameFields,
  OnUnknown,
  PackedRecordsWriter,
} from '@millrace/gateway-protocol';
import { describe, expect, test } from 'vitest';
import { type RigClient, SessionRig, type TestToken } from '../session/testing/session-rig.ts';
import { UpstreamError } from '../upstream-error.ts';

type Fields = Partial<FrameFields<'publish'>>;

const session = new Uint8Array(16).fill(5);
const bytes = (text: string) => Buffer.from(text);

async function bench(overrides: string[] = [], hello: { as?: TestToken; isText?: boolean } = {}) {
  const rig = new SessionRig(overrides);
  rig.upstream.create('t', 2);
  const client = await rig.welcomed(hello);
  return { rig, client };
}

function publish(client: RigClient, seq: number, fields: Fields = {}): void {
  client.send({ kind: 'publish', seq: BigInt(seq), topic: 't', partition: 0, ...fields });
}

function batchOf(values: readonly (string | null)[], key: string | null = null): Uint8Array {
  const writer = new PackedRecordsWriter(1000);
  const keyBytes = key === null ? null : bytes(key);
  values.forEach((value, at) => {
    writer.append(at, 1000 + at, keyBytes, value === null ? null : bytes(value), []);
  });
  return writer.finish();
}

describe.each([false, true])('C35: publishing (JSON: %s)', (isText) => {
  test('appends in order, with null key and value, and answers with offsets', async () => {
    const { rig, client } = await bench([], { isText });
    publish(client, 1, { key: bytes('k'), value: bytes('one') });
    publish(client, 2, { key: null, value: null, timestampMs: 77n });
    publish(client, 3, { key: bytes(''), value: bytes('') });
    await rig.settle();
    const results = [1, 2, 3].map(() => client.take('pubResult'));
    expect(results.map(({ seq, baseOffset, code }) => [seq, baseOffset, code])).toEqual([
      [1n, 0n, 0],
      [2n, 1n, 0],
      [3n, 2n, 0],
    ]);
    const [first, second, third] = rig.upstream.sent;
    expect(first).toMatchObject({ acks: 'all', timestampMs: rig.clock.nowMs() - 1 });
    expect(Buffer.from(first?.value ?? []).toString()).toBe('one');
    expect(second).toMatchObject({ key: null, value: null, timestampMs: 77 });
    expect([third?.key?.length, third?.value?.length]).toEqual([0, 0]);
  });

  test('strips headers of ours and of HTTP, and says who published', async () => {
    const { rig, client } = await bench([], { isText });
    const names = ['a', 'x-gw-principal', 'X-GW-x', '__p', 'Cookie', 'authorization', 'cookies'];
    const headers = names.map((name) => ({ name, value: bytes(name) }));
    publish(client, 1, { headers });
    await rig.settle();
    const sent = rig.upstream.sent[0]?.headers ?? [];
    expect(sent.map(({ key, value }) => [key, Buffer.from(value ?? []).toString()])).toEqual([
      ['a', 'a'],
      ['cookies', 'cookies'],
      ['x-gw-principal', 'ann'],
    ]);
  });

  test('says tenant and subject so that no two principals share a stamp', async () => {
    const rig = new SessionRig([]);
    rig.upstream.create('t');
    const mr = { v: 1, write: [{ topic: '*' }] };
    const principals = [
      { sub: 'a/b', mr },
      { sub: 'b', mr: { ...mr, tenant: 'a' } },
      { sub: 'a%2Fb', mr },
    ];
    for (const as of principals) {
      const client = await rig.welcomed({ as, isText });
      publish(client, 1, {});
      await rig.settle();
    }
    const stamps = rig.upstream.sent.map(({ headers }) => headers[0]?.value ?? []);
    expect(stamps.map((value) => Buffer.from(value).toString())).toEqual([
      'a%2Fb',
      'a/b',
      'a%252Fb',
    ]);
  });

  test('a time that no log can hold is 134, and nothing is appended', async () => {
    const { rig, client } = await bench([], { isText });
    publish(client, 1, { timestampMs: 2n ** 53n });
    publish(client, 2, { timestampMs: 2n ** 60n });
    const writer = new PackedRecordsWriter(5);
    writer.append(0, 0, null, bytes('five before the base'), []);
    const batch = { kind: 'publishBatch', topic: 't', count: 1, baseTimestampMs: 0n } as const;
    client.send({ ...batch, firstSeq: 3n, partition: 0, payload: writer.finish() });
    publish(client, 4, { timestampMs: 2n ** 53n - 1n });
    await rig.settle();
    const results = [1, 2, 3, 4].map(() => client.take('pubResult'));
    const { INVALID_RECORD } = ErrorCode;
    expect(results.map(({ code }) => code)).toEqual([...[1, 2, 3].map(() => INVALID_RECORD), 0]);
    expect(rig.upstream.sent).toHaveLength(1);
  });

  test('a batch goes to one partition and has one result', async () => {
    const { rig, client } = await bench([], { isText });
    const payload = batchOf(['a', null, 'c'], 'k');
    const batch = { kind: 'publishBatch', topic: 't', count: 3, baseTimestampMs: 1000n } as const;
    client.send({ ...batch, firstSeq: 1n, partition: 1, payload });
    await rig.settle();
    expect(client.take('pubResult')).toMatchObject({ seq: 1n, count: 3, code: 0, partition: 1 });
    expect(rig.upstream.sent.map(({ partition }) => partition)).toEqual([1, 1, 1]);
    expect(rig.upstream.sent.map(({ timestampMs }) => timestampMs)).toEqual([1000, 1001, 1002]);
    // Keys choose partitions one by one, so they do not go with "any partition".
    client.send({ ...batch, firstSeq: 4n, partition: -1, payload });
    client.send({ ...batch, firstSeq: 7n, partition: -1, payload: batchOf(['a', 'b', 'c']) });
    await rig.settle();
    expect(client.take('pubResult')).toMatchObject({ seq: 4n, code: ErrorCode.BAD_REQUEST });
    expect(client.take('pubResult')).toMatchObject({ seq: 7n, count: 3, code: 0 });
  });
});

test('what follows a batch for any partition stays behind it', async () => {
  const { rig, client } = await bench();
  const payload = batchOf(['first', 'second']);
  client.send(
    { kind: 'publishBatch', firstSeq: 1n, topic: 't', partition: -1, count: 2, payload },
    { kind: 'publish', seq: 3n, topic: 't', partition: 0, value: bytes('third') },
    { kind: 'publish', seq: 4n, topic: 't', partition: 1, value: bytes('fourth') },
  );
  await rig.settle();
  const values = rig.upstream.sent.map(({ value }) => Buffer.from(value ?? []).toString());
  expect(values).toEqual(['first', 'second', 'third', 'fourth']);
});

test('a sequence number beyond 2^53 is 107, as it came', async () => {
  const { rig, client } = await bench();
  client.send({ kind: 'publish', seq: 2n ** 60n + 1n, topic: 't' });
  await rig.settle();
  const result = { seq: 2n ** 60n + 1n, code: ErrorCode.BAD_REQUEST };
  expect(client.take('pubResult')).toMatchObject(result);
  expect(rig.upstream.sent).toHaveLength(0);
});

test('a damaged batch is 107 and nothing is appended', async () => {
  const { rig, client } = await bench();
  const payload = batchOf(['a', 'b']).slice(0, -1);
  client.send({ kind: 'publishBatch', firstSeq: 1n, topic: 't', partition: 0, count: 2, payload });
  await rig.settle();
  expect(client.take('pubResult')).toMatchObject({ count: 2, code: ErrorCode.BAD_REQUEST });
  expect(rig.upstream.sent).toHaveLength(0);
});

describe('what is refused before anything is appended', () => {
  const mr = { v: 1, write: [{ topic: 't', key: 'u-{sub}*' }] };
  test.each<[string, Fields, number]>([
    ['a topic without the right', { topic: 'other' }, ErrorCode.FORBIDDEN],
    ['a key outside the pattern', { key: bytes('u-bob') }, ErrorCode.FORBIDDEN],
    ['no key where a pattern is', { key: null }, ErrorCode.FORBIDDEN],
    ['acks LEADER without the right', { acks: Acks.LEADER }, ErrorCode.FORBIDDEN],
    ['a record that is too large', { value: new Uint8Array(50_000) }, ErrorCode.PUBLISH_TOO_LARGE],
  ])('%s', async (_, fields, code) => {
    const { rig, client } = await bench([], { as: { mr } });
    publish(client, 1, { key: bytes('u-ann-1'), ...fields });
    await rig.settle();
    expect(client.take('pubResult')).toMatchObject({ seq: 1n, code, baseOffset: -1n });
    expect(rig.upstream.sent).toHaveLength(0);
  });

  test('a client that did not say PUBLISH, and a rate that is used up', async () => {
    const { rig } = await bench();
    const plain = await rig.welcomed({ caps: 0 });
    publish(plain, 1);
    expect(plain.take('pubResult').code).toBe(ErrorCode.UNSUPPORTED);
    const as = { sub: 'bob', mr: { v: 1, write: [{ topic: 't', rate: 2 }] } };
    const limited = await rig.welcomed({ as });
    for (const seq of [1, 2, 3]) publish(limited, seq);
    await rig.settle();
    const codes = [1, 2, 3]
      .map(() => limited.take('pubResult'))
      .map(({ seq, code }) => [seq, code]);
    expect(codes).toContainEqual([3n, ErrorCode.OVERLOADED]);
    expect(rig.upstream.sent).toHaveLength(2);
  });
});

test('C38: without credit 112, certainly not appended; three in ten seconds are 4507', async () => {
  const { rig, client } = await bench(['gateway.publish.inflight.records=2']);
  rig.upstream.publishOutcome = () => new Promise(() => {});
  for (const seq of [1, 2, 3, 4]) publish(client, seq);
  expect(client.take('pubResult')).toMatchObject({ seq: 3n, code: ErrorCode.CREDIT_EXCEEDED });
  expect(client.closeCode).toBeNull();
  publish(client, 5);
  await rig.settle();
  expect(client.closeCode).toBe(CloseCode.ABUSE);
  expect(rig.upstream.sent).toHaveLength(2);
});

test('bytes are credit too, and come back with the result', async () => {
  const { rig, client } = await bench(['gateway.publish.inflight.bytes=65536']);
  publish(client, 1, { value: new Uint8Array(40_000) });
  publish(client, 2, { value: new Uint8Array(40_000) });
  await rig.settle();
  expect(client.take('pubResult')).toMatchObject({ seq: 2n, code: ErrorCode.CREDIT_EXCEEDED });
  publish(client, 3, { value: new Uint8Array(40_000) });
  await rig.settle();
  expect(client.take('pubResult').code).toBe(0);
  expect(client.take('pubResult')).toMatchObject({ seq: 3n, code: 0 });
});

test('who comes while much is in flight gets a small window, and the rest when that is over', async () => {
  const { rig, client } = await bench([
    'gateway.publish.inflight.total.bytes=262144',
    'gateway.publish.inflight.records=2000',
  ]);
  const land: (() => void)[] = [];
  rig.upstream.publishOutcome = () => new Promise((resolve) => land.push(resolve));
  for (let seq = 1; seq <= 4; seq++) publish(client, seq, { value: new Uint8Array(40_000) });
  const late = rig.open();
  late.send({ kind: 'hello', caps: 1, token: '{}' });
  await rig.settle();
  // Room for the largest publish there can be: a batch of 1,000 records in one message.
  expect(late.take('welcome')).toMatchObject({ publishRecords: 1000, publishBytes: 65_536 });
  await rig.advance(2000);
  expect(late.kinds()).toEqual([]);
  for (const done of land.splice(0)) done();
  await rig.advance(1000);
  expect(late.take('pubCredit')).toMatchObject({ addRecords: 1000, addBytes: 196_608 });
  await rig.advance(2000);
  expect(late.kinds()).toEqual([]);
  for (let seq = 1; seq <= 2000; seq++) publish(late, seq);
  await rig.settle();
  expect(late.kinds()).toEqual([]);
  publish(late, 2001);
  expect(late.take('pubResult').code).toBe(ErrorCode.CREDIT_EXCEEDED);
  expect(client.take('pubResult').code).toBe(0);
});

test('C37: a lost answer is 131, a certain failure its code; never a guess', async () => {
  const { rig, client } = await bench();
  const errors = [ErrorCode.UNKNOWN_OUTCOME, ErrorCode.NOT_ENOUGH_REPLICAS];
  rig.upstream.publishOutcome = () => new UpstreamError(errors.shift() ?? 0, 'no');
  publish(client, 1);
  publish(client, 2);
  await rig.settle();
  expect(client.take('pubResult')).toMatchObject({ code: ErrorCode.UNKNOWN_OUTCOME });
  expect(client.take('pubResult')).toMatchObject({
    code: ErrorCode.NOT_ENOUGH_REPLICAS,
    retryAfterMs: 1000,
  });
});

describe('C36: producer sessions', () => {
  async function withSession(overrides: string[] = []) {
    const rig = new SessionRig(overrides);
    rig.upstream.create('t');
    const client = await rig.welcomed({ producerSession: session });
    const ask = async (seq: number, fields: Fields = {}) => {
      publish(client, seq, fields);
      await rig.settle();
      const { code, duplicate, baseOffset } = client.take('pubResult');
      return { code, duplicate, offset: Number(baseOffset) };
    };
    return { rig, client, ask };
  }
  const appended = (offset: number, duplicate = false) => ({ code: 0, duplicate, offset });
  const refused = (code: number) => ({ code, duplicate: false, offset: -1 });

  test('the next number is appended, a known one is answered again', async () => {
    const { rig, ask } = await withSession();
    expect(await ask(1)).toEqual(appended(0));
    expect(await ask(2)).toEqual(appended(1));
    expect(await ask(1)).toEqual(appended(0, true));
    expect(rig.upstream.sent).toHaveLength(2);
  });

  test('a gap is 136 and not appended', async () => {
    const { rig, ask } = await withSession();
    await ask(1);
    expect(await ask(3)).toEqual(refused(ErrorCode.SEQUENCE_GAP));
    expect(await ask(2)).toEqual(appended(1));
    expect(rig.upstream.sent).toHaveLength(2);
  });

  test('one that is still in flight is joined', async () => {
    const { rig, client } = await withSession();
    let answer: () => void = () => {};
    rig.upstream.publishOutcome = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    publish(client, 1);
    publish(client, 1, { retry: true });
    await rig.settle();
    answer();
    await rig.settle();
    const results = [client.take('pubResult'), client.take('pubResult')];
    expect(results.map(({ duplicate, code }) => [duplicate, code])).toEqual([
      [false, 0],
      [true, 0],
    ]);
    expect(rig.upstream.sent).toHaveLength(1);
  });

  test('one that was forgotten is 131, or appended again when the application asked for it', async () => {
    const { rig, ask } = await withSession(['gateway.publish.sessions.window=16']);
    for (let seq = 1; seq <= 20; seq++) await ask(seq);
    expect(await ask(2)).toEqual(refused(ErrorCode.UNKNOWN_OUTCOME));
    expect(await ask(2, { onUnknown: OnUnknown.RESEND })).toEqual(appended(20));
    expect(await ask(20)).toEqual(appended(19, true));
    expect(await ask(21)).toEqual(appended(21));
    expect(rig.upstream.sent).toHaveLength(22);
  });

  test.each([
    [false, OnUnknown.REPORT, 0],
    [true, OnUnknown.REPORT, ErrorCode.UNKNOWN_OUTCOME],
    [true, OnUnknown.RESEND, 0],
  ])('an unknown session, retry %s, on_unknown %s: %s', async (retry, onUnknown, code) => {
    const { ask } = await withSession();
    expect((await ask(9, { retry, onUnknown })).code).toBe(code);
    if (code === 0) expect(await ask(10)).toEqual(appended(1));
  });

  test('survives the connection, is told in Welcome, and is nobody else’s', async () => {
    const { rig, client, ask } = await withSession();
    await ask(1);
    client.raw.close();
    const again = rig.open();
    again.send({ kind: 'hello', caps: 1, token: '{}', producerSession: session });
    await rig.settle();
    expect(again.take('welcome').sessionLastSeq).toBe(1n);
    const other = rig.open();
    other.send({ kind: 'hello', caps: 1, token: '{"sub":"bob"}', producerSession: session });
    await rig.settle();
    expect(other.take('welcome').sessionLastSeq).toBe(-1n);
  });

  test('is forgotten when idle, and the least recently used one goes first', async () => {
    const { rig, ask } = await withSession(['gateway.publish.sessions.ttl.ms=1000']);
    await ask(5);
    await rig.advance(1100);
    expect((await ask(6, { retry: true })).code).toBe(ErrorCode.UNKNOWN_OUTCOME);
  });

  test('a Hello makes no session and pushes out none; a full table keeps those in use', async () => {
    const { rig, ask } = await withSession(['gateway.publish.sessions.max=2']);
    const welcomed = (fill: number) =>
      rig.welcomed({ producerSession: new Uint8Array(16).fill(fill) });
    await ask(1);
    await welcomed(50);
    await welcomed(51);
    expect(await ask(1)).toEqual(appended(0, true));
    publish(await welcomed(52), 1);
    await rig.settle();
    // The table is full now, and this one is the oldest in it.
    expect(await ask(1)).toEqual(appended(0, true));
  });

  test('a batch has one number per record', async () => {
    const { rig, client, ask } = await withSession();
    const batch = { kind: 'publishBatch', topic: 't', partition: 0, count: 3 } as const;
    const payload = batchOf(['a', 'b', 'c']);
    client.send({ ...batch, firstSeq: 1n, payload });
    await rig.settle();
    client.take('pubResult');
    client.send({ ...batch, firstSeq: 1n, retry: true, payload });
    await rig.settle();
    expect(client.take('pubResult')).toMatchObject({ seq: 1n, count: 3, duplicate: true });
    expect(await ask(2)).toEqual(appended(1, true));
    expect(await ask(4)).toEqual(appended(3));
  });

  test('stamps records when that is on', async () => {
    const { rig, ask } = await withSession(['gateway.publish.stamp=true']);
    await ask(1);
    const names = rig.upstream.sent[0]?.headers.map(({ key }) => key);
    expect(names).toEqual(['x-gw-principal', 'x-gw-session', 'x-gw-seq']);
  });
});
