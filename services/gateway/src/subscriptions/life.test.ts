import {
  clusterTag,
  decodeResumeToken,
  ErrorCode,
  encodeResumeToken,
  type FrameFields,
  GapReason,
  OnLoss,
  Outcome,
  type ResumeToken,
  StartKind,
} from '@millrace/gateway-protocol';
import { describe, expect, test } from 'vitest';
import type { FakeCursor } from '../session/testing/fake-fan-out.ts';
import { type RigClient, SessionRig } from '../session/testing/session-rig.ts';

interface Bench {
  readonly rig: SessionRig;
  readonly client: RigClient;
  readonly cursor: FakeCursor;
}

/** A client that has subscribed to `t`, log [0, 100) under epoch 3, from its beginning. */
async function live(fields: Partial<FrameFields<'subscribe'>> = {}): Promise<Bench> {
  const rig = new SessionRig();
  const [partition] = rig.upstream.create('t');
  if (partition !== undefined) Object.assign(partition, { end: 100, leaderEpoch: 3 });
  const client = await rig.welcomed();
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't', start: 1, ...fields });
  await rig.settle();
  client.take('subscribed');
  client.clear();
  const cursor = rig.fanOut.cursors[0];
  if (cursor === undefined) throw new Error('nothing is attached');
  return { rig, client, cursor };
}

function tokenOf(fields: Partial<ResumeToken>): Uint8Array {
  const topicId = new Uint8Array(16);
  topicId[15] = 1;
  return encodeResumeToken({
    isUncommitted: false,
    clusterTag: clusterTag('millrace-test'),
    topicId,
    filterTag: 0,
    issuedAt: 1,
    positions: [{ partition: 0, offset: 40n, epoch: 3 }],
    ...fields,
  });
}

async function resume(
  bench: Bench,
  token: Uint8Array,
  sub = 2,
  fields: Partial<FrameFields<'subscribe'>> = {},
): Promise<void> {
  const { rig, client } = bench;
  const asked = { req: sub, sub, topic: 't', lane: 1, start: StartKind.RESUME, ...fields };
  client.send({ kind: 'subscribe', ...asked, resume: token });
  await rig.advance(60);
}

