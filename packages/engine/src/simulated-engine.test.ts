import { expect, test } from 'vitest';
import { logRequest, produced } from './contract/bodies.ts';
import { EngineErrorCode } from './engine-error.ts';
import { MemoryDisk } from './memory/memory-disk.ts';
import { openSimulatedEngine } from './memory/memory-engine.ts';
import { EVENT_STRIDE, EventKind, type ReactorOptions, SEND_STRIDE, SendKind } from './reactor.ts';

const OPTIONS: ReactorOptions = {
  maxFrameBytes: 1 << 20,
  minFrameBytes: 8,
  inboundBudgetBytes: 1 << 20,
  maxQueuedSendBytes: 1 << 20,
  idleMs: 600_000,
  frameDeadlineMs: 30_000,
  sendDeadlineMs: 30_000,
  maxConnections: 10,
  maxConnectionsPerAddress: 10,
  sendBufferBytes: -1,
  receiveBufferBytes: -1,
  acceptedPrefixes: new Int16Array(0),
};

function setUp(disk = new MemoryDisk()) {
  const ticks: (() => void)[] = [];
  const engine = openSimulatedEngine(OPTIONS, {
    disk,
    nowMs: () => 1_000,
    schedule: (tick) => ticks.push(tick),
  });
  /** Runs what was scheduled, in order. */
  const runTicks = () => {
    while (ticks.length > 0) ticks.shift()?.();
  };
  return { engine, ticks, runTicks };
}

const frame = (text: string): Uint8Array => {
  const body = Buffer.from(text);
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeInt32BE(body.length);
  body.copy(bytes, 4);
  return bytes;
};

test('nothing happens before the caller runs the tick, then an echo comes back', () => {
  const { engine, ticks, runTicks } = setUp();
  const { reactor } = engine;
  const { port } = reactor.listen('simulated', 0, 1);
  const seen: number[] = [];
  reactor.run((count) => {
    let rows = 0;
    for (let row = 0; row < count; row++) {
      const at = row * EVENT_STRIDE;
      const [kind, connection, buffer, offset, length] = reactor.events.subarray(at, at + 5);
      seen.push(kind as number);
      if (kind !== EventKind.frame) continue;
      const body = reactor.buffer(buffer as number);
      reactor.out.set(body.subarray(offset as number, (offset as number) + (length as number)));
      const to = rows++ * SEND_STRIDE;
      reactor.sends.set([connection as number, SendKind.bytes, 0, length as number], to);
    }
    reactor.flush(rows);
  });
  const socket = engine.connect(port);
  socket.send(frame('in and out'));
  expect(seen).toEqual([]);
  expect(ticks.length).toBeGreaterThan(0);
  runTicks();
  expect(seen).toEqual([EventKind.opened, EventKind.frame]);
  expect(Buffer.from(socket.take()).toString()).toContain('in and out');
  socket.close();
  runTicks();
  expect(seen.at(-1)).toBe(EventKind.closed);
});

test('nobody listens on a port that was not asked for', () => {
  const { engine } = setUp();
  expect(() => engine.connect(1)).toThrow(
    expect.objectContaining({ code: EngineErrorCode.addressUnavailable }),
  );
});

test('the disk outlives the engine, and a deferral is never needed', async () => {
  const disk = new MemoryDisk();
  const { engine } = setUp(disk);
  const { store } = engine;
  store.setDeferral(true);
  const dirId = await store.openDir('/logs');
  const { logId } = await store.openLog(logRequest(dirId, 't-0'));
  store.stageOwned(logId, produced(3), 0, -1);
  expect(store.commit()).toBe(0);
  expect(store.deferredCount).toBe(0);
  await store.closeLog(logId);
  await store.closeDir(dirId);
  await engine.close();
  const next = setUp(disk).engine.store;
  const again = await next.openDir('/logs');
  expect(await next.openLog(logRequest(again, 't-0'))).toMatchObject({ logEndOffset: 3 });
});
