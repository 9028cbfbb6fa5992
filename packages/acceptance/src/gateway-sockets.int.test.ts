// What a gateway does about sockets that are silent, slow or never finished, and what others notice of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { Producer } from '@millrace/client';
import { type FrameOf, Outcome, StartKind } from '@millrace/gateway-protocol';
import { eventually, FrameClient, startTestBroker, type TestBroker } from '@millrace/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { gatewayMetric } from '../gateway/sdk/gateway-metric.ts';
import { GatewayProcess } from '../gateway/sdk/gateway-process.ts';
import { GENEROUS_LIMITS } from '../gateway-hostile/limits.ts';
import { Opcode, webSocketFrame } from '../gateway-hostile/raw-web-socket.ts';
import { handshakeRatio } from '../gateway-sockets/half-open.ts';
import { kernelBytes } from '../gateway-sockets/kernel-bytes.ts';
import { RawClient } from '../gateway-sockets/raw-client.ts';

const NO_PONG = 4004;
const SOCKET_STALLED = 4008;
/** Ping interval and grace together: who is not heard of for so long is dead. */
const SPAN_MS = 6000;
const UNAUTHENTICATED_MAX = 40;
const HALF_OPEN = 300;
const TRIES = 6;
const WAIT_MS = 60_000;
const TOPIC = 'backlog';
const RECORDS = 12_000;
const RECORD_BYTES = 1000;
const BACKLOG_BYTES = RECORDS * RECORD_BYTES;
/** More than all of it, so that nobody needs more credit. */
const CREDIT = 16 << 20;
const UNSENT_BYTES_MAX = 65_536;
const KERNEL_BYTES_MAX = 131_072;

let broker: TestBroker;
let gateway: GatewayProcess;
let undo: (() => void)[] = [];

beforeAll(async () => {
  broker = await startTestBroker();
  const producer = new Producer({ bootstrapServers: broker.bootstrap });
  const value = Buffer.alloc(RECORD_BYTES, 'x');
  const record = { topic: TOPIC, partition: 0, value };
  await Promise.all(Array.from({ length: RECORDS }, () => producer.send(record)));
  await producer.close();
  gateway = await GatewayProcess.start(broker.bootstrap, [
    ...GENEROUS_LIMITS.filter((each) => !each.includes('unauthenticated')),
    `gateway.connections.unauthenticated.max=${UNAUTHENTICATED_MAX}`,
    'gateway.hello.timeout.ms=60000',
    'gateway.ping.interval.ms=2000',
    'gateway.pong.grace.ms=4000',
    'gateway.socket.stall.ms=4000',
  ]);
});

afterEach(() => {
  for (const step of undo) step();
  undo = [];
});

afterAll(async () => {
  await gateway?.stop();
  await broker?.stop();
});

async function welcomed(): Promise<RawClient> {
  const client = await RawClient.welcomed(gateway.port, CREDIT);
  undo.push(() => client.destroy());
  return client;
}

/** Asks for the whole backlog. */
const EVERYTHING = {
  kind: 'subscribe',
  req: 1,
  sub: 1,
  topic: TOPIC,
  start: StartKind.EARLIEST,
  credit: CREDIT,
} as const;

/** The close code that a client was told, and after how long. It takes all that comes and says what `speak` does. */
async function endOf(client: RawClient, speak: () => void) {
  const startedAt = performance.now();
  await eventually('it is closed', WAIT_MS, () => {
    if (!client.raw.isClosed) speak();
    return client.raw.isClosed;
  });
  return { code: client.closeCode, afterMs: performance.now() - startedAt };
}

/** Offsets that these frames cover, each beginning where the one before ended. */
function covered(frames: readonly FrameOf<'records'>[], from: bigint): bigint {
  let next = from;
  for (const frame of frames) {
    expect(frame.fromOffset).toBe(next);
    next = frame.nextOffset;
  }
  return next;
}

test('C44, C46: who says nothing is 4004, not before its time; a message that drips in by bytes is nothing', async () => {
  const [silent, dripper] = await Promise.all([welcomed(), welcomed()]);
  dripper.raw.send(webSocketFrame(Opcode.BINARY, Buffer.alloc(1), { length: 60_000n }));
  let dripped = 0;
  const ends = await Promise.all([
    endOf(silent, () => {}),
    endOf(dripper, () => {
      dripper.raw.send(Buffer.alloc(1));
      dripped++;
    }),
  ]);
  expect(ends.map(({ code }) => code)).toEqual([NO_PONG, NO_PONG]);
  for (const { afterMs } of ends) expect(afterMs).toBeGreaterThan(SPAN_MS / 2);
  expect(dripped).toBeGreaterThan(5);
});

