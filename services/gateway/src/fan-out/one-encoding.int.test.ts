import { Producer } from '@millrace/client';
import { readMessage, serverLimits } from '@millrace/gateway-protocol';
import { eventually, FrameClient, MillraceProcess } from '@millrace/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningGateway } from '../gateway.ts';
import { gatewayOver } from '../session/testing/gateway-over.ts';

const CLIENTS = 1000;
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
    'gateway.metrics.topics=shared',
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

/** The value of one series of the gateway, by its name without prefix, and its labels. */
async function metric(series: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`);
  const lines = (await answer.text()).split('\n');
  const line = lines.find((one) => one.startsWith(`millrace_gateway_${series} `));
  return Number(line?.slice(line.lastIndexOf(' ')));
}

const framesEncoded = () => metric('frames_encoded_total');

/** A live subscriber, and the messages with records that it gets, byte for byte. */
async function subscriber(): Promise<{ client: FrameClient; messages: Buffer[] }> {
  const client = await FrameClient.open(gateway.port);
  const messages: Buffer[] = [];
  client.socket.addEventListener('message', ({ data }) => {
    const bytes = new Uint8Array(data as ArrayBuffer);
    const reading = readMessage(bytes, 'toClient', serverLimits);
    if (reading.ok && reading.frames[0]?.kind === 'records') messages.push(Buffer.from(bytes));
  });
  client.send({ kind: 'hello', caps: 31 });
  await client.take('welcome');
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 'shared' });
  await client.take('caughtUp');
  return { client, messages };
}

test(`C20: ${CLIENTS} sockets of one class get the same bytes, encoded once a block`, async () => {
  await producer.send({ topic: 'shared', value: 'before' });
  const all: Awaited<ReturnType<typeof subscriber>>[] = [];
  while (all.length < CLIENTS)
    all.push(...(await Promise.all(Array.from({ length: OPENED_AT_ONCE }, subscriber))));
  const before = await framesEncoded();
  for (let block = 1; block <= BLOCKS; block++) {
    await producer.send({ topic: 'shared', key: 'k', value: `block ${block}` });
    await eventually(`all have block ${block}`, DELIVERED_MS_MAX, () =>
      all.every(({ messages }) => messages.length === block),
    );
  }
  expect((await framesEncoded()) - before).toBe(BLOCKS);
  const expected = Buffer.concat(all[0]?.messages ?? []);
  for (const { messages } of all) expect(Buffer.concat(messages).equals(expected)).toBe(true);
  const delivered = 'topic_records_delivered_total{topic="shared",path="hot"}';
  expect(await metric(delivered)).toBe(CLIENTS * BLOCKS);
  expect(await metric('topic_delivery_lag_seconds_count{topic="shared"}')).toBeGreaterThan(0);
  expect(await metric('bytes_per_write_count')).toBeGreaterThan(0);
  for (const { client } of all) client.socket.close();
});
