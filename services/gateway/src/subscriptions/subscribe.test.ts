import {
  ErrorCode,
  type FrameFields,
  GapReason,
  Isolation,
  OnLoss,
  Outcome,
  StartKind,
} from '@millrace/gateway-protocol';
import { describe, expect, test } from 'vitest';
import type { FakeCursor } from '../session/testing/fake-fan-out.ts';
import { type RigClient, SessionRig, testToken } from '../session/testing/session-rig.ts';

/** A topic `t` with records [10, 100) under epoch 3, epoch 2 over at 50. */
function rigWithTopic(partitionCount = 1): SessionRig {
  const rig = new SessionRig();
  for (const partition of rig.upstream.create('t', partitionCount)) {
    partition.logStart = 10;
    partition.end = 100;
    partition.leaderEpoch = 3;
    partition.epochEnds.set(2, 50);
    for (let offset = 10; offset < 100; offset++) partition.times.set(offset, 1000 + offset);
  }
  return rig;
}

type Fields = Partial<FrameFields<'subscribe'>>;

async function subscribe(rig: SessionRig, fields: Fields = {}, isText = false): Promise<RigClient> {
  const client = await rig.welcomed({ isText });
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't', ...fields });
  await rig.advance(60);
  return client;
}

function cursorOf(rig: SessionRig, at = 0): FakeCursor {
  const cursor = rig.fanOut.cursors[at];
  if (cursor === undefined) throw new Error('nothing is attached');
  return cursor;
}

const offsets = (offset: number, epoch = -1) => ({
  start: StartKind.OFFSETS,
  offsets: [{ partition: 0, offset: BigInt(offset), epoch }],
});

describe.each([false, true])('C09: where a stream starts (JSON: %s)', (isText) => {
  test.each<[string, Fields, number, number]>([
    ['LATEST', { start: StartKind.LATEST }, 100, Outcome.EXACT],
    ['EARLIEST', { start: StartKind.EARLIEST }, 10, Outcome.EXACT],
    ['OFFSETS', offsets(42), 42, Outcome.EXACT],
    ['OFFSETS with its epoch', offsets(42, 2), 42, Outcome.EXACT],
    ['OFFSETS at the end', offsets(100), 100, Outcome.EXACT],
    ['TIMESTAMP', { start: StartKind.TIMESTAMP, timestampMs: 1050n }, 50, Outcome.EXACT],
    ['TIMESTAMP of the past', { start: StartKind.TIMESTAMP, timestampMs: 5n }, 10, Outcome.TRIMMED],
    [
      'TIMESTAMP of the future',
      { start: StartKind.TIMESTAMP, timestampMs: 9999n },
      100,
      Outcome.EXACT,
    ],
    ['LAST_N', { start: StartKind.LAST_N, lastN: 7 }, 93, Outcome.EXACT],
    ['LAST_N beyond the log', { start: StartKind.LAST_N, lastN: 1000 }, 10, Outcome.EXACT],
    ['COMMITTED, never', { start: StartKind.COMMITTED, name: 'x' }, 100, Outcome.TRIMMED],
  ])('%s', async (_, fields, start, outcome) => {
    const rig = rigWithTopic();
    const client = await subscribe(rig, fields, isText);
    const { streams, more, req, sub } = client.take('subscribed');
    expect({ req, sub, more }).toEqual({ req: 1, sub: 1, more: false });
    expect(streams).toEqual([
      {
        stream: cursorOf(rig).streamId,
        partition: 0,
        outcome,
        code: 0,
        leaderEpoch: 3,
        startOffset: BigInt(start),
        logStart: 10n,
        highWatermark: 100n,
        lostFrom: -1n,
        lostTo: -1n,
      },
    ]);
    expect(cursorOf(rig).nextOffset).toBe(start);
  });
});

test('an empty topic starts at 0, whatever is asked', async () => {
  for (const start of [StartKind.LATEST, StartKind.EARLIEST, StartKind.LAST_N]) {
    const rig = new SessionRig();
    rig.upstream.create('t');
    await subscribe(rig, { start, lastN: 5 });
    expect(cursorOf(rig).nextOffset).toBe(0);
  }
});

test('the end of COMMITTED is the last stable offset', async () => {
  const rig = rigWithTopic();
  rig.upstream.partition('t').stableEnd = 90;
  await subscribe(rig, { start: StartKind.LATEST });
  expect(cursorOf(rig).nextOffset).toBe(90);
});

test('C09: COMMITTED finds no record by time beyond its end, as a Kafka consumer', async () => {
  const startAt = async (isolation: number): Promise<number> => {
    const rig = rigWithTopic();
    rig.upstream.partition('t').stableEnd = 40;
    await subscribe(rig, { start: StartKind.TIMESTAMP, timestampMs: 1050n, isolation });
    return cursorOf(rig).nextOffset;
  };
  expect(await startAt(Isolation.COMMITTED)).toBe(40);
  expect(await startAt(Isolation.UNCOMMITTED)).toBe(50);
});

