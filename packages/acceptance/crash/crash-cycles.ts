import { Consumer, OffsetSpec, Producer, type RecordMetadata } from '@millrace/client';
import { MillraceProcess } from '@millrace/testing';

/** What a run of kill -9 under load has shown. */
export interface CrashReport {
  readonly cycles: number;
  readonly acknowledged: number;
  /** Sent, and neither acknowledged nor refused for certain; each may be there or not, once. */
  readonly unknown: number;
  /** Records in the log at the end. */
  readonly found: number;
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  readonly misplaced: readonly string[];
  /** Slowest restart: from spawn until the broker listens, ms. */
  readonly restartMsMax: number;
}

const TOPIC = 'crash';
const PARTITIONS = 3;
const PRODUCERS = 2;
const IN_FLIGHT = 400;

/** A producer that keeps a bounded number of records in flight and remembers what became of each. */
class Load {
  readonly acknowledged = new Map<string, RecordMetadata>();
  readonly unknown = new Set<string>();
  readonly #producer: Producer;
  readonly #name: string;
  readonly #done: Promise<void>;
  #stopped = false;
  #next = 0;

  constructor(bootstrapServers: string, name: string) {
    this.#name = name;
    this.#producer = new Producer({
      bootstrapServers,
      lingerMs: 1,
      retryBackoffMs: 20,
      retryBackoffMaxMs: 200,
      requestTimeoutMs: 10_000,
    });
    const lanes = Array.from({ length: IN_FLIGHT }, () => this.#lane());
    this.#done = Promise.all(lanes).then(() => {});
  }

  async #lane(): Promise<void> {
    while (!this.#stopped) {
      const value = `${this.#name}-${this.#next++}`;
      try {
        this.acknowledged.set(
          value,
          await this.#producer.send({ topic: TOPIC, key: value, value }),
        );
      } catch {
        this.unknown.add(value);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    await this.#producer.close();
  }
}

/**
 * Kills a broker under load again and again, then reads everything back and compares.
 *
 * @param pauseMs from a restart until the next kill: a time between 0 and this one, at random.
 */
export async function crashCycles(
  cycles: number,
  pauseMs: number,
  random: () => number,
  note: (text: string) => void = () => {},
): Promise<CrashReport> {
  const broker = await MillraceProcess.start({
    // Small segments and indexes, so that kills meet rolls.
    overrides: { 'num.partitions': String(PARTITIONS), 'log.segment.bytes': '1048576' },
  });
  let restartMsMax = 0;
  try {
    const loads = Array.from(
      { length: PRODUCERS },
      (_, index) => new Load(broker.bootstrap, `p${index}`),
    );
    for (let cycle = 0; cycle < cycles; cycle++) {
      await new Promise((resolve) => setTimeout(resolve, random() * pauseMs));
      await broker.kill();
      const since = performance.now();
      await broker.resume();
      restartMsMax = Math.max(restartMsMax, performance.now() - since);
      if (cycle % 10 === 9) note(`${cycle + 1} of ${cycles} kills`);
    }
    await Promise.all(loads.map((load) => load.stop()));
    const log = await readAll(broker.bootstrap);
    await broker.stop();
    return { ...compare(loads, log), cycles, restartMsMax };
  } catch (error) {
    await broker.kill();
    throw error;
  }
}

interface Found {
  readonly value: string;
  readonly partition: number;
  readonly offset: number;
}

async function readAll(bootstrapServers: string): Promise<Found[]> {
  const consumer = new Consumer({ bootstrapServers, autoOffsetReset: 'earliest' });
  const partitions = Array.from({ length: PARTITIONS }, (_, index) => index);
  await consumer.assign([{ topic: TOPIC, partitions }]);
  const ends = new Map<number, number>();
  for (const partition of partitions) {
    ends.set(partition, await consumer.offsetFor(TOPIC, partition, OffsetSpec.latest));
  }
  const found: Found[] = [];
  const decoder = new TextDecoder();
  while ([...ends].some(([partition, end]) => (consumer.position(TOPIC, partition) ?? 0) < end)) {
    for (const { partition, offset, value } of await consumer.poll(5_000)) {
      found.push({ partition, offset, value: decoder.decode(value ?? undefined) });
    }
  }
  await consumer.close();
  return found;
}

function compare(loads: readonly Load[], log: readonly Found[]) {
  const places = new Map<string, Found[]>();
  for (const found of log) places.set(found.value, [...(places.get(found.value) ?? []), found]);
  const lost: string[] = [];
  const misplaced: string[] = [];
  for (const load of loads) {
    for (const [value, { partition, offset }] of load.acknowledged) {
      const at = places.get(value) ?? [];
      if (at.length === 0) lost.push(value);
      else if (!at.some((found) => found.partition === partition && found.offset === offset)) {
        misplaced.push(value);
      }
    }
  }
  const duplicated = [...places].filter(([, at]) => at.length > 1).map(([value]) => value);
  return {
    acknowledged: loads.reduce((sum, load) => sum + load.acknowledged.size, 0),
    unknown: loads.reduce((sum, load) => sum + load.unknown.size, 0),
    found: log.length,
    ...{ lost, duplicated, misplaced },
  };
}
