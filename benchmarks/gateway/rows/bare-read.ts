/** What the road of a record costs before there is any client: the latency row's records, read from the broker and no more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Producer } from '@millrace/client';
import type { BareRead } from '../bare-report.ts';
import type { Bench } from '../bench.ts';
import { VALUE_BYTES } from '../keyed.ts';

const NS_PER_SECOND = 1e9;

/** One round of the bare reader (R) on core 0, the producer in this process. */
export async function bareRead(
  bench: Bench,
  recordsPerSecond: number,
  warmupSeconds: number,
): Promise<BareRead> {
  const topic = await bench.topic('bare');
  const reader = await bench.bareReader(topic);
  const producer = new Producer({ bootstrapServers: await bench.bootstrap(), lingerMs: 0 });
  const stop = produceWhenDue(producer, topic, recordsPerSecond);
  await sleep(1000 * warmupSeconds);
  reader.begin();
  await sleep(1000 * bench.options.seconds);
  const report = await reader.end();
  await stop();
  await producer.close();
  return report;
}

/** Records carry the moment they were due. Returns what ends it, once all are acknowledged. */
function produceWhenDue(producer: Producer, topic: string, perSecond: number): () => Promise<void> {
  const intervalNs = BigInt(Math.round(NS_PER_SECOND / perSecond));
  const sent: Promise<unknown>[] = [];
  let dueNs = process.hrtime.bigint();
  const timer = setInterval(() => {
    const nowNs = process.hrtime.bigint();
    for (; dueNs <= nowNs; dueNs += intervalNs) {
      const value = Buffer.alloc(VALUE_BYTES, 'x');
      value.writeBigUInt64LE(dueNs);
      sent.push(producer.send({ topic, partition: 0, value }));
    }
  }, 1);
  return async () => {
    clearInterval(timer);
    await Promise.all(sent);
  };
}