test('C39: COMMITTED starts where the name has committed', async () => {
  const rig = rigWithTopic();
  rig.upstream.committed.set('gw..ann.x t', new Map([[0, { offset: 33, leaderEpoch: 2 }]]));
  await subscribe(rig, { start: StartKind.COMMITTED, name: 'x' });
  expect(cursorOf(rig).nextOffset).toBe(33);
});

describe('C11: a position below the log start', () => {
  test('NEAREST: GAP with bounds, a Gap frame, then on from the log start', async () => {
    const rig = rigWithTopic();
    const client = await subscribe(rig, { ...offsets(4), onGap: OnLoss.NEAREST });
    expect(client.kinds()).toEqual(['subscribed', 'gap']);
    const stream = { outcome: Outcome.GAP, lostFrom: 4n, lostTo: 10n, startOffset: 4n };
    expect(client.take('subscribed').streams[0]).toMatchObject(stream);
    const gap = { fromOffset: 4n, toOffset: 10n, reason: GapReason.RETENTION };
    expect(client.take('gap')).toMatchObject(gap);
    expect(cursorOf(rig).nextOffset).toBe(10);
  });

  test('LATEST: a Gap RESET up to the end', async () => {
    const rig = rigWithTopic();
    const client = await subscribe(rig, { ...offsets(4), onGap: OnLoss.LATEST });
    expect(client.take('subscribed').streams[0]).toMatchObject({ lostFrom: 4n, lostTo: 10n });
    const gap = { fromOffset: 4n, toOffset: 100n, reason: GapReason.RESET };
    expect(client.take('gap')).toMatchObject(gap);
    expect(cursorOf(rig).nextOffset).toBe(100);
  });

  test('FAIL: Unsubscribed 125, nothing is delivered', async () => {
    const rig = rigWithTopic();
    const client = await subscribe(rig, { ...offsets(4), onGap: OnLoss.FAIL });
    expect(client.kinds()).toEqual(['subscribed', 'unsubscribed']);
    expect(client.take('subscribed').streams[0]).toMatchObject({ code: ErrorCode.GAP });
    expect(client.take('unsubscribed')).toMatchObject({ code: ErrorCode.GAP, req: 0, sub: 1 });
    expect(rig.fanOut.cursors).toHaveLength(0);
  });
});

describe('a position that the log was cut below', () => {
  test.each([
    [OnLoss.NEAREST, 50, false],
    [OnLoss.LATEST, 100, true],
  ])('on_diverged %s goes on at %s', async (onDiverged, next, hasGap) => {
    const rig = rigWithTopic();
    const client = await subscribe(rig, { ...offsets(60, 2), onDiverged });
    const stream = { outcome: Outcome.DIVERGED, lostFrom: 50n, lostTo: 60n, startOffset: 50n };
    expect(client.take('subscribed').streams[0]).toMatchObject(stream);
    expect(client.kinds()).toEqual(hasGap ? ['gap'] : []);
    expect(cursorOf(rig).nextOffset).toBe(next);
  });

  test('by default 122', async () => {
    const rig = rigWithTopic();
    const client = await subscribe(rig, offsets(60, 2));
    expect(client.take('unsubscribed').code).toBe(ErrorCode.DIVERGED);
  });
});

test('a position above the watermark: 121 without epoch, PENDING while its epoch reaches it', async () => {
  const rig = rigWithTopic();
  const lost = await subscribe(rig, offsets(120));
  expect(lost.take('unsubscribed').code).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);

  const partition = rig.upstream.partition('t');
  partition.epochEnds.set(3, 130);
  const client = await subscribe(rig, offsets(120, 3));
  expect(client.take('subscribed').streams[0]).toMatchObject({ outcome: Outcome.PENDING });
  expect(cursorOf(rig).nextOffset).toBe(-1);
  partition.end = 130;
  await rig.advance(500);
  const { streams } = client.take('streamStates');
  expect(streams[0]).toMatchObject({ outcome: Outcome.EXACT, startOffset: 120n });
  expect(cursorOf(rig).nextOffset).toBe(120);
});

test('C15: partitions without a leader are PENDING, the others flow; then ready without action', async () => {
  const rig = rigWithTopic(3);
  rig.upstream.partition('t', 1).hasLeader = false;
  const client = await subscribe(rig, { start: StartKind.EARLIEST });
  const outcomes = client.take('subscribed').streams.map(({ outcome }) => outcome);
  expect(outcomes).toEqual([Outcome.EXACT, Outcome.PENDING, Outcome.EXACT]);
  expect(rig.fanOut.cursors.map(({ nextOffset }) => nextOffset)).toEqual([10, -1, 10]);
  rig.upstream.partition('t', 1).hasLeader = true;
  rig.upstream.changed('t');
  await rig.settle();
  expect(client.take('streamStates').streams).toMatchObject([
    { partition: 1, outcome: Outcome.EXACT, startOffset: 10n },
  ]);
  expect(cursorOf(rig, 1).nextOffset).toBe(10);
});

