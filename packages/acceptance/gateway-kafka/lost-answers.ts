// C37: the connection to the broker is cut between append and answer.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin } from '@millrace/client';
import { ErrorCode, type PubResult } from '@millrace/gateway-protocol';
import { ApacheKafka, type FrameClient, freePort, MillraceProcess } from '@millrace/testing';
import { GatewayProcess, PROGRAMS } from '../gateway/sdk/gateway-process.ts';
import { BrokerProxy } from './broker-proxy.ts';
import { KafkaOracle } from './kafka-oracle.ts';
import { connect } from './listener.ts';

/** Starts a broker on a port with these settings. */
type StartBroker = (options: {
  readonly port: number;
  readonly overrides: Readonly<Record<string, string>>;
}) => Promise<{ readonly bootstrap: string; stop(): Promise<void> }>;

const TOPIC = 'lost-answers';
const ROUNDS = 12;
const FLIGHT = 15;
const BREATH_MS = 30;
const FOREVER = 1_000_000;

interface Surroundings {
  readonly proxy: BrokerProxy;
  readonly gateway: GatewayProcess;
  readonly oracle: KafkaOracle;
}

/** A broker behind a proxy, and a gateway that knows no other way to it. */
async function surrounded(
  start: StartBroker,
  work: (surroundings: Surroundings) => Promise<void>,
): Promise<void> {
  const port = await freePort();
  const proxy = await BrokerProxy.open(port);
  const bootstrap = `127.0.0.1:${proxy.port}`;
  const overrides = { 'advertised.listeners': `PLAINTEXT://${bootstrap}` };
  const broker = await start({ port, overrides });
  const undo: (() => Promise<void>)[] = [() => broker.stop()];
  try {
    const admin = new Admin({ bootstrapServers: bootstrap });
    await admin.createTopics([{ name: TOPIC, partitionCount: 1 }]);
    admin.close();
    const settings = ['gateway.publish.inflight.records=1000'];
    const gateway = await GatewayProcess.start(bootstrap, settings, PROGRAMS.built);
    undo.push(() => gateway.kill());
    const oracle = await KafkaOracle.open(bootstrap);
    undo.push(() => oracle.close());
    await work({ proxy, gateway, oracle });
  } finally {
    for (const step of undo.reverse()) await step();
    proxy.close();
  }
}

/** What was said of each value. */
type Said = Map<string, { readonly code: number; readonly offset: number }>;

/** The next PubResult, however long it takes: heartbeats go on meanwhile. */
async function nextResult(client: FrameClient): Promise<PubResult> {
  for (;;) {
    const frame = await client.next();
    if (frame.kind === 'pubResult') return frame;
    assert.equal(frame.kind, 'ping');
    client.send({ kind: 'pong' });
  }
}

/** Publishes values one after the other and returns what became of each. */
async function publish(
  { gateway }: Surroundings,
  isText: boolean,
  values: readonly string[],
  between: (index: number) => Promise<void>,
): Promise<Said> {
  const client = await connect(gateway.port, isText);
  for (const [index, value] of values.entries()) {
    const record = { topic: TOPIC, partition: 0, value: new TextEncoder().encode(value) };
    client.send({ kind: 'publish', seq: BigInt(index + 1), ...record });
    await between(index);
  }
  const said: Said = new Map();
  while (said.size < values.length) {
    const { seq, code, baseOffset } = await nextResult(client);
    const value = values[Number(seq) - 1] as string;
    assert.ok(!said.has(value), `${value} was answered twice`);
    said.set(value, { code, offset: Number(baseOffset) });
  }
  client.socket.close();
  return said;
}

/** A success is in the log once, where it was said to be; an unknown outcome at most once; nothing else is there. */
async function holdAgainstLog({ oracle }: Surroundings, said: Said): Promise<void> {
  const places = new Map<string, number[]>();
  for (const { value, offset } of await oracle.read(TOPIC))
    places.set(value ?? '', [...(places.get(value ?? '') ?? []), offset]);
  for (const [value, { code, offset }] of said) {
    const found = places.get(value) ?? [];
    if (code === 0) assert.deepEqual(found, [offset], `${value} was appended`);
    else {
      assert.equal(code, ErrorCode.UNKNOWN_OUTCOME, `${value}: ${code}`);
      assert.ok(found.length <= 1, `${value} is there ${found.length} times`);
    }
  }
  assert.deepEqual(
    [...places.keys()].filter((value) => !said.has(value)),
    [],
  );
}

/** Answers are lost again and again, and the producer asks again: every publish succeeds, once. */
function lostNowAndThen(start: StartBroker): Promise<void> {
  return surrounded(start, async (all) => {
    const everything: Said = new Map();
    for (const isText of [false, true]) {
      const values = Array.from({ length: ROUNDS * FLIGHT }, (_, i) => `${isText}-${i}`);
      const { lostCount } = all.proxy;
      const said = await publish(all, isText, values, async (index) => {
        if (index % FLIGHT !== 0) return;
        all.proxy.answersToLose = 1;
        await sleep(BREATH_MS);
      });
      all.proxy.answersToLose = 0;
      assert.ok(all.proxy.lostCount > lostCount, 'answers were lost');
      assert.deepEqual(
        [...said.values()].filter(({ code }) => code !== 0),
        [],
      );
      for (const [value, outcome] of said) everything.set(value, outcome);
    }
    await holdAgainstLog(all, everything);
  });
}

/** No answer comes at all: 131, although the record is in the log. */
function lostForGood(start: StartBroker): Promise<void> {
  return surrounded(start, async (all) => {
    const first = await publish(all, false, ['before'], async () => undefined);
    all.proxy.answersToLose = FOREVER;
    const lost = await publish(all, false, ['lost 1', 'lost 2'], async () => undefined);
    assert.ok(all.proxy.lostCount > 0, 'answers were lost');
    for (const { code } of lost.values()) assert.equal(code, ErrorCode.UNKNOWN_OUTCOME);
    all.proxy.answersToLose = 0;
    const after = await publish(all, false, ['after'], async () => undefined);
    assert.equal(after.get('after')?.code, 0);
    await holdAgainstLog(all, new Map([...first, ...lost, ...after]));
  });
}

const kafka: StartBroker = (options) => ApacheKafka.start(options);
const millrace: StartBroker = (options) => MillraceProcess.start(options);

/** Rows that start a broker of their own. */
export const LOST_ANSWER_CHECKS: Readonly<Record<string, () => Promise<void>>> = {
  'gateway on Apache Kafka · C37: answers to Produce are lost: each publish succeeds once': () =>
    lostNowAndThen(kafka),
  'gateway on Millrace · C37: answers to Produce are lost: each publish succeeds once': () =>
    lostNowAndThen(millrace),
  'gateway on Millrace · C37: no answer comes: 131': () => lostForGood(millrace),
};