describe('C12: what happens to a stream during life', () => {
  test.each([
    [OnLoss.NEAREST, 30, GapReason.RETENTION],
    [OnLoss.LATEST, 100, GapReason.RESET],
  ])('retention passed it, on_gap %s', async (onGap, next, reason) => {
    const { rig, client, cursor } = await live({ onGap });
    cursor.deliver(20);
    client.clear();
    cursor.events.outcome(cursor, { kind: 'GAP', lostFrom: 20, lostTo: 30 });
    await rig.settle();
    expect(client.kinds()).toEqual(['streamStates', 'gap']);
    expect(client.take('streamStates').streams[0]).toMatchObject({
      stream: cursor.streamId,
      outcome: Outcome.GAP,
      lostFrom: 20n,
      lostTo: 30n,
    });
    const gap = { fromOffset: 20n, toOffset: BigInt(next), reason };
    expect(client.take('gap')).toMatchObject(gap);
    expect(cursor.nextOffset).toBe(next);
    expect(rig.metrics.outcomes.with('gap').value).toBe(1);
  });

  test('with FAIL the subscription ends with 125 and a token', async () => {
    const { rig, client, cursor } = await live({ onGap: OnLoss.FAIL });
    cursor.events.outcome(cursor, { kind: 'GAP', lostFrom: 0, lostTo: 30 });
    await rig.settle();
    expect(client.kinds()).toEqual(['streamStates', 'unsubscribed']);
    expect(client.take('unsubscribed').code).toBe(ErrorCode.GAP);
    expect(cursor.isDetached).toBe(true);
  });

  test('its log was cut, NEAREST goes on where the histories part', async () => {
    const { rig, client, cursor } = await live({ onDiverged: OnLoss.NEAREST });
    cursor.deliver(60);
    client.clear();
    cursor.events.outcome(cursor, { kind: 'DIVERGED', lostFrom: 50, lostTo: 60 });
    await rig.settle();
    expect(client.kinds()).toEqual(['streamStates']);
    expect(cursor.nextOffset).toBe(50);
  });

  test('C14: its topic was made anew: RECREATED, then 123, once', async () => {
    const { rig, client, cursor } = await live();
    rig.upstream.create('t', 1, 2);
    cursor.events.outcome(cursor, { kind: 'RECREATED', startOffset: 0, topicId: 'x' });
    await rig.settle();
    expect(client.kinds()).toEqual(['streamStates', 'unsubscribed']);
    expect(client.take('streamStates').streams[0]).toMatchObject({ outcome: Outcome.RECREATED });
    expect(client.take('unsubscribed').code).toBe(ErrorCode.RECREATED);
  });

  test('C14: a client that comes back while its topic is away waits for the new one', async () => {
    const bench = await live();
    const { rig, client } = bench;
    const token = tokenOf({});
    rig.upstream.topicsByName.delete('t');
    await resume(bench, token);
    await rig.advance(1500);
    expect(client.kinds()).toEqual([]);
    rig.upstream.create('t', 1, 2);
    await rig.settle();
    expect(client.take('subscribed').streams[0]).toMatchObject({ outcome: Outcome.RECREATED });
  });

  test('C14: and is refused when none comes; without a right it does not wait', async () => {
    const bench = await live();
    const { rig, client } = bench;
    rig.upstream.topicsByName.delete('t');
    await resume(bench, tokenOf({}));
    await rig.advance(2900);
    expect(client.kinds()).toEqual([]);
    await rig.advance(100);
    expect(client.take('error')).toMatchObject({ id: 2, code: ErrorCode.FORBIDDEN });
    const stranger = await rig.welcomed({ as: { mr: { v: 1, read: [{ topic: 'other' }] } } });
    await resume({ ...bench, client: stranger }, tokenOf({}));
    expect(stranger.take('error').code).toBe(ErrorCode.FORBIDDEN);
  });

  test('its topic is gone for good: 120 for who may describe it, and not at once', async () => {
    const { rig, client } = await live();
    rig.upstream.topicsByName.delete('t');
    rig.upstream.changed('t');
    await rig.advance(2000);
    expect(client.kinds()).toEqual([]);
    await rig.advance(1500);
    expect(client.take('unsubscribed').code).toBe(ErrorCode.UNKNOWN_TOPIC);
  });

  test('its partition failed: the last stream takes the subscription along', async () => {
    const { rig, client, cursor } = await live();
    cursor.events.outcome(cursor, { kind: 'FAILED', code: ErrorCode.INTERNAL });
    await rig.settle();
    expect(client.take('streamStates').streams[0]).toMatchObject({ code: ErrorCode.INTERNAL });
    expect(client.take('unsubscribed')).toMatchObject({ code: ErrorCode.INTERNAL });
  });

  test('C32: it is too slow: 113 with a token, the connection lives', async () => {
    const { rig, client, cursor } = await live();
    cursor.deliver(5);
    cursor.events.slow(cursor);
    await rig.settle();
    const { code, retryable, resume: token } = client.take('unsubscribed');
    expect([code, retryable]).toEqual([ErrorCode.SLOW_CONSUMER, true]);
    expect(decodeResumeToken(token ?? new Uint8Array(0)).positions[0]).toMatchObject({
      offset: 5n,
    });
    expect(client.closeCode).toBeNull();
  });

  test('a gap on the way and the end of catch-up are told in order', async () => {
    const { rig, client, cursor } = await live();
    cursor.events.progress(cursor, 7);
    cursor.events.gap(cursor, 7, 9, GapReason.OVERFLOW);
    cursor.events.caughtUp(cursor, 9);
    await rig.settle();
    expect(client.kinds()).toEqual(['progress', 'gap', 'caughtUp']);
    expect(client.take('gap')).toMatchObject({ fromOffset: 7n, toOffset: 9n });
  });
});

test('C27: Progress comes once a second while the position moves silently', async () => {
  const { rig, client, cursor } = await live();
  for (let tenth = 0; tenth < 50; tenth++) {
    cursor.silentOffset = Math.max(cursor.silentOffset, 0) + 1;
    await rig.advance(100);
  }
  const count = client.kinds().filter((kind) => kind === 'progress').length;
  expect(count).toBeGreaterThanOrEqual(4);
  expect(count).toBeLessThanOrEqual(6);
});

