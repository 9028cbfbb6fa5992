import assert from 'node:assert/strict';
import { ErrorCode } from '@millrace/protocol';
import { eventually, MillraceProcess } from '@millrace/testing';
import { RecordLoad } from '../load/record-load.ts';
import { countRecords, Probe } from './probe.ts';
import { SystemCalls } from './system-calls.ts';

const TOPIC = 'faulty';
const VALUE = new Uint8Array(100);
const WRITING = 'fdatasync,fsync,pwritev,pwrite64,rename,renameat,renameat2,ftruncate';
/** What is under way on other threads when the first call fails may still end. */
const UNDER_WAY_S = 0.1;
const WATCHED_MS = 1_500;

/** The n-th call of its kind that fails. */
export interface DiskFault {
  readonly call: 'fdatasync' | 'pwritev';
  readonly error: 'EIO';
}

/**
 * One failed flush (or write), every later one would succeed: nothing is acknowledged any more, nothing is
 * tried again, everybody else is served, and the broker says so.
 */
export async function failedDisk(fault: DiskFault): Promise<string> {
  const broker = await MillraceProcess.start({ overrides: { 'num.partitions': '1' } });
  let calls: SystemCalls | undefined;
  let load: RecordLoad | undefined;
  try {
    const probe = await Probe.open(broker.port);
    const bootstrapServers = broker.bootstrap;
    load = new RecordLoad({ bootstrapServers, topic: TOPIC, name: 'p', inFlight: 20 });
    const { acknowledged } = load;
    await eventually(
      'records are acknowledged',
      10_000,
      () => acknowledged.size > 100 || undefined,
    );
    const { call, error } = fault;
    calls = await SystemCalls.attach(broker.pid, WRITING, [`${call}:error=${error}:when=1`]);
    const failure = await calls.injected(10_000);

    await assertPoisoned(broker, probe, acknowledged);
    const retried = calls.calls.filter(
      ({ at, name, text, isInjected }) =>
        at > failure.at + UNDER_WAY_S &&
        !isInjected &&
        text.includes(broker.dataFolder) &&
        ['fdatasync', 'fsync', 'pwritev'].includes(name),
    );
    assert.deepEqual(
      retried.slice(0, 3).map(({ name, text }) => `${name}${text}`),
      [],
      'no flush is tried again and nothing is written after the failure',
    );
    await assertServed(broker, probe, acknowledged.size);
    probe.close();
    return `${acknowledged.size} acknowledged before, none after, all served`;
  } finally {
    await calls?.detach();
    await broker.kill();
    broker.remove();
    // Its records in flight will never be answered.
    void load?.stop().catch(() => {});
  }
}

async function assertPoisoned(
  broker: MillraceProcess,
  probe: Probe,
  acknowledged: ReadonlyMap<string, unknown>,
): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, UNDER_WAY_S * 1_000));
  const before = acknowledged.size;
  const deadline = performance.now() + WATCHED_MS;
  while (performance.now() < deadline) {
    for (const acks of [-1, 1] as const) {
      const { errorCode } = await probe.produce(TOPIC, VALUE, acks);
      assert.equal(errorCode, ErrorCode.KAFKA_STORAGE_ERROR);
    }
  }
  assert.equal(acknowledged.size, before, 'acknowledged after the failure');
  const said = broker.output.match(/log dir failed/g)?.length ?? 0;
  assert.equal(said, 1, `says once that the log dir failed: ${broker.output.slice(-500)}`);
}

/** Fetch, Metadata, new connections and the metrics page go on. */
async function assertServed(broker: MillraceProcess, probe: Probe, atLeast: number): Promise<void> {
  const other = await Probe.open(broker.port);
  assert.ok((await other.topics()).includes(TOPIC));
  let recordCount = 0;
  for (let offset = 0; ; ) {
    const { errorCode, records } = await probe.fetch(TOPIC, offset);
    assert.equal(errorCode, ErrorCode.NONE);
    const counted = countRecords(records);
    if (counted.recordCount === 0) break;
    recordCount += counted.recordCount;
    offset = counted.nextOffset;
  }
  assert.ok(recordCount >= atLeast, `${recordCount} of ${atLeast} acknowledged records are served`);
  const page = await (await fetch(`${broker.metricsUrl}/metrics`)).text();
  assert.match(page, /^kafka_log_logmanager_offlinelogdirectorycount(\{.*\})? 1$/m);
  other.close();
}