test('C16: a partition that is added starts at its beginning', async () => {
  const rig = rigWithTopic();
  const client = await subscribe(rig, { start: StartKind.LATEST });
  const topic = rig.upstream.topicsByName.get('t');
  topic?.partitions.push({ ...rig.upstream.partition('t'), logStart: 0, end: 5 });
  rig.upstream.changed('t');
  await rig.settle();
  expect(client.take('streamStates').streams).toMatchObject([
    { partition: 1, outcome: Outcome.EXACT, startOffset: 0n },
  ]);
  expect(cursorOf(rig, 1).nextOffset).toBe(0);
});

test('C16: partitions that are added while Subscribed is being prepared join right after it', async () => {
  const rig = rigWithTopic();
  rig.upstream.partition('t').hasLeader = false;
  const client = await rig.welcomed();
  const topic = rig.upstream.topicsByName.get('t');
  const add = (): void => {
    topic?.partitions.push({ ...rig.upstream.partition('t'), logStart: 0, hasLeader: true });
    rig.upstream.changed('t');
  };
  // One while the plan is made, before anybody watches the topic, and one while positions are waited for.
  const isCompacted = rig.upstream.isCompacted.bind(rig.upstream);
  rig.upstream.isCompacted = (name) => {
    add();
    return isCompacted(name);
  };
  if (topic !== undefined) topic.isCompacted = true;
  const start = StartKind.KEY_SNAPSHOT;
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't', start });
  await rig.advance(100);
  add();
  await rig.advance(200);
  expect(client.take('subscribed').streams.map(({ partition }) => partition)).toEqual([0]);
  const added = [client.take('streamStates'), client.take('streamStates')];
  expect(added.flatMap(({ streams }) => streams)).toMatchObject([
    { partition: 1, outcome: Outcome.EXACT, startOffset: 0n },
    { partition: 2, outcome: Outcome.EXACT, startOffset: 0n },
  ]);
});

test('a chosen list of partitions does not grow', async () => {
  const rig = rigWithTopic(2);
  await subscribe(rig, { partitions: [1] });
  rig.upstream.topicsByName.get('t')?.partitions.push(rig.upstream.partition('t'));
  rig.upstream.changed('t');
  await rig.settle();
  expect(rig.fanOut.cursors.map(({ partition }) => partition)).toEqual([1]);
});

test('many streams come in several frames, `more` until the last', async () => {
  const rig = new SessionRig();
  rig.upstream.create('t', 70);
  const client = await subscribe(rig);
  const { streams, more } = client.take('subscribed');
  expect([streams.length, more]).toEqual([32, true]);
  const rest = [client.take('streamStates'), client.take('streamStates')];
  expect(rest.map((frame) => [frame.streams.length, frame.more])).toEqual([
    [32, true],
    [6, false],
  ]);
  const text = await subscribe(rig, {}, true);
  const bytes = text.raw.received.map((message) => message.bytes.length);
  expect(Math.max(...bytes)).toBeLessThanOrEqual(4096);
});

