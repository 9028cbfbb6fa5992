import { openNativeEngine, type SegmentStore } from '@millrace/engine';
import { BatchCursor, ControlType, controlBatch } from '@millrace/records';
import { tempFolder } from '@millrace/testing';
import { expect, it } from 'vitest';
import { topicConfigOf } from './config/topic-config.ts';
import { logOptionsOf } from './log/partition-log.ts';
import { BrokerUnderTest } from './testing/broker-under-test.ts';
import { batchOf, fetch, produce } from './testing/raw-client.ts';

const REACTOR = {
  maxFrameBytes: 1 << 20,
  minFrameBytes: 8,
  inboundBudgetBytes: 1 << 20,
  maxQueuedSendBytes: 1 << 20,
  idleMs: 60_000,
  frameDeadlineMs: 60_000,
  sendDeadlineMs: 60_000,
  maxConnections: 10,
  maxConnectionsPerAddress: 10,
  sendBufferBytes: -1,
  receiveBufferBytes: -1,
  acceptedPrefixes: new Int16Array(0),
};
const ABORTED = { producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true };

/** What a broker with transactions leaves: an aborted one at 1 to 2 with its marker at 3. */
async function writeTransaction(store: SegmentStore, path: string): Promise<void> {
  const dirId = await store.openDir(path);
  const { logId } = await store.openLog({
    dirId,
    name: 't-0',
    create: false,
    options: logOptionsOf(topicConfigOf(new Map(), []), false),
    recoveryPoint: 1,
    logStartOffset: 0,
    clean: true,
    topicId: null,
  });
  const marker = controlBatch({
    type: ControlType.abort,
    timestampMs: 1_700_000_000_000,
    producerId: 7,
    producerEpoch: 0,
    coordinatorEpoch: 3,
  });
  for (const batch of [batchOf(['gone', 'gone too'], ABORTED), marker]) {
    store.stageOwned(logId, batch, 0, -1);
    expect(store.results[0]).toBe(0);
    expect(store.commit()).toBe(0);
  }
  const entry = { producerId: 7, firstOffset: 1, lastOffset: 3, lastStableOffset: 4 };
  await store.appendAbortedTransaction(logId, entry);
  await store.closeLog(logId);
  await store.closeDir(dirId);
}

it('honours aborted transactions of a data directory on read_committed (T54)', async () => {
  const folder = tempFolder('transactions');
  const overrides = [`log.dirs=${folder.path}`];
  let under = await BrokerUnderTest.start(openNativeEngine, overrides);
  await under.createTopic('t', { configs: { 'retention.ms': '-1' } });
  await produce(await under.client(), 't', batchOf(['kept']));
  await under.close();
  const engine = openNativeEngine(REACTOR);
  await writeTransaction(engine.store, folder.path);
  await engine.close();

  under = await BrokerUnderTest.start(openNativeEngine, overrides);
  const client = await under.client();
  expect((await produce(client, 't', batchOf(['after']))).baseOffset).toBe(4);
  const read = async (isolationLevel: number, offset = 0) => {
    const response = await fetch(client, 't', { isolationLevel, offset });
    const answer = response.responses[0]?.partitions[0];
    const cursor = new BatchCursor(answer?.records ?? undefined);
    const bases: number[] = [];
    while (cursor.next()) bases.push(cursor.view.baseOffset);
    return { bases, aborted: answer?.abortedTransactions, stable: answer?.lastStableOffset };
  };
  const aborted = [{ producerId: 7, firstOffset: 1 }];
  expect(await read(1)).toEqual({ bases: [0, 1, 3, 4], aborted, stable: 5 });
  expect(await read(1, 4)).toEqual({ bases: [4], aborted: [], stable: 5 });
  expect(await read(0)).toEqual({ bases: [0, 1, 3, 4], aborted: null, stable: 5 });
  const epochOfMarker = { producerId: 7, producerEpoch: 0, baseSequence: 2 };
  expect(await produce(client, 't', batchOf(['next'], epochOfMarker))).toMatchObject({
    errorCode: 0,
    baseOffset: 5,
  });
  await under.close();
  folder.remove();
});
