/**
 * What crossing between JavaScript and the native core costs: nanoseconds a call, microseconds a tick.
 * `node --conditions=@millrace/source benchmarks/micro/boundary.bench.ts`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import {
  EVENT_STRIDE,
  EventKind,
  LocatedColumn,
  LocateStatus,
  openNativeEngine,
  type ReactorOptions,
  SEND_STRIDE,
  SendKind,
} from '@millrace/engine';
import { BatchBuilder } from '@millrace/records';

const CALLS = 200_000;
const ROUNDS = 7;

const OPTIONS: ReactorOptions = {
  maxFrameBytes: 1 << 20,
  minFrameBytes: 8,
  inboundBudgetBytes: 1 << 26,
  maxQueuedSendBytes: 1 << 20,
  idleMs: 60_000,
  frameDeadlineMs: 60_000,
  sendDeadlineMs: 60_000,
  maxConnections: 100,
  maxConnectionsPerAddress: 100,
  sendBufferBytes: -1,
  receiveBufferBytes: -1,
  acceptedPrefixes: new Int16Array(0),
};

function print(label: string, value: number, unit: string): void {
  process.stdout.write(
    `${label.padEnd(58)}${value.toFixed(value < 10 ? 2 : 0).padStart(8)} ${unit}\n`,
  );
}

/** Median nanoseconds of processor time a call. */
function nanoseconds(calls: number, turn: (i: number) => void): number {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = process.threadCpuUsage();
    for (let i = 0; i < calls; i++) turn(i);
    const { user, system } = process.threadCpuUsage(started);
    rounds.push(((user + system) * 1000) / calls);
  }
  rounds.sort((a, b) => a - b);
  return rounds[ROUNDS >> 1] ?? 0;
}

/** The raw object behind the engine's face, for the call that does nothing. */
function openRaw(): { noop(value: number): number } {
  const here = createRequire(import.meta.url);
  const engine = dirname(fileURLToPath(import.meta.resolve('@millrace/engine/package.json')));
  const binary = here(join(engine, 'native', 'millrace-engine.linux-x64-gnu.node')) as {
    openEngine(options: ReactorOptions): { noop(value: number): number };
  };
  return binary.openEngine(OPTIONS);
}

async function calls(dir: string): Promise<void> {
  const raw = openRaw();
  print(
    'a call that does nothing',
    nanoseconds(CALLS, (i) => void raw.noop(i)),
    'ns',
  );
  const { reactor, store, close } = openNativeEngine(OPTIONS);
  const dirId = await store.openDir(dir);
  const { logId } = await store.openLog({
    dirId,
    name: 'bench-0',
    create: true,
    options: {
      segmentBytes: 1 << 30,
      segmentMs: 1e12,
      segmentJitterMs: 0,
      segmentIndexBytes: 10 << 20,
      indexIntervalBytes: 4096,
      flushMode: 'os',
      fileDeleteDelayMs: 0,
    },
    recoveryPoint: 0,
    logStartOffset: 0,
    clean: true,
    topicId: null,
  });
  print(
    'commit() of nothing',
    nanoseconds(CALLS, () => void store.commit()),
    'ns',
  );
  print(
    'flush(0)',
    nanoseconds(CALLS, () => reactor.flush(0)),
    'ns',
  );
  const builder = new BatchBuilder();
  builder.append({ timestampMs: 1, key: null, value: new Uint8Array(40) });
  const batch = builder.build();
  const slab = reactor.buffer(0);
  const rows = 64;
  for (let row = 0; row < rows; row++) slab.set(batch, row * 128);
  for (let row = 0; row < rows; row++) {
    store.plan.set([logId, 0, row * 128, batch.length, 0, -1], row * 6);
  }
  const staged = nanoseconds(2000, () => {
    store.stage(rows);
    store.commit();
  });
  print(`stage and commit of ${batch.length} bytes (64 a commit, one log)`, staged / rows, 'ns');
  const end = store.results[3 + (rows - 1) * 4] as number;
  for (const [label, maxBytes] of [
    ['the next batch', 100],
    ['the next 64 KiB', 65_536],
  ] as const) {
    let at = 0;
    const located = nanoseconds(10_000, () => {
      if (store.locate(logId, at, end, maxBytes, true) !== LocateStatus.found) at = 0;
      else at = store.located[LocatedColumn.nextOffset] as number;
    });
    print(`locate(): ${label}, reader going on`, located, 'ns');
  }
  print(
    'locate(): empty (at the log end)',
    nanoseconds(CALLS, () => void store.locate(logId, end, end, 100, true)),
    'ns',
  );
  await store.closeLog(logId);
  await close();
}

/** A client in a thread of its own: `depth` frames out, `depth` answers back, again and again. */
const CLIENT = `
const { connect } = require('node:net');
const { workerData, parentPort } = require('node:worker_threads');
const { port, depth, rounds } = workerData;
const one = Buffer.concat([Buffer.from([0, 0, 0, 60]), Buffer.alloc(60, 7)]);
const burst = Buffer.concat(Array(depth).fill(one));
let left = rounds, due = 0;
const socket = connect(port, '127.0.0.1', () => { socket.setNoDelay(); next(); });
function next() {
  if (left-- === 0) { socket.destroy(); parentPort.postMessage('done'); return; }
  due = burst.length;
  socket.write(burst);
}
socket.on('data', (chunk) => { due -= chunk.length; if (due === 0) next(); });
`;

/** Processor microseconds of this thread for one round trip of `depth` frames. */
async function tick(depth: number): Promise<number> {
  const { reactor, close } = openNativeEngine(OPTIONS);
  reactor.run((count) => {
    let rows = 0;
    for (let row = 0; row < count; row++) {
      const at = row * EVENT_STRIDE;
      if (reactor.events[at] !== EventKind.frame) continue;
      const [, id = 0, bufferId = 0, offset = 0, length = 0] = reactor.events.subarray(at, at + 5);
      const start = rows * 64;
      const bytes = reactor.buffer(bufferId);
      reactor.out.set(bytes.subarray(offset - 4, offset + length), start);
      const row6 = rows++ * SEND_STRIDE;
      reactor.sends[row6] = id;
      reactor.sends[row6 + 1] = SendKind.bytes;
      reactor.sends[row6 + 2] = start;
      reactor.sends[row6 + 3] = length + 4;
    }
    reactor.flush(rows);
  });
  const { port } = reactor.listen('127.0.0.1', 0, 16);
  const rounds = 20_000;
  const started = process.threadCpuUsage();
  const worker = new Worker(CLIENT, { eval: true, workerData: { port, depth, rounds } });
  await new Promise((resolve) => worker.once('message', resolve));
  const { user, system } = process.threadCpuUsage(started);
  await worker.terminate();
  await close();
  return (user + system) / rounds;
}

const dir = mkdtempSync(join(tmpdir(), 'millrace-boundary-'));
try {
  await calls(dir);
  const single = await tick(1);
  const many = await tick(32);
  print('a tick with one frame: poll, recv, call, flush, send', single, 'µs');
  print('a tick with 32 frames of one connection', many, 'µs');
  print('so each further frame of a tick', ((many - single) * 1000) / 31, 'ns');
} finally {
  rmSync(dir, { recursive: true, force: true });
}
