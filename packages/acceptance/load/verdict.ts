import { Consumer, OffsetSpec } from '@millrace/client';
import type { RecordLoad } from './record-load.ts';

/** Where a value lies in the log. */
export interface Found {
  readonly value: string;
  readonly partition: number;
  readonly offset: number;
}

/** What became of the records that were sent. */
export interface Verdict {
  readonly acknowledged: number;
  /** Sent, and neither acknowledged nor refused for certain; each may be there or not, once. */
  readonly unknown: number;
  /** Records in the log at the end. */
  readonly found: number;
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  /** Acknowledged with another offset than the one they have. */
  readonly misplaced: readonly string[];
  /** Shown to a consumer once, and no longer there. */
  readonly vanished: readonly string[];
}

/** Everything in a topic, in offset order by partition. */
export async function readAll(
  bootstrapServers: string,
  topic: string,
  partitionCount: number,
): Promise<Found[]> {
  const consumer = new Consumer({ bootstrapServers, autoOffsetReset: 'earliest' });
  const partitions = Array.from({ length: partitionCount }, (_, index) => index);
  await consumer.assign([{ topic, partitions }]);
  const ends = new Map<number, number>();
  for (const partition of partitions) {
    ends.set(partition, await consumer.offsetFor(topic, partition, OffsetSpec.latest));
  }
  const found: Found[] = [];
  const decoder = new TextDecoder();
  while ([...ends].some(([partition, end]) => (consumer.position(topic, partition) ?? 0) < end)) {
    for (const { partition, offset, value } of await consumer.poll(5_000)) {
      found.push({ partition, offset, value: decoder.decode(value ?? undefined) });
    }
  }
  await consumer.close();
  return found;
}

/** Holds what clients were told against what is in the log. */
export function verdictOf(
  loads: readonly RecordLoad[],
  log: readonly Found[],
  shown: ReadonlyMap<string, string> = new Map(),
): Verdict {
  const places = new Map<string, string>();
  const values = new Map<string, string>();
  const duplicated: string[] = [];
  for (const { value, partition, offset } of log) {
    const place = `${partition}@${offset}`;
    if (places.has(value)) duplicated.push(value);
    places.set(value, place);
    values.set(place, value);
  }
  const lost: string[] = [];
  const misplaced: string[] = [];
  for (const load of loads) {
    for (const [value, { partition, offset }] of load.acknowledged) {
      const place = places.get(value);
      if (place === undefined) lost.push(value);
      else if (values.get(`${partition}@${offset}`) !== value) misplaced.push(value);
    }
  }
  const vanished = [...shown].filter(([place, value]) => values.get(place) !== value);
  return {
    acknowledged: loads.reduce((sum, load) => sum + load.acknowledged.size, 0),
    unknown: loads.reduce((sum, load) => sum + load.unknown.size, 0),
    found: log.length,
    ...{ lost, duplicated, misplaced },
    vanished: vanished.map(([place, value]) => `${value} at ${place}`),
  };
}

/** The lists of a report that must be empty, one sentence for each that is not. */
export function complaintsOf(report: object): string[] {
  return Object.entries(report).flatMap(([what, items]) =>
    Array.isArray(items) && items.length > 0
      ? [`${what}: ${items.length} (${items.slice(0, 3).join(', ').slice(0, 200)})`]
      : [],
  );
}

/** The counts of a report, on one line. */
export function countsOf(report: object): string {
  return Object.entries(report)
    .map(([what, value]) => [what, Array.isArray(value) ? value.length : value] as const)
    .map(([what, value]) => `${what} ${typeof value === 'number' ? Math.round(value) : value}`)
    .join(', ');
}
