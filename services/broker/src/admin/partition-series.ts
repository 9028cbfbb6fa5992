import type { MetadataImage } from '../controller/metadata-image.ts';
import type { Partition } from '../replica/partition.ts';
import type { PartitionTable } from '../replica/partition-table.ts';
import { SampledFamily, type SampledSeries } from './sampled-family.ts';

type Read = (partition: Partition, brokerId: number) => number;

/** Families with a series per partition; on one broker every replica is in sync and led by it. */
const PARTITION_FAMILIES: readonly (readonly [string, string, Read])[] = [
  ['kafka_log_log_size', 'Bytes of a partition’s log.', (p) => p.sizeBytes],
  ['kafka_log_log_logstartoffset', 'First offset of a log.', (p) => p.logStartOffset],
  ['kafka_log_log_logendoffset', 'Offset after the last record of a log.', (p) => p.logEndOffset],
  ['kafka_cluster_partition_insyncreplicascount', 'Replicas in sync.', () => 1],
  ['kafka_cluster_partition_replicascount', 'Replicas.', () => 1],
  ['kafka_cluster_partition_underreplicated', '1 when a replica is out of sync.', () => 0],
  [
    'kafka_cluster_partition_underminisr',
    '1 below min.insync.replicas.',
    (p) => Number(p.config.minInsyncReplicas > 1),
  ],
  [
    'kafka_cluster_partition_atminisr',
    '1 at min.insync.replicas.',
    (p) => Number(p.config.minInsyncReplicas === 1),
  ],
  [
    'kafka_cluster_partition_laststableoffsetlag',
    'Records above the last stable offset.',
    (p) => p.highWatermark - p.lastStableOffset,
  ],
  [
    'kafka_topic_partition_current_offset',
    'High watermark of a partition.',
    (p) => p.highWatermark,
  ],
  ['kafka_topic_partition_oldest_offset', 'Log start offset.', (p) => p.logStartOffset],
  ['kafka_topic_partition_leader', 'Broker id of the leader.', (_p, brokerId) => brokerId],
  ['kafka_topic_partition_replicas', 'Replicas.', () => 1],
  ['kafka_topic_partition_in_sync_replica', 'Replicas in sync.', () => 1],
  ['kafka_topic_partition_leader_is_preferred', '1 when the preferred replica leads.', () => 1],
  ['kafka_topic_partition_under_replicated_partition', '1 when out of sync.', () => 0],
];

/** Series of partitions and of topics, read off the partition table. */
export class PartitionSeries implements SampledSeries {
  readonly #partitions: PartitionTable;
  readonly #image: MetadataImage;
  readonly #perPartition = PARTITION_FAMILIES.map(
    ([name, sentence]) => new SampledFamily(name, sentence),
  );
  readonly #topicPartitions = new SampledFamily('kafka_topic_partitions', 'Partitions of a topic.');
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
        const [, , read] = PARTITION_FAMILIES[at] as (typeof PARTITION_FAMILIES)[number];
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
    const labels = [
      ['topic', partition.topic],
      ['partition', String(partition.index)],
    ] as const;
    const prefixes = this.#perPartition.map((family) => family.prefix(...labels));
    this.#prefixes.set(partition, prefixes);
    return prefixes;
  }
}
