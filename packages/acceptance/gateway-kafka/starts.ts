// C09: where each kind of start begins, and what comes from there, against what a Kafka consumer is given.
import assert from 'node:assert/strict';
import {
  type FrameFields,
  Isolation,
  Outcome,
  Policy,
  StartKind,
} from '@millrace/gateway-protocol';
import { eventually, type FrameClient } from '@millrace/testing';
import type { IsolationLevel, LoggedRecord } from './kafka-oracle.ts';
import { connect, Listener } from './listener.ts';
import { EPOCH_MS, type Log, PLAIN_LOGS, TRANSACTIONAL_LOGS } from './logs.ts';
import type { Stage } from './stage.ts';

const NAME = 'mark';
const FINISH_MS = 60_000;
/** The group of a name that a client without a token commits under (§15.3). */
export const groupOf = (name: string): string => `gw..anonymous.${name}`;

/** One kind of start with its operand, and where a Kafka consumer begins that is asked the same. */
interface Question {
  readonly what: string;
  readonly ask: Partial<FrameFields<'subscribe'>>;
  readonly expected: number;
}

/** What a Kafka consumer sees of a log under one isolation. */
interface Truth {
  readonly start: number;
  readonly end: number;
  readonly records: readonly LoggedRecord[];
}

async function questions(
  { oracle }: Stage,
  { topic, isCompacted }: Log,
  level: IsolationLevel,
  truth: Truth,
): Promise<Question[]> {
  const { start, end, records } = truth;
  const all: Question[] = [
    { what: 'EARLIEST', ask: { start: StartKind.EARLIEST }, expected: start },
    { what: 'LATEST', ask: { start: StartKind.LATEST }, expected: end },
  ];
  for (const lastN of [1, 5, 10_000])
    all.push({
      what: `LAST_N ${lastN}`,
      ask: { start: StartKind.LAST_N, lastN },
      expected: Math.max(start, end - lastN),
    });
  const middle = Math.floor((start + end) / 2);
  for (const offset of new Set([
    start,
    Math.min(start + 1, end),
    middle,
    Math.max(start, end - 1),
    end,
  ]))
    all.push({
      what: `OFFSETS ${offset}`,
      ask: {
        start: StartKind.OFFSETS,
        offsets: [{ partition: 0, offset: BigInt(offset), epoch: -1 }],
      },
      expected: offset,
    });
  const times = records.map(({ timestampMs }) => timestampMs);
  const last = times.at(-1) ?? EPOCH_MS;
  // Within an open transaction, too: there nobody can be sure yet.
  const asked = [
    0,
    times[0] ?? EPOCH_MS,
    times[times.length >> 1] ?? EPOCH_MS,
    last,
    last + 1,
    last + 3_500,
    last + 6_500,
  ];
  for (const time of new Set([...asked, 4e12])) {
    const found = await oracle.forTime(topic, level, time);
    all.push({
      what: `TIMESTAMP ${time}`,
      ask: { start: StartKind.TIMESTAMP, timestampMs: BigInt(time) },
      expected: found < 0 ? end : found,
    });
  }
  all.push({
    what: 'COMMITTED',
    ask: { start: StartKind.COMMITTED, name: `${NAME}-${topic}` },
    expected: await oracle.committed(topic, groupOf(`${NAME}-${topic}`)),
  });
  if (isCompacted)
    all.push({ what: 'KEY_SNAPSHOT', ask: { start: StartKind.KEY_SNAPSHOT }, expected: start });
  return all;
}

/** The records from an offset on, in the form in which the question wants them. */
function expectedRecords(
  { what, expected }: Question,
  { records }: Truth,
): readonly LoggedRecord[] {
  const from = records.filter(({ offset }) => offset >= expected);
  if (what !== 'KEY_SNAPSHOT') return from;
  const latest = new Map(from.map((record) => [record.key, record.offset]));
  return from.filter(({ key, offset }) => latest.get(key) === offset);
}

