import { ManualClock } from '@millrace/base';
import { Writer } from '@millrace/bytes';
import { describe, expect, it } from 'vitest';
import { PendingReply } from '../api/pending-reply.ts';
import { BACKLOG_BYTES_MAX, PENDING_REPLIES_PER_CONNECTION_MAX } from '../limits.ts';
import { Backlog } from './backlog.ts';
import { Connection } from './connection.ts';
import { MemoryBudget } from './memory-budget.ts';

class TestReply extends PendingReply {
  readonly name: string;
  fate = 'open';

  constructor(name: string) {
    super();
    this.name = name;
  }

  encodeBody(writer: Writer): void {
    if (this.name === 'broken') throw new Error('does not encode');
    writer.string(this.name);
  }

  release(): void {
    this.fate = 'released';
  }

  abandon(): void {
    this.fate = 'abandoned';
  }
}

function setUp(requestsMax = 500) {
  const clock = new ManualClock();
  const sent: string[] = [];
  const bugs: unknown[] = [];
  const finishes: number[] = [];
  const reading: string[] = [];
  const reactor = {
    pauseReading: () => reading.push('paused'),
    resumeReading: () => reading.push('resumed'),
  };
  const budget = new MemoryBudget(reactor as never, requestsMax);
  const responses = {
    stage: (_id: number, reply: PendingReply) => {
      const writer = new Writer();
      reply.encodeBody(writer);
      sent.push((reply as TestReply).name);
    },
    stageClose: () => sent.push('close'),
  };
  const ready: unknown[] = [];
  const backlog = new Backlog({
    reactor: { unsentBytes: () => 0 } as never,
    clock,
    runInTick: (body) => body(),
    serve: (_connection, { bytes }) => ready.push(bytes),
  });
  const connection = new Connection({
    backlog,
    setReading: (isReading) => reading.push(isReading ? 'resumed' : 'paused'),
    identity: {
      id: 1,
      remoteAddress: '127.0.0.1',
      remotePort: 1,
      localAddress: '127.0.0.1',
      localPort: 2,
      listener: 'PLAINTEXT',
    },
    responses: responses as never,
    budget,
    hasFlexibleResponseHeader: () => false,
    nowMs: () => clock.monotonicMs(),
    onReply: ({ finishedAtMs }) => finishes.push(finishedAtMs),
    onBug: (_reply, error) => bugs.push(error),
  });
  const enqueue = (name: string) => {
    const reply = new TestReply(name);
    connection.enqueue(reply);
    return reply;
  };
  return { clock, sent, finishes, bugs, reading, ready, budget, connection, enqueue };
}

describe('connection', () => {
  it('sends replies in request order, whatever finishes first', () => {
    const { sent, enqueue } = setUp();
    const [a, b, c] = [enqueue('a'), enqueue('b'), enqueue('c')];
    c.finish();
    b.finish();
    expect(sent).toEqual([]);
    a.finish();
    expect(sent).toEqual(['a', 'b', 'c']);
    expect([a.fate, b.fate, c.fate]).toEqual(['released', 'released', 'released']);
  });

  it('notes when an answer was complete that had to wait for earlier ones', () => {
    const { clock, finishes, enqueue } = setUp();
    const [a, b] = [enqueue('a'), enqueue('b')];
    clock.advance(5);
    const since = clock.monotonicMs();
    b.finish();
    clock.advance(7);
    a.finish();
    expect(finishes).toEqual([0, since]);
    enqueue('c').finish();
    expect(finishes).toEqual([0, since, 0]);
  });

  it('skips silent replies but keeps their place', () => {
    const { sent, enqueue } = setUp();
    const [a, quiet, b] = [enqueue('a'), enqueue('quiet'), enqueue('b')];
    quiet.isSilent = true;
    b.finish();
    a.finish();
    expect(sent).toEqual(['a']);
    quiet.finish();
    expect(sent).toEqual(['a', 'b']);
  });

  it('closes after the replies that are owed', () => {
    const { sent, connection, enqueue } = setUp();
    const a = enqueue('a');
    connection.closeAfterReplies();
    expect(connection.isClosing).toBe(true);
    expect(sent).toEqual([]);
    a.finish();
    expect(sent).toEqual(['a', 'close']);
  });

  it('abandons what is owed when the socket is gone', () => {
    const { sent, connection, enqueue, budget } = setUp();
    const [a, b] = [enqueue('a'), enqueue('b')];
    b.finish();
    connection.closed();
    expect([a.fate, b.fate]).toEqual(['abandoned', 'released']);
    expect(budget.requestCount).toBe(0);
    a.finish();
    expect(sent).toEqual([]);
  });

  it('closes when a response does not encode, and reports the bug', () => {
    const { sent, bugs, enqueue } = setUp();
    const [broken, b] = [enqueue('broken'), enqueue('b')];
    broken.finish();
    b.finish();
    expect(sent).toEqual(['close']);
    expect(bugs).toHaveLength(1);
  });

  it('stops reading from a client that is owed too many replies, and goes on at half', () => {
    const { reading, enqueue } = setUp();
    const replies = [];
    for (let i = 0; i < PENDING_REPLIES_PER_CONNECTION_MAX; i++) replies.push(enqueue(`${i}`));
    expect(reading).toEqual(['paused']);
    for (const reply of replies.slice(0, PENDING_REPLIES_PER_CONNECTION_MAX / 2)) reply.finish();
    expect(reading).toEqual(['paused', 'resumed']);
  });

  it('stops reading from whoever goes on while the whole broker owes too much', () => {
    const { reading, enqueue } = setUp(2);
    const replies = [enqueue('a'), enqueue('b'), enqueue('c')];
    expect(reading).toEqual(['paused']);
    for (const reply of replies) reply.finish();
    expect(reading).toEqual(['paused', 'resumed']);
  });

  it('keeps the text of a client id that comes again', () => {
    const { connection } = setUp();
    const bytes = Buffer.from('xxrdkafkayy');
    const first = connection.clientIdOf(bytes, 2, 9);
    expect(first).toBe('rdkafka');
    expect(connection.clientIdOf(Buffer.from('rdkafka'), 0, 7)).toBe(first);
    expect(connection.clientIdOf(Buffer.from('rdkafkb'), 0, 7)).toBe('rdkafkb');
  });

  it('holds frames back behind a long poll and serves them in order after it', async () => {
    const { connection, enqueue, ready, reading } = setUp();
    expect(connection.mustWait).toBe(false);
    const poll = enqueue('poll');
    connection.parked(1);
    expect(connection.mustWait).toBe(true);
    expect(connection.holdBack(Buffer.from('a'))).toBe(true);
    expect(connection.holdBack(Buffer.from('b'))).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ready).toEqual([]);
    connection.parked(-1);
    poll.finish();
    await new Promise((resolve) => setImmediate(resolve));
    expect(ready.map(String)).toEqual(['a', 'b'].map((text) => String(Buffer.from(text))));
    expect(reading).toEqual(['paused', 'resumed']);
    expect(connection.hasHeldBack).toBe(false);
  });

  it('refuses to hold more than the bound of all connections, and forgets what a closed one sent', () => {
    const { connection, enqueue } = setUp();
    enqueue('poll');
    connection.parked(1);
    expect(connection.holdBack(new Uint8Array(BACKLOG_BYTES_MAX))).toBe(true);
    expect(connection.holdBack(new Uint8Array(1))).toBe(false);
    connection.closed();
    expect(connection.holdBack(new Uint8Array(1))).toBe(true);
  });
});