describe('C34: Pause, Resume, Unsubscribe', () => {
  test('stop and continue the cursors', async () => {
    const { client, cursor } = await live();
    client.send({ kind: 'pause', sub: 1 });
    expect(cursor.deliver(10)).toBe(false);
    client.send({ kind: 'resume', sub: 1 });
    expect(cursor.deliver(10)).toBe(true);
  });

  test('a Pause before the streams are placed holds', async () => {
    const rig = new SessionRig();
    rig.upstream.create('t');
    const client = await rig.welcomed();
    client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' }, { kind: 'pause', sub: 1 });
    await rig.settle();
    expect(rig.fanOut.cursors[0]?.isPaused).toBe(true);
  });

  test('nothing after Unsubscribed; the token is what was sent last', async () => {
    const { rig, client, cursor } = await live();
    cursor.deliver(10);
    cursor.silentOffset = 12;
    client.clear();
    client.send({ kind: 'unsubscribe', req: 2, sub: 1 });
    expect(client.kinds()).toEqual(['progress', 'unsubscribed']);
    const { req, code, resume: token } = client.take('unsubscribed');
    expect([req, code]).toEqual([2, 0]);
    const { positions, topicId } = decodeResumeToken(token ?? new Uint8Array(0));
    expect(positions).toEqual([{ partition: 0, offset: 12n, epoch: 0 }]);
    expect(topicId[15]).toBe(1);
    expect(cursor.deliver(20)).toBe(false);
    await rig.advance(1500);
    client.send({ kind: 'credit', sub: 1, add: 10 }, { kind: 'pause', sub: 1 });
    client.send({ kind: 'unsubscribe', req: 3, sub: 1 });
    client.take('progress');
    expect(client.take('error')).toMatchObject({ id: 3, code: ErrorCode.BAD_REQUEST });
  });

  test('Unsubscribe while the start is still being looked for', async () => {
    const rig = new SessionRig();
    rig.upstream.create('t');
    const client = await rig.welcomed();
    client.send(
      { kind: 'subscribe', req: 1, sub: 1, topic: 't' },
      { kind: 'unsubscribe', req: 2, sub: 1 },
    );
    await rig.advance(100);
    expect(client.kinds()).toContain('unsubscribed');
    expect(client.kinds()).not.toContain('subscribed');
    expect(rig.fanOut.cursors.every(({ isDetached }) => isDetached)).toBe(true);
  });
});

describe('C23: credit', () => {
  test('a window of 1 lets one block through, whole; the balance may go negative', async () => {
    const { client, cursor } = await live({ credit: 1 });
    expect(cursor.deliver(10, 5000)).toBe(true);
    expect(cursor.options.window.bytes).toBe(-4999);
    expect(cursor.deliver(20)).toBe(false);
    client.send({ kind: 'credit', sub: 1, add: 4999 });
    expect(cursor.deliver(20)).toBe(false);
    client.send({ kind: 'credit', sub: 1, add: 1 });
    expect(cursor.deliver(20)).toBe(true);
  });

  test('0 asks for the default; more than 16 MiB is 107', async () => {
    const { client, cursor } = await live();
    expect(cursor.options.window.bytes).toBe(256 << 10);
    client.send({ kind: 'credit', sub: 1, add: 16 << 20 });
    expect(client.take('error')).toMatchObject({ id: 1, code: ErrorCode.BAD_REQUEST });
    client.send({ kind: 'credit', sub: 0, add: 16 << 20 });
    expect(client.take('error')).toMatchObject({ id: 0, code: ErrorCode.BAD_REQUEST });
    expect(cursor.target.creditBytes).toBe(1 << 20);
    client.send({ kind: 'credit', sub: 0, add: 1000 });
    expect(cursor.target.creditBytes).toBe((1 << 20) + 1000);
  });
});

