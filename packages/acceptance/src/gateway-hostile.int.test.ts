// Hostile input over real sockets against a gateway in a process of its own.
import { Admin } from '@millrace/client';
import { eventually, startTestBroker, type TestBroker } from '@millrace/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { GatewayProcess } from '../gateway/sdk/gateway-process.ts';
import { CLOSING_MESSAGES } from '../gateway-hostile/bad-frames.ts';
import { GatewayCanary } from '../gateway-hostile/canary.ts';
import { CONFIDENTIAL, gatewayFuzz } from '../gateway-hostile/fuzz.ts';
import { GENEROUS_LIMITS } from '../gateway-hostile/limits.ts';
import { Opcode, RawWebSocket, webSocketFrame } from '../gateway-hostile/raw-web-socket.ts';
import { descriptorCount, MIB, rssBytes } from '../hostile/process-facts.ts';

const CLOSED_MS_MAX = 20_000;
const TOPIC = 'canary';
const BINARY = 'millrace.v1.fb';

let broker: TestBroker;
let gateway: GatewayProcess;
let canary: GatewayCanary;
let sockets: RawWebSocket[] = [];

beforeAll(async () => {
  broker = await startTestBroker();
  const admin = new Admin({ bootstrapServers: broker.bootstrap });
  await admin.createTopics([{ name: TOPIC, partitionCount: 1 }]);
  await admin.close();
  gateway = await GatewayProcess.start(broker.bootstrap, GENEROUS_LIMITS);
  canary = await GatewayCanary.open(gateway.port, TOPIC);
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
});

afterAll(async () => {
  canary?.close();
  try {
    await gateway?.stop();
  } finally {
    await broker?.stop();
  }
  const said = gateway?.output ?? '';
  expect(said).not.toMatch(/a handler failed|a socket dropped bytes|"ERROR"/);
  // C51: nor what was in the frames.
  expect([...CONFIDENTIAL, 'song 1'].filter((each) => said.includes(each))).toEqual([]);
});

async function open(): Promise<RawWebSocket> {
  const socket = await RawWebSocket.open(gateway.port, BINARY);
  sockets.push(socket);
  return socket;
}

it.each(Object.entries(CLOSING_MESSAGES))('C06: closes on %s', async (_what, make) => {
  const socket = await open();
  socket.send(make());
  await eventually('the connection is closed', CLOSED_MS_MAX, () => socket.isClosed);
});

it('C06: takes memory for what may be a message, not for what never ends', async () => {
  await canary.sing();
  const before = rssBytes(gateway.pid);
  const unfinished = webSocketFrame(Opcode.BINARY, Buffer.alloc(60_000), { isLast: false });
  const count = 500;
  for (let n = 0; n < count; n++) (await open()).send(unfinished);
  await canary.sing();
  expect((rssBytes(gateway.pid) - before) / count).toBeLessThan(2 * 65_536);
});

it('C06, C07: mutated messages cost no memory, no descriptor and nobody else', async () => {
  const run = (seed: number, messageCount: number) =>
    gatewayFuzz({ port: gateway.port, canary, seed, messageCount });
  // The heap finds its size first.
  await run(1, 2_000);
  const [rss, descriptors] = [rssBytes(gateway.pid), descriptorCount(gateway.pid)];
  const report = await run(2, 6_000);
  expect(report.closedCount).toBeGreaterThan(100);
  expect((rssBytes(gateway.pid) - rss) / MIB).toBeLessThan(96);
  await eventually('all descriptors are back', CLOSED_MS_MAX, () => {
    return descriptorCount(gateway.pid) <= descriptors + 4;
  });
});
