// A gateway process whose memory runs short.
import { Producer } from '@millrace/client';
import { StartKind } from '@millrace/gateway-protocol';
import { eventually, startTestBroker, type TestBroker } from '@millrace/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { adminFetch, gatewayMetric } from '../gateway/sdk/gateway-metric.ts';
import { GatewayProcess } from '../gateway/sdk/gateway-process.ts';
import { GENEROUS_LIMITS } from '../gateway-hostile/limits.ts';
import { Opcode, webSocketFrame } from '../gateway-hostile/raw-web-socket.ts';
import { RawClient } from '../gateway-sockets/raw-client.ts';
import { rssBytes } from '../hostile/process-facts.ts';

const OVERLOADED = 111;
const SLOW_CONSUMER = 4002;
const REFUSED = 4003;
const WAIT_MS = 60_000;
const TOPIC = 'much';
const RECORDS = 500;
const CREDIT = 16 << 20;
/** Of what a gateway takes by itself: far enough above that it begins with room, however it finds its size. */
const BUDGET = 1.6;
/** Each holds 60 KB in the gateway, as a message that is not complete. */
const HOARDERS_AT_ONCE = 100;
const HOARDERS_MAX = 8000;
const SETTINGS = [
  ...GENEROUS_LIMITS,
  'gateway.hello.timeout.ms=60000',
  'gateway.drain.close.after.ms=500',
  // Well below the ratio at which somebody is sent away: memory goes up and down a little.
  'gateway.admission.high=0.8',
  // Nothing else may end the heavy one.
  'gateway.ping.interval.ms=600000',
  'gateway.socket.stall.ms=600000',
  'gateway.socket.user.timeout.ms=600000',
  'gateway.ring.total.bytes=33554432',
  'gateway.cold.cache.bytes=33554432',
  'gateway.conflate.total.bytes=67108864',
];

let broker: TestBroker;
let gateway: GatewayProcess | undefined;
let clients: RawClient[] = [];

beforeAll(async () => {
  broker = await startTestBroker();
  const producer = new Producer({ bootstrapServers: broker.bootstrap });
  const record = { topic: TOPIC, partition: 0, value: Buffer.alloc(5000, 'x') };
  await Promise.all(Array.from({ length: RECORDS }, () => producer.send(record)));
  await producer.close();
});

afterEach(() => {
  for (const client of clients) client.destroy();
  clients = [];
});

afterAll(async () => {
  await gateway?.kill();
  await broker?.stop();
});

async function kept(opening: Promise<RawClient>): Promise<RawClient> {
  const client = await opening;
  clients.push(client);
  return client;
}

/** What a gateway takes that serves one client. Bytes. */
async function ownBytes(): Promise<number> {
  const first = await GatewayProcess.start(broker.bootstrap, SETTINGS);
  const client = await RawClient.welcomed(first.port, CREDIT);
  const bytes = rssBytes(first.pid);
  client.destroy();
  await first.kill();
  return bytes;
}

test('C48: at the limit of its memory a process refuses newcomers, sends the heaviest away and lives', async () => {
  const budget = Math.round(BUDGET * (await ownBytes()));
  const small = await GatewayProcess.start(broker.bootstrap, [
    ...SETTINGS,
    `gateway.memory.bytes=${budget}`,
  ]);
  gateway = small;
  const heavy = await kept(RawClient.welcomed(small.port, CREDIT));
  heavy.stopReading();
  const everything = { topic: TOPIC, start: StartKind.EARLIEST, credit: CREDIT };
  heavy.send({ kind: 'subscribe', req: 1, sub: 1, ...everything });
  await eventually('it holds unsent bytes', WAIT_MS, async () => {
    return (await gatewayMetric(small, 'unsent_bytes')) > 0;
  });
  expect(await gatewayMetric(small, `goaways_total{code="${OVERLOADED}"}`)).toBe(0);

  const unfinished = webSocketFrame(Opcode.BINARY, Buffer.alloc(60_000), { isLast: false });
  await eventually('somebody is sent away', WAIT_MS, async () => {
    if (clients.length < HOARDERS_MAX) {
      const opening = Array.from({ length: HOARDERS_AT_ONCE }, () =>
        kept(RawClient.open(small.port)),
      );
      for (const hoarder of await Promise.all(opening)) hoarder.raw.send(unfinished);
    }
    return (await gatewayMetric(small, `goaways_total{code="${OVERLOADED}"}`)) > 0;
  });

  const newcomer = await kept(RawClient.open(small.port));
  newcomer.send({ kind: 'hello', caps: 127 });
  const refusal = await newcomer.take('error');
  expect(refusal.code).toBe(OVERLOADED);
  expect(refusal.retryAfterMs).toBeGreaterThan(0);
  await eventually('the newcomer is closed', WAIT_MS, () => newcomer.raw.isClosed);
  expect(newcomer.closeCode).toBe(REFUSED);

  heavy.readOn();
  await eventually('the heaviest is closed', WAIT_MS, () => heavy.raw.isClosed);
  expect((await heavy.take('goaway')).code).toBe(OVERLOADED);
  expect(heavy.closeCode).toBe(SLOW_CONSUMER);
  expect((await adminFetch(small, '/healthz')).status).toBe(200);
});