describe('C17: resume tokens', () => {
  test('go on exactly; a partition that they do not know starts at its beginning', async () => {
    const bench = await live();
    bench.rig.upstream.topicsByName.get('t')?.partitions.push({
      ...bench.rig.upstream.partition('t'),
      logStart: 3,
    });
    await resume(bench, tokenOf({}));
    const starts = bench.client.take('subscribed').streams.map(({ startOffset }) => startOffset);
    expect(starts).toEqual([40n, 3n]);
  });

  test('are held against the log as it is now: another process may have read what came a moment ago', async () => {
    const bench = await live();
    const { rig, client } = bench;
    for (const end of [100, 101]) {
      rig.upstream.partition('t').end = end;
      const positions = [{ partition: 0, offset: BigInt(end), epoch: 3 }];
      const asked = { req: end, sub: end, topic: 't', lane: end - 99, start: StartKind.RESUME };
      client.send({ kind: 'subscribe', ...asked, resume: tokenOf({ positions }) });
      await rig.settle();
      expect(client.take('subscribed').streams).toMatchObject([
        { outcome: Outcome.EXACT, startOffset: BigInt(end) },
      ]);
    }
  });

  test.each<[string, Partial<ResumeToken>, number]>([
    ['of another cluster', { clusterTag: 1 }, ErrorCode.WRONG_CLUSTER],
    ['of another filter', { filterTag: 7 }, ErrorCode.FILTER_CHANGED],
  ])('%s', async (_, fields, code) => {
    const bench = await live();
    await resume(bench, tokenOf(fields));
    expect(bench.client.take('error')).toMatchObject({ id: 2, code });
  });

  test('damaged by one bit, anywhere', async () => {
    const bench = await live();
    const token = tokenOf({});
    for (let at = 0; at < token.length; at += 9) {
      const damaged = token.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 4;
      await resume(bench, damaged, at + 2);
      expect(bench.client.take('error')).toMatchObject({ code: ErrorCode.BAD_REQUEST });
    }
  });

  test('C14: of a topic that was made anew: RECREATED and 123', async () => {
    const bench = await live();
    await resume(bench, tokenOf({ topicId: new Uint8Array(16).fill(9) }));
    const [stream] = bench.client.take('subscribed').streams;
    expect(stream).toMatchObject({ outcome: Outcome.RECREATED, startOffset: 0n });
    expect(bench.client.take('unsubscribed').code).toBe(ErrorCode.RECREATED);
  });

  test.each(['RESUME', 'OFFSETS'] as const)(
    'C14: %s right after it was made anew',
    async (kind) => {
      const bench = await live();
      const { upstream } = bench.rig;
      const old = await upstream.topic('t');
      if (old === null) throw new Error('no topic');
      // Nobody is told: the log of the new topic reaches the position under the same epoch.
      upstream.remembered.set('t', old);
      upstream.topicsByName.set('t', {
        id: 2,
        partitions: [{ ...upstream.partition('t') }],
        isCompacted: false,
      });
      if (kind === 'RESUME') await resume(bench, tokenOf({}));
      else {
        const at = { partition: 0, offset: 40n, epoch: 3 };
        const { topicId } = old;
        const asked = { req: 2, sub: 2, topic: 't', topicId, lane: 1, start: StartKind.OFFSETS };
        bench.client.send({ kind: 'subscribe', ...asked, offsets: [at] });
        await bench.rig.advance(60);
      }
      const [stream] = bench.client.take('subscribed').streams;
      expect(stream).toMatchObject({ outcome: Outcome.RECREATED, startOffset: 0n });
      expect(bench.client.take('unsubscribed').code).toBe(ErrorCode.RECREATED);
    },
  );

  test.each([
    ['FAIL', OnLoss.FAIL, [0, 1], ErrorCode.RECREATED],
    ['NEAREST', OnLoss.NEAREST, [0, 1], null],
    ['FAIL, none of them left', OnLoss.FAIL, [1], ErrorCode.RECREATED],
    ['NEAREST, none of them left', OnLoss.NEAREST, [1], ErrorCode.BAD_REQUEST],
  ])(
    'C14: by partitions, of a topic made anew with fewer: %s',
    async (_, onRecreated, partitions, code) => {
      const bench = await live();
      const token = tokenOf({ topicId: new Uint8Array(16).fill(9) });
      await resume(bench, token, 2, { onRecreated, partitions });
      if (partitions[0] === 1) {
        expect(bench.client.take('error')).toMatchObject({ id: 2, code });
        return;
      }
      expect(bench.client.take('subscribed').streams).toMatchObject([
        { partition: 0, outcome: Outcome.RECREATED, startOffset: 0n },
      ]);
      expect(bench.client.kinds()).toEqual(code === null ? [] : ['unsubscribed']);
      if (code !== null) expect(bench.client.take('unsubscribed').code).toBe(code);
    },
  );

  test('a partition that the same topic does not have is a bad request', async () => {
    const bench = await live();
    await resume(bench, tokenOf({}), 2, { partitions: [0, 1], onRecreated: OnLoss.NEAREST });
    expect(bench.client.take('error')).toMatchObject({ id: 2, code: ErrorCode.BAD_REQUEST });
  });

  test('without topic ids a lower epoch than the token says is RECREATED', async () => {
    const bench = await live();
    bench.rig.upstream.create('t', 1, 0);
    await bench.rig.advance(50);
    bench.client.clear();
    await resume(bench, tokenOf({ topicId: new Uint8Array(16) }), 5);
    const [stream] = bench.client.take('subscribed').streams;
    expect(stream).toMatchObject({ outcome: Outcome.RECREATED });
  });
});