describe('refusals', () => {
  test('C43: unknown and forbidden topics are alike, in code, text and time', async () => {
    const rig = rigWithTopic();
    const as = { mr: { v: 1, read: [{ topic: 'mine*' }] } };
    const client = await rig.welcomed({ as });
    client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
    client.send({ kind: 'subscribe', req: 2, sub: 2, topic: 'mine-none' });
    await rig.advance(45);
    expect(client.kinds()).toEqual([]);
    await rig.advance(10);
    const [forbidden, unknown] = [client.take('error'), client.take('error')];
    expect(forbidden.code).toBe(ErrorCode.FORBIDDEN);
    expect({ ...unknown, id: 1 }).toEqual(forbidden);
    expect(forbidden.message).not.toContain('t-');
  });

  test.each<[string, Fields, number]>([
    ['no topic at all', { topic: null }, ErrorCode.BAD_REQUEST],
    ['a partition that is not there', { partitions: [9] }, ErrorCode.BAD_REQUEST],
    [
      'C31: a snapshot of a topic that is not compacted',
      { start: StartKind.KEY_SNAPSHOT },
      ErrorCode.NOT_COMPACTED,
    ],
    [
      'a damaged resume token',
      { start: StartKind.RESUME, resume: new Uint8Array(40) },
      ErrorCode.BAD_REQUEST,
    ],
    ['RESUME without a token', { start: StartKind.RESUME }, ErrorCode.BAD_REQUEST],
  ])('%s', async (_, fields, code) => {
    const client = await subscribe(rigWithTopic(), fields);
    expect(client.take('error')).toMatchObject({ id: 1, code });
  });

  test('a number that was used, the same class on the same lane, too many of either', async () => {
    const rig = new SessionRig(['gateway.subscriptions.max=3', 'gateway.streams.max=4']);
    rig.upstream.create('t', 2);
    const client = await rig.welcomed();
    const ask = async (req: number, sub: number, lane: number) => {
      client.send({ kind: 'subscribe', req, sub, topic: 't', lane });
      await rig.advance(60);
    };
    await ask(1, 1, 0);
    await ask(2, 1, 1);
    expect(client.take('error')).toMatchObject({ id: 2, code: ErrorCode.BAD_REQUEST });
    await ask(3, 2, 0);
    expect(client.take('error')).toMatchObject({ id: 3, code: ErrorCode.ALREADY_EXISTS });
    await ask(4, 3, 1);
    await ask(5, 4, 2);
    expect(client.take('error')).toMatchObject({ id: 5, code: ErrorCode.LIMIT });
    client.send({ kind: 'unsubscribe', req: 6, sub: 3 });
    await ask(7, 3, 1);
    expect(client.take('error')).toMatchObject({ id: 7, code: ErrorCode.BAD_REQUEST });
    await ask(8, 5, 1);
    expect(client.frames().filter(({ kind }) => kind === 'subscribed')).toHaveLength(3);
  });
});

test('C28: the filter that is applied is both: what the grant imposes and what the client asks', async () => {
  const rig = rigWithTopic();
  const mr = { v: 1, read: [{ topic: 't', key: 'a*' }] };
  const client = await rig.welcomed({ as: { mr } });
  const keyEq = (text: string) => ({ op: 0, arity: 0, name: null, values: [Buffer.from(text)] });
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't', filter: [keyEq('bob')] });
  client.send({
    kind: 'subscribe',
    req: 2,
    sub: 2,
    topic: 't',
    filter: [keyEq('ann'), keyEq('bob'), { op: 9, arity: 2, name: null, values: [] }],
  });
  client.send({ kind: 'subscribe', req: 3, sub: 3, topic: 't', lane: 2 });
  await rig.settle();
  for (const { options } of rig.fanOut.cursors) {
    expect(options.filter?.passes(Buffer.from('bob'), [])).toBe(false);
    expect(options.filter?.passes(null, [])).toBe(false);
  }
  expect(rig.fanOut.cursors.at(-1)?.options.filter?.passes(Buffer.from('ann'), [])).toBe(true);
});

test('what the grant hides is not told', async () => {
  const rig = rigWithTopic();
  const mr = { v: 1, read: [{ topic: 't' }] };
  const client = await rig.welcomed({ as: { mr } });
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
  await rig.settle();
  const hidden = { logStart: -1n, highWatermark: -1n };
  expect(client.take('subscribed').streams[0]).toMatchObject(hidden);
  expect(cursorOf(rig).options.showWatermark).toBe(false);
});

test('a grant for some partitions opens those only', async () => {
  const rig = rigWithTopic(3);
  const mr = { v: 1, read: [{ topic: 't', partitions: [0, 2] }] };
  const client = await rig.welcomed({ as: { mr } });
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
  client.send({ kind: 'subscribe', req: 2, sub: 2, topic: 't', partitions: [1], lane: 1 });
  await rig.advance(60);
  expect(rig.fanOut.cursors.map(({ partition }) => partition)).toEqual([0, 2]);
  expect(client.take('error')).toMatchObject({ id: 2, code: ErrorCode.FORBIDDEN });
});

test('positions by time are limited per principal', async () => {
  const rig = new SessionRig(['gateway.position.queries.per.second=2']);
  rig.upstream.create('t');
  const client = await rig.welcomed({ token: testToken() });
  for (const lane of [0, 1, 2])
    client.send({ kind: 'subscribe', req: lane + 1, sub: lane + 1, topic: 't', lane, start: 3 });
  await rig.settle();
  expect(client.take('error')).toMatchObject({ id: 3, code: ErrorCode.OVERLOADED });
});

test('a storm of the same questions is one question, and one for all who come while it is on its way', async () => {
  const rig = rigWithTopic();
  const clients = await Promise.all([1, 2, 3, 4, 5, 6].map(() => rig.welcomed()));
  rig.upstream.boundsQuestions = 0;
  for (const client of clients) client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
  await rig.settle();
  expect(rig.fanOut.cursors).toHaveLength(6);
  expect(rig.upstream.boundsQuestions).toBe(2);
});