/** Asks every question on one connection, and once more from the middle with the token of an earlier one. */
async function askAll(
  client: FrameClient,
  topic: string,
  isolation: number,
  truth: Truth,
  all: readonly Question[],
): Promise<void> {
  let sub = 0;
  let resume: Uint8Array | null = null;
  const settle = async (question: Question): Promise<void> => {
    const listener = await Listener.on(client, {
      ...{ sub: ++sub, topic, isolation },
      ...question.ask,
    });
    const stream = await listener.placed();
    assert.equal(Number(stream.info.startOffset), question.expected, `${question.what}: the start`);
    const honoured = [Outcome.EXACT, Outcome.TRIMMED] as number[];
    assert.ok(honoured.includes(stream.info.outcome), `${question.what}: ${stream.info.outcome}`);
    // Above the last stable offset a consumer waits.
    const end = Math.max(truth.end, question.expected);
    if (end === truth.end) await listener.until(() => stream.caughtUpAt.length > 0);
    const token = await listener.leave();
    assert.equal(stream.position, end, `${question.what}: the end`);
    assert.deepEqual(stream.records, expectedRecords(question, truth), question.what);
    if (question.what.startsWith('OFFSETS')) resume ??= token;
  };
  for (const question of all) await settle(question);
  assert.ok(resume, 'there is a token');
  const ask = { start: StartKind.RESUME, resume, policy: Policy.PAUSE };
  await settle({ what: 'RESUME', ask, expected: truth.end });
}

async function startsIn(stage: Stage, log: Log): Promise<void> {
  const { oracle, gateway } = stage;
  const { topic } = log;
  const { start, end } = await oracle.bounds(topic, 'read_uncommitted');
  await stage.admin.commitGroupOffsets(
    groupOf(`${NAME}-${topic}`),
    topic,
    new Map([[0, { offset: Math.floor((start + end) / 2), leaderEpoch: -1, metadata: '' }]]),
  );
  for (const level of ['read_committed', 'read_uncommitted'] as const) {
    const isolation = level === 'read_committed' ? Isolation.COMMITTED : Isolation.UNCOMMITTED;
    const truth = {
      ...(await oracle.bounds(topic, level)),
      records: await oracle.read(topic, level),
    };
    const all = await questions(stage, log, level, truth);
    for (const isText of [false, true]) {
      const client = await connect(gateway.port, isText);
      try {
        await askAll(client, topic, isolation, truth, all);
      } catch (error) {
        const where = `${log.name}, ${level}, ${isText ? 'JSON' : 'binary'}`;
        throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
      } finally {
        client.socket.close();
      }
    }
  }
}

/** Who waits at the last stable offset is given the rest when the transaction ends. */
async function goesOn(stage: Stage, log: Log): Promise<void> {
  if (log.finish === null) return;
  const { oracle, gateway } = stage;
  const client = await connect(gateway.port, false);
  const { topic } = log;
  const before = await oracle.bounds(topic, 'read_committed');
  const listener = await Listener.on(client, { sub: 1, topic, start: StartKind.EARLIEST });
  await listener.upTo(before.end);
  await log.finish();
  const after = await eventually('nothing is open any more', FINISH_MS, async () => {
    const [stable, all] = await Promise.all([
      oracle.bounds(topic, 'read_committed'),
      oracle.bounds(topic, 'read_uncommitted'),
    ]);
    return stable.end > before.end && stable.end === all.end ? stable : undefined;
  });
  const stream = await listener.upTo(after.end);
  assert.deepEqual(stream.records, await oracle.read(topic));
  client.socket.close();
}

async function startsInAll(
  stage: Stage,
  logs: readonly ((stage: Stage) => Promise<Log>)[],
): Promise<void> {
  for (const make of logs) {
    const log = await make(stage);
    await startsIn(stage, log);
    await goesOn(stage, log);
  }
}

export const startChecks = {
  'C09: starts where a Kafka consumer begins: empty, one record, DeleteRecords, compacted': (
    stage: Stage,
  ) => startsInAll(stage, PLAIN_LOGS),
};

/** Row → what it does before a cluster that has transactions. */
export const transactionChecks = {
  'C09: starts where a Kafka consumer begins: aborted and open transactions': (stage: Stage) =>
    startsInAll(stage, TRANSACTIONAL_LOGS),
};
