// C50: what connections, publishing and the process as a whole hold, as their metrics tell it, under their worst.
import { CloseCode, ErrorCode } from '@millrace/gateway-protocol';
import { describe, expect, test } from 'vitest';
import { accountedBytes } from './memory-watch.ts';
import { SessionRig } from './testing/session-rig.ts';

const SECOND_MS = 1000;
const CONNECTION_BYTES = 2048;
const STREAM_BYTES = 256;

describe('C50: worst cases of sessions stay below their bounds', () => {
  test('more newcomers than there may be: connections{state}', async () => {
    const rig = new SessionRig(['gateway.connections.per.address=100000']);
    let refused = 0;
    for (let i = 0; i < 600; i++) if (rig.upgrade({}) !== 101) refused++;
    expect(rig.metrics.connections.with('HELLO_WAIT').value).toBe(512);
    expect(refused).toBe(88);
    expect(rig.metrics.handshakesRejected.with('connections').value).toBe(88);
    await rig.advance(6000);
    expect(rig.metrics.connections.with('HELLO_WAIT').value).toBe(0);
  });

  test('clients that ask and never read: control_lane_bytes, unsent_bytes_max', async () => {
    const rig = new SessionRig();
    const clients = await Promise.all(Array.from({ length: 4 }, () => rig.welcomed()));
    for (const client of clients) client.raw.stopReading(0);
    for (let round = 0; round < 40; round++) {
      for (const client of clients) {
        for (let i = 0; i < 50; i++) client.send({ kind: 'unsubscribe', req: i + 1, sub: 9 });
      }
      await rig.advance(SECOND_MS / 4);
      expect(rig.metrics.controlLaneBytes.with().value).toBeLessThanOrEqual(4 * 32_768);
    }
    expect(rig.metrics.unsentBytesMax.with().value).toBeLessThanOrEqual(65_536);
    expect(clients.map(({ closeCode }) => closeCode)).toEqual(clients.map(() => CloseCode.ABUSE));
  });

  test('as many streams as a connection may have: connection_state_bytes', async () => {
    const rig = new SessionRig(['gateway.streams.max=40']);
    rig.upstream.create('t', 40);
    const client = await rig.welcomed();
    client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
    await rig.advance(SECOND_MS);
    client.send({ kind: 'subscribe', req: 2, sub: 2, topic: 't', lane: 1 });
    await rig.advance(2 * SECOND_MS);
    expect(client.frames().find((frame) => frame.kind === 'error')).toMatchObject({
      code: ErrorCode.LIMIT,
    });
    const bytes = rig.metrics.connectionStateBytes.with().value;
    expect(bytes).toBe(CONNECTION_BYTES + 40 * STREAM_BYTES);
  });

  test('publishes that nobody answers: publish_inflight_bytes', async () => {
    const total = 400_000;
    const rig = new SessionRig([
      `gateway.publish.inflight.total.bytes=${total}`,
      'gateway.publish.inflight.bytes=200000',
    ]);
    rig.upstream.create('t', 1);
    rig.upstream.publishOutcome = () => new Promise(() => {});
    const codes: number[] = [];
    for (let i = 0; i < 5; i++) {
      const client = await rig.welcomed({ as: { sub: `sub-${i}` } });
      for (let seq = 1; seq <= 5; seq++) {
        const value = new Uint8Array(49_000);
        client.send({ kind: 'publish', seq: BigInt(seq), topic: 't', partition: 0, value });
        expect(rig.metrics.publishInflightBytes.with().value).toBeLessThanOrEqual(total);
      }
      await rig.settle();
      for (const frame of client.frames()) if (frame.kind === 'pubResult') codes.push(frame.code);
    }
    expect(rig.metrics.publishInflightBytes.with().value).toBeGreaterThan(total / 2);
    expect(codes.length).toBeGreaterThan(0);
    const refusals: number[] = [ErrorCode.CREDIT_EXCEEDED, ErrorCode.OVERLOADED];
    expect(codes.filter((code) => !refusals.includes(code))).toEqual([]);
  });

  test('ever new producer sessions: producer_sessions', async () => {
    const rig = new SessionRig(['gateway.publish.sessions.max=10']);
    rig.upstream.create('t', 1);
    for (let i = 0; i < 25; i++) {
      const client = await rig.welcomed({ producerSession: new Uint8Array(16).fill(i) });
      client.send({ kind: 'publish', seq: 1n, topic: 't', partition: 0 });
      client.raw.close();
      await rig.advance(SECOND_MS);
      expect(rig.metrics.producerSessions.with().value).toBeLessThanOrEqual(10);
    }
    expect(rig.metrics.producerSessions.with().value).toBe(10);
    // What they may come to hold: four numbers of eight bytes for each result.
    expect(accountedBytes(rig.metrics, 1024)).toBeGreaterThanOrEqual(10 * 1024 * 32);
  });

  test('what the books say counts when it is more than what is held: memory_budget_ratio', async () => {
    const rig = new SessionRig();
    rig.memoryRatio = 0.3;
    await rig.advance(2 * SECOND_MS);
    expect(rig.metrics.memoryBudgetRatio.with().value).toBe(0.3);
    rig.metrics.ringBytes.with().set(1 << 30);
    rig.metrics.coldCacheBytes.with().set(0.8 * (1 << 30));
    await rig.advance(2 * SECOND_MS);
    expect(rig.metrics.memoryBudgetRatio.with().value).toBeCloseTo(0.9, 2);
    const late = rig.open();
    late.send({ kind: 'hello' });
    await rig.settle();
    expect(late.take('error').code).toBe(ErrorCode.OVERLOADED);
    expect(late.closeCode).toBe(CloseCode.OVERLOADED);
  });
});
