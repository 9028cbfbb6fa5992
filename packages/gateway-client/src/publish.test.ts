import { type ClientFrame, ErrorCode, type FrameOf } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
// The client loads it when it is needed; here it is there already.
import './publishing.ts';
import { UnknownOutcomeError } from './errors.ts';
import { FakeGateway, type Peer } from './fake-gateway.test-server.ts';

const text = new TextDecoder();

function topicGateway(): FakeGateway {
  const gateway = new FakeGateway();
  gateway.topic('t', 2);
  return gateway;
}

function values(gateway: FakeGateway, partition = 0): string[] {
  const log = gateway.topics.get('t')?.logs[partition];
  return (log?.records ?? []).map(({ value }) => text.decode(value ?? undefined));
}

function onlyPeer(gateway: FakeGateway): Peer {
  return gateway.peers.values().next().value as Peer;
}

/** Appends publishes from now on without answering. */
function swallowAnswers(gateway: FakeGateway): void {
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'publish') return false;
    gateway.publish(peer, frame, true);
    return true;
  };
}

test('records are appended in order, each with its offset', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  const record = { key: 'k', value: '0', headers: [{ name: 'h', value: 'v' }] };
  const results = [
    client.publish('t', record, { partition: 0, timestamp: 5 }),
    client.publish('t', { value: new Uint8Array([49]) }, { partition: 0 }),
    client.publish('t', { value: null }, { partition: 1 }),
  ];
  await gateway.run(20);
  expect(await Promise.all(results)).toEqual([
    { partition: 0, offset: 0, timestamp: 1, duplicate: false },
    { partition: 0, offset: 1, timestamp: 1, duplicate: false },
    { partition: 1, offset: 0, timestamp: 1, duplicate: false },
  ]);
  expect(values(gateway)).toEqual(['0', '1']);
  const [first] = gateway.got('publish');
  expect(first).toMatchObject({ seq: 1n, timestampMs: 5n, retry: false });
  expect(first?.headers).toEqual([{ name: 'h', value: new Uint8Array([118]) }]);
});

test('no more is in flight than the gateway grants', async () => {
  const gateway = topicGateway();
  gateway.welcome = { publishRecords: 3, publishBytes: 10 };
  const answers: FrameOf<'publish'>[] = [];
  gateway.intercept = (_, frame) => frame.kind === 'publish' && answers.push(frame) > 0;
  const client = gateway.client();
  const results = ['aaaa', 'bbbb', 'cccc', 'd', 'e'].map((value) => client.publish('t', { value }));
  await gateway.run(50);
  expect(answers.map(({ seq }) => seq)).toEqual([1n, 2n]);
  gateway.send(onlyPeer(gateway), { kind: 'pubCredit', addRecords: 0, addBytes: 2 });
  await gateway.run();
  expect(answers).toHaveLength(3);
  for (const [index, { seq }] of answers.entries())
    gateway.send(onlyPeer(gateway), {
      kind: 'pubResult',
      seq,
      partition: 0,
      baseOffset: BigInt(index),
    });
  await gateway.run();
  expect(answers).toHaveLength(5);
  expect((await results[2])?.offset).toBe(2);
});

test('what can never be sent fails at once', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  const large = { value: new Uint8Array(70_000) };
  const failed = expect(client.publish('t', large)).rejects.toMatchObject({ code: 130 });
  const fine = client.publish('t', { value: 'x' });
  await gateway.run(20);
  await failed;
  expect((await fine).offset).toBe(0);
  await expect(client.publishBatch('t', 0, [])).rejects.toMatchObject({ code: 106 });
});

test('the same gateway is asked again after a reconnect, and appends nothing twice', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  const before = client.publish('t', { value: '0' });
  await gateway.run(20);
  await before;
  swallowAnswers(gateway);
  const lost = client.publish('t', { value: '1' });
  await gateway.run(20);
  // Never got there.
  gateway.intercept = (_, frame) => frame.kind === 'publish';
  const unsent = client.publish('t', { value: '2' });
  await gateway.run(20);
  gateway.intercept = () => false;
  gateway.dropAll();
  await gateway.run(2);
  const after = client.publish('t', { value: '3' });
  await gateway.run(1_000);
  expect(await lost).toMatchObject({ offset: 1, duplicate: true });
  expect(await unsent).toMatchObject({ offset: 2, duplicate: false });
  expect(await after).toMatchObject({ offset: 3 });
  expect(values(gateway)).toEqual(['0', '1', '2', '3']);
  expect(gateway.got('publish').map(({ seq, retry }) => [seq, retry])).toEqual([
    [2n, true],
    [3n, true],
    [4n, false],
  ]);
});

