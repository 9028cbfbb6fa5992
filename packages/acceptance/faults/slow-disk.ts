import assert from 'node:assert/strict';
import { ErrorCode } from '@millrace/protocol';
import { eventually, MillraceProcess } from '@millrace/testing';
import { RecordLoad } from '../load/record-load.ts';
import { complaintsOf, readAll, verdictOf } from '../load/verdict.ts';
import { Probe, timed } from './probe.ts';
import { SystemCalls } from './system-calls.ts';

const TOPIC = 'slow';
const STALL_MS = 2_000;
const STALLS_FOR_MS = 5_000;
/** Others are answered within this, ms. */
const ANSWER_MS_MAX = 100;
/** tracing itself and a busy machine make a few answers late. */
const LATE_SHARE_MAX = 0.02;
const ASK_EVERY_MS = 10;

/**
 * The disk stalls at every flush, or every write to the page cache does: producers wait for it, nobody else
 * does, and nothing is lost. (The very first slow write is made where it is decided and so seen by all.)
 */
export async function slowDisk(call: 'fdatasync' | 'pwritev'): Promise<string> {
  const broker = await MillraceProcess.start({ overrides: { 'num.partitions': '1' } });
  let calls: SystemCalls | undefined;
  try {
    const bootstrapServers = broker.bootstrap;
    const load = new RecordLoad({ bootstrapServers, topic: TOPIC, name: 'p', inFlight: 20 });
    const { acknowledged } = load;
    await eventually('records are acknowledged', 10_000, () => acknowledged.size > 100);
    const probe = await Probe.open(broker.port);
    const injection = `${call}:delay_enter=${STALL_MS * 1_000}`;
    calls = await SystemCalls.attach(broker.pid, call, [injection]);
    await eventually(`${call} stalls`, 10_000, () => (calls?.calls.length ?? 0) > 0);
    const before = acknowledged.size;
    const answersMs = await askWhileStalled(probe);
    const stalled = acknowledged.size - before;
    const late = answersMs.filter((ms) => ms > ANSWER_MS_MAX);
    assert.ok(stalled < 1_000, `the disk did not stall: ${stalled} records acknowledged`);
    assert.ok(
      late.length <= answersMs.length * LATE_SHARE_MAX,
      `${late.length} of ${answersMs.length} answers late, the latest after ${Math.max(...late)} ms`,
    );
    await calls.detach();
    calls = undefined;
    await eventually('it goes on', 10_000, () => acknowledged.size > before + stalled + 100);
    await load.stop();
    probe.close();
    const verdict = verdictOf([load], await readAll(bootstrapServers, TOPIC, 1));
    assert.deepEqual(complaintsOf(verdict), []);
    assert.equal(verdict.unknown, 0);
    const worst = Math.round(Math.max(...answersMs));
    return `${answersMs.length} answers during stalls of ${STALL_MS} ms, the latest after ${worst} ms`;
  } finally {
    await calls?.detach();
    await broker.kill();
    broker.remove();
  }
}

/** Metadata, Fetch of hot records and new connections, one after the other. */
async function askWhileStalled(probe: Probe): Promise<number[]> {
  const port = probe.port;
  const asks = [
    () => probe.topics(),
    async () => assert.equal((await probe.fetch(TOPIC, 0)).errorCode, ErrorCode.NONE),
    async () => (await Probe.open(port)).close(),
  ];
  const answersMs: number[] = [];
  const until = performance.now() + STALLS_FOR_MS;
  while (performance.now() < until) {
    for (const ask of asks) {
      answersMs.push(await timed(ask));
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }
  return answersMs;
}
