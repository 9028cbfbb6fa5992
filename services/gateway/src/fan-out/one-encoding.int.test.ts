import { Producer } from '@millrace/client';
import { eventually, FrameClient, MillraceProcess, readServerFrames } from '@millrace/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningGateway } from '../gateway.ts';
import { gatewayOver } from '../session/testing/gateway-over.ts';

const CLIENTS = 1000;
const TOPIC = 'shared';
/** Of the gateway: its series for the topic. */
const DELIVERED = `topic_records_delivered_total{topic="${TOPIC}",path="hot"}`;
const BLOCKS = 5;
const OPENED_AT_ONCE = 250;
const DELIVERED_MS_MAX = 60_000;

let broker: MillraceProcess;
let gateway: RunningGateway;
let producer: Producer;

beforeAll(async () => {
  broker = await MillraceProcess.start();
  gateway = await gatewayOver(broker.bootstrap, [
    'gateway.handshakes.per.second=10000',
    'gateway.handshakes.per.address=10000',
    'gateway.connections.per.address=2000',
    'gateway.connections.per.principal=2000',
    `gateway.metrics.topics=${TOPIC}`,
    // Nobody says Pong here, and a busy machine takes its time for 2,000 sockets.
    'gateway.hello.timeout.ms=60000',
    'gateway.ping.interval.ms=600000',
    'gateway.drain.spread.ms=0',
    'gateway.drain.close.after.ms=0',
  ]);
  producer = new Producer({ bootstrapServers: broker.bootstrap });
});

afterAll(async () => {
  producer?.abort();
  await gateway?.close();
  await broker?.stop();
});

/** The value of one series of the gateway, by its name without prefix, and its labels; 0 when there is none. */
async function metric(series: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`);
  const lines = (await answer.text()).split('\n');
  const line = lines.find((one) => one.startsWith(`millrace_gateway_${series} `));
  return Number(line?.slice(line.lastIndexOf(' ')) ?? 0);
}

const framesEncoded = () => metric('frames_encoded_total');

/** A live subscriber, and the messages with records that it gets, byte for byte. */
async function subscriber(isText: boolean): Promise<{ client: FrameClient; messages: Buffer[] }> {
  const client = await FrameClient.open(gateway.port, isText);
  const messages: Buffer[] = [];
  client.socket.addEventListener('message', ({ data }) => {
    const message = Buffer.from(data);
    if (readServerFrames(message, isText)[0]?.kind === 'records') messages.push(message);
  });
  client.send({ kind: 'hello', caps: 31 });
  await client.take('welcome');
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: TOPIC });
  await client.take('caughtUp');
  return { client, messages };
}

const KINDS = [
  ['binary', false],
  ['JSON', true],
] as const;
test.each(KINDS)(
  `C20: ${CLIENTS} %s sockets get the same bytes, encoded once`,
  async (_, isText) => {
    await producer.send({ topic: TOPIC, value: 'before' });
    const all: Awaited<ReturnType<typeof subscriber>>[] = [];
    while (all.length < CLIENTS) {
      const opening = Array.from({ length: OPENED_AT_ONCE }, () => subscriber(isText));
      all.push(...(await Promise.all(opening)));
    }
    const before = await framesEncoded();
    const deliveredBefore = await metric(DELIVERED);
    for (let block = 1; block <= BLOCKS; block++) {
      await producer.send({ topic: TOPIC, key: 'k', value: `block ${block}` });
      await eventually(`all have block ${block}`, DELIVERED_MS_MAX, () =>
        all.every(({ messages }) => messages.length === block),
      );
    }
    expect((await framesEncoded()) - before).toBe(BLOCKS);
    const expected = Buffer.concat(all[0]?.messages ?? []);
    for (const { messages } of all) expect(Buffer.concat(messages).equals(expected)).toBe(true);
    expect((await metric(DELIVERED)) - deliveredBefore).toBe(CLIENTS * BLOCKS);
    expect(await metric('topic_delivery_lag_seconds_count{topic="shared"}')).toBeGreaterThan(0);
    expect(await metric('bytes_per_write_count')).toBeGreaterThan(0);
    for (const { client } of all) client.socket.close();
    await Promise.all(all.map(({ client }) => client.closed()));
  },
);