test('another gateway knows nothing: the outcome is unknown, and never a guess', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  swallowAnswers(gateway);
  const lost = client.publish('t', { value: '0' });
  const again = client.publish('t', { value: '1' }, { onUnknown: 'resend' });
  const failed = expect(lost).rejects.toBeInstanceOf(UnknownOutcomeError);
  await gateway.run(20);
  gateway.sessions.clear();
  gateway.intercept = () => false;
  gateway.dropAll();
  await gateway.run(2);
  const after = client.publish('t', { value: '2' });
  await gateway.run(1_000);
  await failed;
  expect((await again).offset).toBe(2);
  expect((await after).offset).toBe(3);
  expect(values(gateway)).toEqual(['0', '1', '1', '2']);
});

test('back at the first gateway, which remembers less: a new session, and nothing is mixed up', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  const first = client.publish('t', { value: 'a' });
  swallowAnswers(gateway);
  const failedA = expect(first).rejects.toBeInstanceOf(UnknownOutcomeError);
  await gateway.run(20);
  const atA = new Map(gateway.sessions);
  // At B.
  gateway.sessions = new Map();
  gateway.dropAll();
  await gateway.run(2);
  const second = client.publish('t', { value: 'b' });
  const failedB = expect(second).rejects.toBeInstanceOf(UnknownOutcomeError);
  await gateway.run(1_000);
  await failedA;
  // Back at A, which knows the session up to 1.
  gateway.sessions = atA;
  gateway.intercept = () => false;
  gateway.dropAll();
  await gateway.run(1_000);
  await failedB;
  const third = client.publish('t', { value: 'c' });
  await gateway.run(1_000);
  expect((await third).duplicate).toBe(false);
  expect(values(gateway)).toEqual(['a', 'b', 'c']);
});

test('a refusal that leaves its number free: what was sent after it follows in order', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  gateway.intercept = refuseValue(gateway, 'bad', ErrorCode.BAD_REQUEST);
  const results = ['a', 'bad', 'b', 'c'].map((value) =>
    client.publish('t', { value }, { partition: 0 }),
  );
  const failed = expect(results[1]).rejects.toMatchObject({ code: 107 });
  await gateway.run(100);
  await failed;
  expect(await results[3]).toMatchObject({ offset: 2 });
  expect(values(gateway)).toEqual(['a', 'b', 'c']);
});

test('a gateway that goes away: what it did not take goes to the next one, in order', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  gateway.intercept = refuseValue(gateway, 'b', ErrorCode.GOING_AWAY);
  const results = ['a', 'b', 'c'].map((value) => client.publish('t', { value }, { partition: 0 }));
  await gateway.run(20);
  gateway.send(onlyPeer(gateway), { kind: 'goaway', code: 101, reconnectAfterMs: 500 });
  await gateway.run(100);
  const late = client.publish('t', { value: 'd' }, { partition: 0 });
  await gateway.run(200);
  expect(values(gateway)).toEqual(['a']);
  gateway.intercept = () => false;
  await gateway.run(1_000);
  expect((await Promise.all([...results, late])).map(({ offset }) => offset)).toEqual([0, 1, 2, 3]);
  expect(values(gateway)).toEqual(['a', 'b', 'c', 'd']);
});

test('not appended says why and whether to try again', async () => {
  const gateway = topicGateway();
  gateway.intercept = refuseValue(gateway, 'x', ErrorCode.NOT_ENOUGH_REPLICAS);
  const failed = expect(gateway.client().publish('t', { value: 'x' })).rejects.toMatchObject({
    code: 133,
    codeName: 'notEnoughReplicas',
    retryable: true,
  });
  await gateway.run(20);
  await failed;
});

test('abort: before it is sent nothing happens, after it nobody knows', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  const controller = new AbortController();
  const early = client.publish('t', { value: 'x' }, { signal: controller.signal });
  const aborted = expect(early).rejects.toThrow('changed my mind');
  controller.abort(new Error('changed my mind'));
  await aborted;
  await gateway.run(20);
  expect(values(gateway)).toEqual([]);
  swallowAnswers(gateway);
  const second = new AbortController();
  const late = client.publish('t', { value: 'y' }, { signal: second.signal });
  const unknown = expect(late).rejects.toBeInstanceOf(UnknownOutcomeError);
  await gateway.run(20);
  second.abort();
  await unknown;
  expect(values(gateway)).toEqual(['y']);
});

test('a batch is one frame with one result', async () => {
  const gateway = topicGateway();
  let batch: FrameOf<'publishBatch'> | undefined;
  gateway.intercept = (peer, frame: ClientFrame) => {
    if (frame.kind !== 'publishBatch') return false;
    batch = frame;
    const { firstSeq: seq, count } = frame;
    gateway.send(peer, { kind: 'pubResult', seq, count, partition: 1, baseOffset: 40n });
    return true;
  };
  const client = gateway.client();
  const one = client.publish('t', { value: 'x' });
  const many = client.publishBatch('t', 1, [{ value: 'a' }, { key: 'k', value: null }]);
  await gateway.run(20);
  await one;
  expect(await many).toMatchObject({ partition: 1, offset: 40 });
  expect(batch).toMatchObject({ firstSeq: 2n, count: 2, partition: 1 });
});

