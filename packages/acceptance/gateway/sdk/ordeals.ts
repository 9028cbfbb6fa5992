// The SDK in Node, with Node's own WebSocket, while connections and gateways go away under it.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededPrng } from '@millrace/base';
import { Producer } from '@millrace/client';
import { eventually } from '@millrace/testing';
import { CuttingProxy } from './cutting-proxy.ts';
import type { GatewayProcess } from './gateway-process.ts';
import { Reader, Writer } from './program.ts';

const TIMEOUT_MS = 60_000;
const PAUSE_MS_MAX = 80;
const FLIGHT = 30;
const BREATH_MS = 15;

/** A topic with that many partitions behind two gateways. */
export interface Course {
  readonly bootstrap: string;
  readonly gateways: readonly GatewayProcess[];
  readonly topic: string;
  readonly partitionCount: number;
}

/** Connections are cut in mid-sentence, `cuts` times, while records come: nothing is lost or comes twice. */
export async function cutOff(course: Course, cuts: number, seed: number): Promise<void> {
  const { topic, partitionCount } = course;
  const random = seededPrng(seed);
  const producer = new Producer({ bootstrapServers: course.bootstrap, lingerMs: 1 });
  const proxies = await Promise.all(course.gateways.map(({ port }) => CuttingProxy.open(port)));
  const urls = proxies.map(({ url }) => url);
  const readers = [new Reader(urls, topic), new Reader(urls, topic, { protocol: 'json' })];
  const ends = Array<number>(partitionCount).fill(0);
  let isOver = false;
  const load = (async () => {
    while (!isOver) {
      const sends = Array.from({ length: FLIGHT }, () => {
        const partition = random.below(partitionCount);
        ends[partition] = (ends[partition] as number) + 1;
        return producer.send({ topic, partition, value: 'x'.repeat(random.below(300)) });
      });
      await Promise.all(sends);
      // Readers that are cut off all the time have to keep up with it.
      await sleep(BREATH_MS);
    }
  })();
  try {
    for (let cut = 0; cut < cuts; cut++) {
      // Every other cut comes whenever it comes, in the middle of a greeting too.
      if (cut % 2 === 0) await allConnected(readers, cut / 2);
      await sleep(random.below(PAUSE_MS_MAX));
      for (const proxy of proxies) proxy.cut();
    }
    isOver = true;
    await load;
    for (const reader of readers) {
      let behind = '';
      await eventually('everything is read', TIMEOUT_MS, () => {
        const { next, ended } = reader.seen;
        if (ended !== null) throw new Error(ended);
        behind = JSON.stringify({ ...reader.seen, ends });
        return ends.every((end, partition) => (next[partition] ?? 0) === end);
      }).catch((cause: unknown) => {
        throw new Error(`a reader stands at ${behind}`, { cause });
      });
      const { duplicates, lost, gaps } = reader.seen;
      assert.deepEqual({ duplicates, lost, gaps, seed }, { duplicates: 0, lost: 0, gaps: 0, seed });
    }
  } finally {
    isOver = true;
    await Promise.all(readers.map((reader) => reader.close()));
    for (const proxy of proxies) proxy.close();
    await producer.close();
  }
}

/** Until every reader was connected more than that many times. */
async function allConnected(readers: readonly Reader[], times: number): Promise<void> {
  await eventually('every reader is connected', TIMEOUT_MS, () =>
    readers.every(({ seen }) => seen.connections > times),
  );
}

/**
 * The end of one gateway after the other under publishes and a reader, `times` times: every outcome is true.
 *
 * @param how `kill -9`, or SIGTERM, after which the process must end with code 0 in its time.
 */
export async function ended(course: Course, how: 'kill' | 'stop', times: number): Promise<void> {
  const urls = course.gateways.map(({ url }) => url);
  const writer = new Writer(urls, course.topic);
  const reader = new Reader(urls, course.topic);
  try {
    for (let n = 0; n < times; n++) {
      const before = writer.appended.length;
      await eventually('it goes on', TIMEOUT_MS, () => writer.appended.length > before + 100);
      const gateway = course.gateways[n % course.gateways.length] as GatewayProcess;
      await gateway[how]();
      await gateway.resume();
    }
    await writer.stop();
    const { appended, unknown, failed } = writer;
    await eventually('everything is read', TIMEOUT_MS, () => {
      const end = reader.seen.next[0] ?? 0;
      return end >= appended.length && end <= appended.length + unknown.length;
    });
    const { duplicates, lost, gaps } = reader.seen;
    assert.deepEqual(
      { duplicates, lost, gaps, failed },
      { duplicates: 0, lost: 0, gaps: 0, failed: [] },
    );
    // One publish at a time: an end leaves at most one without an outcome.
    assert.ok(unknown.length <= times, `${unknown.length} unknown outcomes`);
  } finally {
    await reader.close();
  }
}
