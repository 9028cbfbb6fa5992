import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import { groupLag } from '../coordinator/group/group-metrics.ts';
import type { PartitionTable } from '../replica/partition-table.ts';
import { SampledFamily, type SampledRow, type SampledSeries } from './sampled-family.ts';

/** Group × partition series beyond this are left out; the sums of their topics are as well. */
const MAX_GROUP_SERIES = 200_000;

const perPartition = ['consumergroup', 'topic', 'partition'] as const;
const perTopic = ['consumergroup', 'topic'] as const;

/** Families of groups. */
export const groupFamilies = {
  offset: row('current_offset', perPartition, 'Committed offset of a group.'),
  lag: row('lag', perPartition, 'Records between the committed offset and the high watermark.'),
  offsetSum: row('current_offset_sum', perTopic, 'Committed offsets, summed over a topic.'),
  lagSum: row('lag_sum', perTopic, 'Lag of a group, summed over a topic.'),
  members: row('members', ['consumergroup'], 'Members of a group.'),
};

function row(name: string, labels: readonly string[], sentence: string): SampledRow {
  return { name: `kafka_consumergroup_${name}`, labels, sentence };
}

interface Sum {
  readonly group: string;
  readonly topic: string;
  offset: number;
  lag: number;
}

/** Committed offsets and lag of groups, under the names of kafka_exporter. Lag is never negative. */
export class GroupSeries implements SampledSeries {
  readonly #groups: GroupCoordinator;
  readonly #partitions: PartitionTable;
  readonly #offset = new SampledFamily(groupFamilies.offset);
  readonly #lag = new SampledFamily(groupFamilies.lag);
  readonly #offsetSum = new SampledFamily(groupFamilies.offsetSum);
  readonly #lagSum = new SampledFamily(groupFamilies.lagSum);
  readonly #members = new SampledFamily(groupFamilies.members);
  readonly families = [this.#offset, this.#lag, this.#offsetSum, this.#lagSum, this.#members];

  constructor(groups: GroupCoordinator, partitions: PartitionTable) {
    this.#groups = groups;
    this.#partitions = partitions;
  }

  *refresh(): Iterable<void> {
    for (const family of this.families) family.begin();
    const sums = new Map<string, Sum>();
    const endOf = (topic: string, partition: number) =>
      this.#partitions.get(topic, partition)?.highWatermark;
    for (const row of groupLag(this.#groups, endOf, MAX_GROUP_SERIES)) {
      const partition = this.#partitions.get(row.topic, row.partition);
      // A commit below the log start counts from there: the records before it are gone.
      const from = Math.max(row.committedOffset, partition?.logStartOffset ?? 0);
      const lag = Math.max(0, (partition?.highWatermark ?? 0) - from);
      const labels = [
        ['consumergroup', row.group],
        ['topic', row.topic],
        ['partition', String(row.partition)],
      ] as const;
      this.#offset.add(this.#offset.prefix(...labels), row.committedOffset);
      this.#lag.add(this.#lag.prefix(...labels), lag);
      addUp(sums, row.group, row.topic, row.committedOffset, lag);
      yield;
    }
    for (const sum of sums.values()) {
      const labels = [
        ['consumergroup', sum.group],
        ['topic', sum.topic],
      ] as const;
      this.#offsetSum.add(this.#offsetSum.prefix(...labels), sum.offset);
      this.#lagSum.add(this.#lagSum.prefix(...labels), sum.lag);
      yield;
    }
    for (const group of this.#groups.groups()) {
      this.#members.add(this.#members.prefix(['consumergroup', group.id]), group.members.size);
      yield;
    }
  }
}

function addUp(
  sums: Map<string, Sum>,
  group: string,
  topic: string,
  offset: number,
  lag: number,
): void {
  const key = `${group}\u0000${topic}`;
  const sum = sums.get(key);
  if (sum === undefined) {
    sums.set(key, { group, topic, offset, lag });
    return;
  }
  sum.offset += offset;
  sum.lag += lag;
}