test('a batch with several results ends with the last of them, and with an error if one has it', async () => {
  const gateway = topicGateway();
  let answers = [0, 0];
  gateway.intercept = (peer, { kind, ...frame }: ClientFrame) => {
    if (kind !== 'publishBatch' || !('firstSeq' in frame)) return false;
    for (const [index, code] of answers.entries()) {
      const seq = frame.firstSeq + BigInt(index);
      const baseOffset = 40n + 5n * BigInt(index);
      gateway.send(peer, { kind: 'pubResult', seq, count: 1, code, partition: 1, baseOffset });
    }
    return true;
  };
  const client = gateway.client();
  const pair = [{ value: 'a' }, { value: 'b' }];
  const good = client.publishBatch('t', 1, pair);
  await gateway.run(20);
  expect(await good).toMatchObject({ partition: 1, offset: 40 });
  answers = [0, 133];
  const bad = expect(client.publishBatch('t', 1, pair)).rejects.toMatchObject({ code: 133 });
  await gateway.run(20);
  await bad;
  const one = client.publish('t', { value: 'x' });
  await gateway.run(20);
  expect(gateway.got('publish')[0]?.seq).toBe(5n);
  void one;
});

test('close waits for what was published', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  const result = client.publish('t', { value: 'x' });
  const closed = client.close();
  await gateway.run(50);
  await closed;
  expect((await result).offset).toBe(0);
  expect(client.state).toBe('closed');
});

test('close does not wait for ever, and what was sent then is unknown', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  swallowAnswers(gateway);
  const failed = expect(client.publish('t', { value: 'x' })).rejects.toBeInstanceOf(
    UnknownOutcomeError,
  );
  await gateway.run(20);
  const closed = client.close();
  await gateway.run(10_100);
  await closed;
  await failed;
});

test('what waits for a connection is bounded', async () => {
  const gateway = topicGateway();
  gateway.admit = () => undefined;
  const client = gateway.client();
  const value = new Uint8Array(1 << 20);
  const results = Array.from({ length: 17 }, () => client.publish('t', { value }));
  await expect(results[16]).rejects.toThrow('wait to be published already');
  for (const result of results) result.catch(() => undefined);
  const closed = client.close();
  await gateway.run(11_000);
  await closed;
  await expect(results[0]).rejects.toThrow('the client is closed');
});

test('a gateway that does not publish says so', async () => {
  const gateway = topicGateway();
  gateway.welcome = { caps: 0 };
  const failed = expect(gateway.client().publish('t', { value: 'x' })).rejects.toMatchObject({
    code: 108,
  });
  await gateway.run(20);
  await failed;
});

test('commit and ping', async () => {
  const gateway = topicGateway();
  gateway.topics.get('t')?.logs[0]?.append('x');
  const client = gateway.client();
  const subscription = client.subscribe('t', { start: 'earliest' });
  const loop = (async () => {
    for await (const _ of subscription);
  })();
  const committed = client.commit('mine', subscription, [{ partition: 1, offset: 7 }]);
  await gateway.run(50);
  await committed;
  expect(gateway.commits.get('mine')).toEqual([{ partition: 1, offset: 7 }]);
  // The line breaks under the request: it is made again.
  gateway.intercept = (_, frame) => frame.kind === 'commit';
  const again = client.commit('mine', subscription);
  await gateway.run(20);
  gateway.intercept = () => false;
  gateway.dropAll();
  await gateway.run(1_000);
  await again;
  expect(gateway.commits.get('mine')).toContainEqual({ partition: 0, offset: 1 });
  const pings = Promise.all([client.ping(), client.ping()]);
  await gateway.run(20);
  expect(await pings).toEqual(Array(2).fill({ roundTripMs: 2, clockOffsetMs: 0 }));
  const next = client.ping();
  await gateway.run(900);
  expect(gateway.got('ping')).toHaveLength(1);
  await gateway.run(200);
  expect((await next).roundTripMs).toBe(2);
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'commit') return false;
    const results = [{ partition: 1, code: 103 }];
    gateway.send(peer, { kind: 'committed', req: frame.req, results });
    return true;
  };
  const refused = expect(client.commit('no', subscription)).rejects.toMatchObject({
    code: 103,
    partition: 1,
  });
  await gateway.run(20);
  await refused;
  await Promise.all([client.close(), gateway.run(20)]);
  await loop;
});

/** Refuses records of that value; what comes after it then has a gap before it. */
function refuseValue(gateway: FakeGateway, value: string, code: number) {
  return (peer: Peer, frame: ClientFrame): boolean => {
    if (frame.kind !== 'publish' || text.decode(frame.value ?? undefined) !== value) return false;
    gateway.send(peer, { kind: 'pubResult', seq: frame.seq, code });
    return true;
  };
}
