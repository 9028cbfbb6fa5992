import type { MetadataImage } from '../controller/metadata-image.ts';
import type { Partition } from '../replica/partition.ts';
import type { PartitionTable } from '../replica/partition-table.ts';
import { SampledFamily, type SampledRow, type SampledSeries } from './sampled-family.ts';

interface PartitionRow extends SampledRow {
  readonly read: (partition: Partition, brokerId: number) => number;
}

const labels = ['topic', 'partition'] as const;

/** Families with a series per partition; on one broker every replica is in sync and led by it. */
export const partitionFamilies: readonly PartitionRow[] = [
  {
    name: 'kafka_log_log_size',
    labels,
    sentence: 'Bytes of a partition’s log.',
    read: (p) => p.sizeBytes,
  },
  {
    name: 'kafka_log_log_logstartoffset',
    labels,
    sentence: 'First offset of a log.',
    read: (p) => p.logStartOffset,
  },
  {
    name: 'kafka_log_log_logendoffset',
    labels,
    sentence: 'Offset after the last record of a log.',
    read: (p) => p.logEndOffset,
  },
  {
    name: 'kafka_log_log_numlogsegments',
    labels,
    sentence: 'Segments of a log.',
    read: (p) => p.log.segmentCount,
  },
  {
    name: 'kafka_cluster_partition_insyncreplicascount',
    labels,
    sentence: 'Replicas in sync.',
    read: () => 1,
  },
  {
    name: 'kafka_cluster_partition_replicascount',
    labels,
    sentence: 'Replicas.',
    read: () => 1,
  },
  {
    name: 'kafka_cluster_partition_underreplicated',
    labels,
    sentence: '1 when a replica is out of sync.',
    read: () => 0,
  },
  {
    name: 'kafka_cluster_partition_underminisr',
    labels,
    sentence: '1 below min.insync.replicas.',
    read: (p) => Number(p.config.minInsyncReplicas > 1),
  },
  {
    name: 'kafka_cluster_partition_atminisr',
    labels,
    sentence: '1 at min.insync.replicas.',
    read: (p) => Number(p.config.minInsyncReplicas === 1),
  },
  {
    name: 'kafka_cluster_partition_laststableoffsetlag',
    labels,
    sentence: 'Records above the last stable offset.',
    read: (p) => p.highWatermark - p.lastStableOffset,
  },
  {
    name: 'kafka_topic_partition_current_offset',
    labels,
    sentence: 'High watermark of a partition.',
    read: (p) => p.highWatermark,
  },
  {
    name: 'kafka_topic_partition_oldest_offset',
    labels,
    sentence: 'Log start offset.',
    read: (p) => p.logStartOffset,
  },
  {
    name: 'kafka_topic_partition_leader',
    labels,
    sentence: 'Broker id of the leader.',
    read: (_p, brokerId) => brokerId,
  },
  {
    name: 'kafka_topic_partition_replicas',
    labels,
    sentence: 'Replicas.',
    read: () => 1,
  },
  {
    name: 'kafka_topic_partition_in_sync_replica',
    labels,
    sentence: 'Replicas in sync.',
    read: () => 1,
  },
  {
    name: 'kafka_topic_partition_leader_is_preferred',
    labels,
    sentence: '1 when the preferred replica leads.',
    read: () => 1,
  },
  {
    name: 'kafka_topic_partition_under_replicated_partition',
    labels,
    sentence: '1 when out of sync.',
    read: () => 0,
  },
];

/** Families with a series per topic. */
export const topicPartitionsRow: SampledRow = {
  name: 'kafka_topic_partitions',
  labels: ['topic'],
  sentence: 'Partitions of a topic.',
};

/** Series of partitions and of topics, read off the partition table. */
export class PartitionSeries implements SampledSeries {
  readonly #partitions: PartitionTable;
  readonly #image: MetadataImage;
  readonly #perPartition = partitionFamilies.map((row) => new SampledFamily(row));
  readonly #topicPartitions = new SampledFamily(topicPartitionsRow);
  readonly families: readonly SampledFamily[];
  /** The `name{labels} ` of every family, made once per partition. */
  readonly #prefixes = new WeakMap<Partition, readonly string[]>();

  constructor(partitions: PartitionTable, image: MetadataImage) {
    this.#partitions = partitions;
    this.#image = image;
    this.families = [...this.#perPartition, this.#topicPartitions];
  }

  *refresh(): Iterable<void> {
    for (const family of this.families) family.begin();
    const { brokerId } = this.#image;
    for (const partition of this.#partitions) {
      const prefixes = this.#prefixesOf(partition);
      for (let at = 0; at < this.#perPartition.length; at++) {
        const { read } = partitionFamilies[at] as PartitionRow;
        this.#perPartition[at]?.add(prefixes[at] as string, read(partition, brokerId));
      }
      yield;
    }
    for (const { name, partitionCount } of this.#image.topics()) {
      this.#topicPartitions.add(this.#topicPartitions.prefix(['topic', name]), partitionCount);
      yield;
    }
  }

  #prefixesOf(partition: Partition): readonly string[] {
    const known = this.#prefixes.get(partition);
    if (known !== undefined) return known;
    const prefixes = this.#perPartition.map((family) =>
      family.prefix(['topic', partition.topic], ['partition', String(partition.index)]),
    );
    this.#prefixes.set(partition, prefixes);
    return prefixes;
  }
}
