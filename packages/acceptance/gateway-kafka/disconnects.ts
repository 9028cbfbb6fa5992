// C18: clients of the SDK over real sockets, cut off ten thousand times, against the log.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Prng, seededPrng } from '@millrace/base';
import { GatewayClient, type Subscription } from '@millrace/gateway-client';
import { eventually, runSeed } from '@millrace/testing';
import { FaultProxy } from '../gateway-faults/fault-proxy.ts';
import { GENEROUS_LIMITS } from '../gateway-hostile/limits.ts';
import { newTopic, type Stage, withGateway } from './stage.ts';

const DISCONNECTS = 10_000;
const CLIENTS = 60;
const PARTITIONS = 3;
const FLIGHT = 6;
const BREATH_MS = 30;
const STRIKE_EVERY_MS = 20;
/** Of the connections, at each strike. */
const SHARE = 0.15;
const PATIENCE_MS = 120_000;
/** Small enough that a client is often cut off while it has a part of the log in hand. */
const WINDOW_BYTES = 4096;

/** The n-th record of each partition has the value `<partition> <n>`, and something behind it. */
function textOf(partition: number, n: number): string {
  return `${partition} ${n} ${'x'.repeat((n * 37) % 300)}`;
}

/** Records come without a pause, to all partitions. */
class Production {
  readonly ends = Array<number>(PARTITIONS).fill(0);
  #isOver = false;
  readonly #done: Promise<void>;

  constructor({ producer }: Stage, topic: string, random: Prng) {
    this.#done = (async () => {
      while (!this.#isOver) {
        const sends = Array.from({ length: FLIGHT }, async () => {
          const partition = random.below(PARTITIONS);
          const n = this.ends[partition] as number;
          this.ends[partition] = n + 1;
          const { offset } = await producer.send({
            topic,
            partition,
            value: textOf(partition, n),
          });
          assert.equal(offset, n);
        });
        await Promise.all(sends);
        await sleep(BREATH_MS);
      }
    })();
    this.#done.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }
}

/** Reads the topic from its beginning; the first record that is not the next one of its partition ends it. */
class Follower {
  readonly next = Array<number>(PARTITIONS).fill(0);
  readonly #client: GatewayClient;
  disconnects = 0;
  failure: unknown = null;

  constructor(url: string, topic: string, protocol: 'binary' | 'json') {
    this.#client = new GatewayClient({ url, protocol, reconnect: { baseMs: 2, capMs: 50 } });
    let isReady = false;
    this.#client.on('state', (state) => {
      if (isReady && state === 'reconnecting') this.disconnects++;
      isReady = state === 'ready';
    });
    const options = { start: 'earliest', windowBytes: WINDOW_BYTES } as const;
    const subscription = this.#client.subscribe(topic, options);
    subscription.on('gap', (gap) => {
      this.failure ??= new Error(`a gap: ${JSON.stringify(gap)}`);
    });
    this.#read(subscription).catch((error: unknown) => {
      this.failure ??= error;
    });
  }

  async #read(subscription: Subscription): Promise<void> {
    for await (const block of subscription) {
      const { partition } = block;
      for (const record of block) {
        const expected = this.next[partition] as number;
        assert.equal(record.offset, expected, `partition ${partition}`);
        assert.equal(record.text(), textOf(partition, expected));
        this.next[partition] = expected + 1;
      }
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** Strikes at random until all together were cut off often enough, each client too. */
async function strike(proxy: FaultProxy, followers: readonly Follower[], random: Prng) {
  const deadline = performance.now() + 3 * PATIENCE_MS;
  const total = () => followers.reduce((sum, { disconnects }) => sum + disconnects, 0);
  while (total() < DISCONNECTS) {
    await sleep(random.below(2 * STRIKE_EVERY_MS));
    proxy.strike(random.below(4) === 0 ? 'truncate' : 'reset', SHARE);
    for (const { failure } of followers) if (failure !== null) throw failure;
    if (performance.now() > deadline) throw new Error(`only ${total()} disconnects`);
  }
}

async function disconnects(stage: Stage): Promise<void> {
  await withGateway(stage, GENEROUS_LIMITS, async ({ port }) => {
    const seed = runSeed();
    const random = seededPrng(seed);
    const topic = await newTopic(stage, 'disconnects', { partitionCount: PARTITIONS });
    const production = new Production(stage, topic, seededPrng(seed + 1));
    const proxy = await FaultProxy.open(port, seededPrng(seed + 2));
    const followers = Array.from(
      { length: CLIENTS },
      (_, n) => new Follower(proxy.url, topic, n % 2 === 0 ? 'binary' : 'json'),
    );
    try {
      await strike(proxy, followers, random);
      await production.stop();
      const { ends } = production;
      // A Kafka consumer reads what was produced, and every client read the same.
      const log = await stage.oracle.read(topic);
      assert.deepEqual(
        log.map(({ offset, value }) => [offset, value]),
        Array.from({ length: ends[0] ?? 0 }, (_, n) => [n, textOf(0, n)]),
      );
      await eventually('everything is read', PATIENCE_MS, () => {
        for (const { failure } of followers) if (failure !== null) throw failure;
        return followers.every(({ next }) => next.every((at, partition) => at === ends[partition]));
      });
    } catch (cause) {
      throw new Error(`seed ${seed}: ${String(cause)}`, { cause });
    } finally {
      await Promise.all(followers.map((follower) => follower.close()));
      proxy.close();
      await production.stop().catch(() => {});
    }
  });
}

export const disconnectChecks = {
  [`C18: ${DISCONNECTS} disconnects of ${CLIENTS} clients of the SDK, binary and JSON`]:
    disconnects,
};
