// C10: subscriptions that begin at the end while records come without a pause.
import assert from 'node:assert/strict';
import { OffsetSpec } from '@millrace/client';
import { connect, Listener } from './listener.ts';
import { newTopic, type Stage } from './stage.ts';

/** Of each of the two connections, one binary, one JSON. */
const ATTACHES = 500;
const LANES = 4;
/** Records that each of them reads. */
const RECORDS = 5;

/** Numbers its records: the n-th record of the log has value n. */
class Production {
  #isOver = false;
  readonly #done: Promise<void>;

  constructor({ producer }: Stage, topic: string) {
    this.#done = (async () => {
      for (let n = 0; !this.#isOver; n++) {
        const { offset } = await producer.send({ topic, partition: 0, value: String(n) });
        assert.equal(offset, n);
      }
    })();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }
}

/** Attaches one client right after the other, so that what the first was told cannot be what the second is told. */
async function attachAll({ admin, gateway }: Stage, topic: string): Promise<void> {
  const clients = [await connect(gateway.port, false), await connect(gateway.port, true)];
  const endOfLog = async () => (await admin.listOffset(topic, 0, OffsetSpec.latest)).offset;
  for (let sub = 1; sub <= ATTACHES; sub++) {
    const listeners: Listener[] = [];
    for (const client of clients) {
      const end = await endOfLog();
      const listener = await Listener.on(client, { sub, topic, lane: sub % LANES });
      const start = (await listener.placed()).position;
      assert.ok(start >= end, `attach ${sub} began at ${start}, the end before it was ${end}`);
      listeners.push(listener);
    }
    await Promise.all(listeners.map((listener) => readAndLeave(listener, `attach ${sub}`)));
  }
  for (const { socket } of clients) socket.close();
}

async function readAndLeave(listener: Listener, what: string): Promise<void> {
  const stream = listener.only;
  const start = Number(stream.info.startOffset);
  await listener.upTo(start + RECORDS);
  await listener.leave();
  const expected = stream.records.map((_, i) => [start + i, String(start + i)]);
  const heard = stream.records.map(({ offset, value }) => [offset, value]);
  assert.deepEqual(heard, expected, what);
  assert.equal(stream.position, start + stream.records.length);
}

async function latestUnderProduce(stage: Stage): Promise<void> {
  const topic = await newTopic(stage, 'attaches');
  const production = new Production(stage, topic);
  try {
    await attachAll(stage, topic);
  } finally {
    await production.stop();
  }
}

export const attachChecks = {
  [`C10: LATEST under constant produce, ${2 * ATTACHES} attaches, binary and JSON`]:
    latestUnderProduce,
};