/** Whether a client that takes 60 KiB a second, and answers no Ping, lives for twice the time of a silent one. */
async function slowTakerLives(): Promise<boolean> {
  const client = await welcomed();
  client.stopReading();
  client.send(EVERYTHING);
  const untilMs = performance.now() + 2 * SPAN_MS;
  while (performance.now() < untilMs) {
    client.readOnce();
    await sleep(1000);
  }
  const wasSlow = client.raw.receivedBytes < BACKLOG_BYTES / 2;
  // A Close would stand behind what the kernel holds: only who was not closed gets all of it.
  client.readOn();
  await eventually('all of it, or the end', WAIT_MS, () => {
    return client.raw.isClosed || client.raw.receivedBytes > BACKLOG_BYTES;
  });
  return wasSlow && client.raw.receivedBytes > BACKLOG_BYTES;
}

test('C44: a client busy taking 60 KiB a second lives without a Pong', async () => {
  let isAlive = false;
  // A machine that stands still for long looks like a client that does.
  for (let attempt = 0; attempt < 3 && !isAlive; attempt++) isAlive = await slowTakerLives();
  expect(isAlive).toBe(true);
});

test('C22, C50: who stops reading is held by 64 KiB and what the kernel may keep, is 4008, and goes on exactly there', async () => {
  const stopped = await welcomed();
  stopped.stopReading();
  const { localPort = 0 } = stopped.raw.socket;
  stopped.send(EVERYTHING);
  const other = await FrameClient.open(gateway.port);
  undo.push(() => other.socket.close());
  other.send({ kind: 'hello', caps: 127, credit: CREDIT });
  await other.take('welcome');
  other.send(EVERYTHING);

  let kernelMost = 0;
  await eventually('the stopped one is given up', WAIT_MS, async () => {
    kernelMost = Math.max(kernelMost, kernelBytes(gateway.pid, gateway.port, localPort));
    other.send({ kind: 'pong', nonce: 0 });
    return (
      (await gatewayMetric(gateway, `connections_closed_total{code="${SOCKET_STALLED}"}`)) === 1
    );
  });
  expect(kernelMost).toBeGreaterThan(0);
  expect(kernelMost).toBeLessThanOrEqual(KERNEL_BYTES_MAX);
  expect(await gatewayMetric(gateway, 'unsent_bytes_max')).toBeGreaterThan(0);
  expect(await gatewayMetric(gateway, 'unsent_bytes_max')).toBeLessThanOrEqual(UNSENT_BYTES_MAX);
  expect(await gatewayMetric(gateway, 'socket_dropped_total')).toBe(0);
  // The other one was given everything meanwhile.
  const { offset: end } = await other.take('caughtUp');
  expect(end).toBe(BigInt(RECORDS));

  stopped.readOn();
  await eventually('the end', WAIT_MS, () => stopped.raw.isClosed);
  expect(stopped.closeCode).toBe(SOCKET_STALLED);
  const position = covered(
    stopped.frames.filter((frame) => frame.kind === 'records'),
    0n,
  );
  expect(position).toBeLessThan(end);
  const again = await welcomed();
  const offsets = [{ partition: 0, offset: position, epoch: -1 }];
  again.send({ ...EVERYTHING, start: StartKind.OFFSETS, offsets });
  const [stream] = (await again.take('subscribed')).streams;
  expect(stream).toMatchObject({ outcome: Outcome.EXACT, startOffset: position });
  await again.take('caughtUp');
  const rest = again.frames.filter((frame) => frame.kind === 'records');
  expect(covered(rest, position)).toBe(end);
});

test('C46: connections that never finish stop at their cap, and good handshakes go on as fast', async () => {
  const ratios: number[] = [];
  while (ratios.length < TRIES && !(Math.min(...ratios) <= 2))
    ratios.push(await handshakeRatio(gateway.port, HALF_OPEN, UNAUTHENTICATED_MAX / 2));
  expect(Math.min(...ratios)).toBeLessThanOrEqual(2);

  let most = 0;
  await eventually('there is room for as many as may be', WAIT_MS, async () => {
    const opening = Array.from({ length: 2 * UNAUTHENTICATED_MAX }, () =>
      RawClient.open(gateway.port),
    );
    const tried = await Promise.allSettled(opening);
    const taken = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    most = Math.max(most, taken.length);
    for (const client of taken) client.destroy();
    return taken.length >= UNAUTHENTICATED_MAX;
  });
  expect(most).toBe(UNAUTHENTICATED_MAX);
  await eventually('a good one is welcome again', WAIT_MS, async () => {
    await welcomed();
    return true;
  });
});
