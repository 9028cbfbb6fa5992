// A client that stops reading, beside one that reads all.
import { type FrameOf, Outcome, StartKind } from '@millrace/gateway-protocol';
import { eventually } from '@millrace/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { gatewayMetric } from '../gateway/sdk/gateway-metric.ts';
import { GENEROUS_LIMITS } from '../gateway-hostile/limits.ts';
import { BACKLOG_RECORDS, Backlog, EVERYTHING } from '../gateway-sockets/backlog.ts';
import { kernelBytes } from '../gateway-sockets/kernel-bytes.ts';
import type { RawClient } from '../gateway-sockets/raw-client.ts';
import { slowTakerLives } from '../gateway-sockets/slow-taker.ts';

const SOCKET_STALLED = 4008;
const STALL_MS = 4000;
const WAIT_MS = 90_000;
const UNSENT_BYTES_MAX = 65_536;
const KERNEL_BYTES_MAX = 131_072;

let backlog: Backlog;

beforeAll(async () => {
  backlog = await Backlog.open([
    ...GENEROUS_LIMITS,
    // Only the stall may end a connection here.
    'gateway.hello.timeout.ms=60000',
    'gateway.ping.interval.ms=600000',
    `gateway.socket.stall.ms=${STALL_MS}`,
  ]);
});

afterEach(() => backlog.dismiss());

afterAll(() => backlog?.close());

/** The offset after these frames' records, each beginning where the one before ended. */
function covered(client: RawClient, from: bigint): bigint {
  const frames = client.frames.filter(
    (frame): frame is FrameOf<'records'> => frame.kind === 'records',
  );
  let next = from;
  for (const frame of frames) {
    expect(frame.fromOffset).toBe(next);
    next = frame.nextOffset;
  }
  return next;
}

test('C22, C50: who stops reading is held by 64 KiB and what the kernel may keep, is 4008, and goes on exactly there', async () => {
  const { gateway } = backlog;
  const [stopped, other] = await Promise.all([backlog.welcomed(), backlog.welcomed()]);
  stopped.stopReading();
  const { localPort = 0 } = stopped.raw.socket;
  stopped.send(EVERYTHING);
  other.send(EVERYTHING);
  let kernelMost = 0;
  await eventually('the stopped one is given up', WAIT_MS, async () => {
    kernelMost = Math.max(kernelMost, kernelBytes(gateway.pid, gateway.port, localPort));
    const given = await gatewayMetric(
      gateway,
      `connections_closed_total{code="${SOCKET_STALLED}"}`,
    );
    return given > 0;
  });
  expect(kernelMost).toBeGreaterThan(0);
  expect(kernelMost).toBeLessThanOrEqual(KERNEL_BYTES_MAX);
  expect(await gatewayMetric(gateway, 'unsent_bytes_max')).toBeGreaterThan(0);
  expect(await gatewayMetric(gateway, 'unsent_bytes_max')).toBeLessThanOrEqual(UNSENT_BYTES_MAX);
  expect(await gatewayMetric(gateway, 'socket_dropped_total')).toBe(0);
  // The other one was given everything meanwhile.
  const { offset: end } = await other.take('caughtUp');
  expect(end).toBe(BigInt(BACKLOG_RECORDS));
  expect(covered(other, 0n)).toBe(end);

  stopped.readOn();
  await eventually('the end', WAIT_MS, () => stopped.raw.isClosed);
  expect(stopped.closeCode).toBe(SOCKET_STALLED);
  const position = covered(stopped, 0n);
  expect(position).toBeLessThan(end);
  const again = await backlog.welcomed();
  const offsets = [{ partition: 0, offset: position, epoch: -1 }];
  again.send({ ...EVERYTHING, start: StartKind.OFFSETS, offsets });
  const [stream] = (await again.take('subscribed')).streams;
  expect(stream).toMatchObject({ outcome: Outcome.EXACT, startOffset: position });
  await again.take('caughtUp');
  expect(covered(again, position)).toBe(end);
});

test('C22: who reads slowly lives', async () => {
  expect(await slowTakerLives(backlog, STALL_MS / 8, 3 * STALL_MS)).toBe(true);
  expect(await gatewayMetric(backlog.gateway, 'socket_dropped_total')).toBe(0);
});
