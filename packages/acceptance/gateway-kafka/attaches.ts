// C10: subscriptions that begin at the end while records come without a pause.
import assert from 'node:assert/strict';
import { connect, Listener } from './listener.ts';
import { newTopic, type Stage } from './stage.ts';

/** Of each of the two connections. */
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

/** One after the other, each a little beside the one before; the ones that have read enough leave. */
async function attachAll({ gateway }: Stage, topic: string, isText: boolean): Promise<void> {
  const client = await connect(gateway.port, isText);
  let earlier = 0;
  for (let sub = 1; sub <= ATTACHES; sub++) {
    const listener = await Listener.on(client, { sub, topic, lane: sub % LANES });
    const stream = await listener.placed();
    const start = Number(stream.info.startOffset);
    assert.ok(start >= earlier, `attach ${sub} began at ${start}, an earlier one at ${earlier}`);
    earlier = start;
    await listener.upTo(start + RECORDS);
    await listener.leave();
    const expected = stream.records.map((_, i) => [start + i, String(start + i)]);
    const heard = stream.records.map(({ offset, value }) => [offset, value]);
    assert.deepEqual(heard, expected, `attach ${sub}`);
    assert.equal(stream.position, start + stream.records.length);
  }
  client.socket.close();
}

async function latestUnderProduce(stage: Stage): Promise<void> {
  const topic = await newTopic(stage, 'attaches');
  const production = new Production(stage, topic);
  try {
    const kinds = [false, true];
    await Promise.all(kinds.map((isText) => attachAll(stage, topic, isText)));
  } finally {
    await production.stop();
  }
}

export const attachChecks = {
  [`C10: LATEST under constant produce, ${2 * ATTACHES} attaches, binary and JSON`]:
    latestUnderProduce,
};
