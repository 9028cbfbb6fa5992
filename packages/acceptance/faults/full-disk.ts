import assert from 'node:assert/strict';
import { ErrorCode } from '@millrace/protocol';
import { eventually, MillraceProcess } from '@millrace/testing';
import { RecordLoad } from '../load/record-load.ts';
import { complaintsOf, readAll, verdictOf } from '../load/verdict.ts';
import { SmallDisk } from './loop-disk.ts';
import { countRecords, Probe } from './probe.ts';

const TOPIC = 'full';
const SMALL_MEBIBYTES = 16;
const LARGE_MEBIBYTES = 64;
const VALUE = new Uint8Array(50_000);
const HEALS_WITHIN_MS = 10_000;

/** The disk fills up: Produce is refused, Fetch works, no part of a batch is to be seen; space heals it. */
export async function fullDisk(): Promise<string> {
  const disk = await SmallDisk.create(SMALL_MEBIBYTES);
  let broker: MillraceProcess | undefined;
  try {
    broker = await MillraceProcess.start({
      dataFolder: `${disk.path}/data`,
      overrides: {
        ...{ 'num.partitions': '1', 'log.segment.bytes': '1048576' },
        ...{ 'log.index.size.max.bytes': '4096', 'offsets.topic.num.partitions': '1' },
      },
    });
    const probe = await Probe.open(broker.port);
    const bootstrapServers = broker.bootstrap;
    const load = new RecordLoad({
      ...{ bootstrapServers, topic: TOPIC, name: 'p', inFlight: 8, paddingLength: 20_000 },
    });
    let sent = 0;
    const refused = await eventually('the disk is full', 30_000, async () => {
      const { errorCode } = await probe.produce(TOPIC, VALUE);
      if (errorCode === ErrorCode.NONE) sent++;
      return errorCode === ErrorCode.NONE || errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        ? undefined
        : errorCode;
    });
    assert.equal(refused, ErrorCode.KAFKA_STORAGE_ERROR);
    const acknowledged = load.acknowledged.size;
    assert.ok(sent + acknowledged > 100, 'it was not full from the beginning');
    assert.ok((await visible(probe)) >= sent + acknowledged, 'what was acknowledged is served');
    assert.ok((await probe.topics()).includes(TOPIC));

    await disk.grow(LARGE_MEBIBYTES);
    await eventually('it heals', HEALS_WITHIN_MS, async () => {
      const { errorCode } = await probe.produce(TOPIC, VALUE);
      return errorCode === ErrorCode.NONE || undefined;
    });
    await eventually('the load goes on', HEALS_WITHIN_MS, () =>
      load.acknowledged.size > acknowledged + 50 ? true : undefined,
    );
    await load.stop();
    probe.close();
    // What was refused left no hole behind that a restart would stumble over.
    await broker.kill();
    await broker.resume();
    const verdict = verdictOf([load], await readAll(bootstrapServers, TOPIC, 1));
    const duplicated = verdict.duplicated.filter((value) => value.startsWith('p-'));
    assert.deepEqual(complaintsOf({ ...verdict, duplicated }), []);
    assert.equal(verdict.unknown, 0, `the client gave up: ${[...load.errors.keys()]}`);
    return `${sent + acknowledged} acknowledged until it was full, ${verdict.acknowledged} in the end`;
  } finally {
    await broker?.kill();
    await disk.remove();
  }
}

/** Records that a consumer sees; every batch whole and with its CRC. */
async function visible(probe: Probe): Promise<number> {
  let recordCount = 0;
  for (let offset = 0; ; ) {
    const { errorCode, records, highWatermark } = await probe.fetch(TOPIC, offset);
    assert.equal(errorCode, ErrorCode.NONE);
    const counted = countRecords(records);
    if (counted.recordCount === 0) {
      assert.equal(offset, highWatermark);
      return recordCount;
    }
    recordCount += counted.recordCount;
    offset = counted.nextOffset;
  }
}
