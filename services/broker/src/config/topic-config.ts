import {
  booleanConfig,
  type ConfigFacts,
  type ConfigLayer,
  type ConfigValues,
  defineConfig,
  doubleConfig,
  intConfig,
  listConfig,
  longConfig,
  NO_LIMIT,
  stringConfig,
} from '@millrace/base';

const MS_PER_MINUTE = 60_000;
const MS_PER_HOUR = 3_600_000;

const topic = { dynamic: 'topic' } as const satisfies Partial<ConfigFacts>;

/** What `cleanup.policy` says: either, both, or neither of the two. */
export interface CleanupPolicy {
  readonly delete: boolean;
  readonly compact: boolean;
}

export const topicConfigs = defineConfig('Topic configs', {
  cleanupPolicy: listConfig({
    ...topic,
    name: 'cleanup.policy',
    synonyms: ['log.cleanup.policy'],
    default: 'delete',
    oneOf: ['compact', 'delete'],
    read: (items): CleanupPolicy => ({
      delete: items.includes('delete'),
      compact: items.includes('compact'),
    }),
    sentence:
      'Whether old segments are deleted, or compacted to the last record of each key, or both.',
  }),
  compressionGzipLevel: intConfig({
    ...topic,
    name: 'compression.gzip.level',
    synonyms: ['compression.gzip.level'],
    default: -1,
    atLeast: 1,
    atMost: 9,
    orEqual: -1,
    sentence: 'Level of gzip when compression.type is gzip; -1 is the library’s own.',
  }),
  compressionLz4Level: intConfig({
    ...topic,
    name: 'compression.lz4.level',
    synonyms: ['compression.lz4.level'],
    default: 9,
    atLeast: 1,
    atMost: 17,
    hasNoEffect: true,
    sentence: 'Level of lz4 when compression.type is lz4; the library that is used has one only.',
  }),
  compressionType: stringConfig({
    ...topic,
    name: 'compression.type',
    synonyms: ['compression.type'],
    default: 'producer',
    oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    sentence: 'How batches are stored; producer keeps them as they were sent.',
  }),
  compressionZstdLevel: intConfig({
    ...topic,
    name: 'compression.zstd.level',
    synonyms: ['compression.zstd.level'],
    default: 3,
    atLeast: -131072,
    atMost: 22,
    sentence: 'Level of zstd when compression.type is zstd.',
  }),
  deleteRetentionMs: longConfig({
    ...topic,
    name: 'delete.retention.ms',
    synonyms: ['log.cleaner.delete.retention.ms'],
    default: 86_400_000,
    atLeast: 0,
    sentence: 'How long tombstones of a compacted topic stay readable.',
  }),
  fileDeleteDelayMs: longConfig({
    ...topic,
    name: 'file.delete.delay.ms',
    synonyms: ['log.segment.delete.delay.ms'],
    default: 60_000,
    atLeast: 0,
    sentence: 'How long a deleted file stays on the disk under another name.',
  }),
  flushMessages: longConfig({
    ...topic,
    name: 'flush.messages',
    synonyms: ['log.flush.interval.messages'],
    default: NO_LIMIT,
    atLeast: 1,
    sentence: 'Records after which the log is flushed, with page-cache durability.',
  }),
  flushMs: longConfig({
    ...topic,
    name: 'flush.ms',
    synonyms: ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
    default: NO_LIMIT,
    atLeast: 0,
    sentence: 'Time after which the log is flushed, with page-cache durability.',
  }),
  followerReplicationThrottledReplicas: throttledReplicas('follower'),
  indexIntervalBytes: intConfig({
    ...topic,
    name: 'index.interval.bytes',
    synonyms: ['log.index.interval.bytes'],
    default: 4096,
    atLeast: 0,
    sentence: 'Bytes between two entries of the offset index.',
  }),
  leaderReplicationThrottledReplicas: throttledReplicas('leader'),
  localRetentionBytes: longConfig({
    ...topic,
    name: 'local.retention.bytes',
    synonyms: ['log.local.retention.bytes'],
    default: -2,
    atLeast: -2,
    hasNoEffect: true,
    sentence: 'Local share of tiered storage by size.',
  }),
  localRetentionMs: longConfig({
    ...topic,
    name: 'local.retention.ms',
    synonyms: ['log.local.retention.ms'],
    default: -2,
    atLeast: -2,
    hasNoEffect: true,
    sentence: 'Local share of tiered storage by time.',
  }),
  maxCompactionLagMs: longConfig({
    ...topic,
    name: 'max.compaction.lag.ms',
    synonyms: ['log.cleaner.max.compaction.lag.ms'],
    default: NO_LIMIT,
    atLeast: 1,
    sentence: 'Time after which a record must have been compacted.',
  }),
  maxMessageBytes: intConfig({
    ...topic,
    name: 'max.message.bytes',
    synonyms: ['message.max.bytes'],
    default: 1_048_588,
    atLeast: 0,
    sentence: 'Largest record batch accepted.',
  }),
  messageDownconversionEnable: booleanConfig({
    ...topic,
    name: 'message.downconversion.enable',
    synonyms: ['log.message.downconversion.enable'],
    default: true,
    hasNoEffect: true,
    sentence: 'Conversion to the formats of consumers before Kafka 0.11.',
  }),
  messageFormatVersion: stringConfig({
    ...topic,
    name: 'message.format.version',
    synonyms: ['log.message.format.version'],
    default: '3.0-IV1',
    hasNoEffect: true,
    sentence: 'Version of the stored format; always record batch version 2.',
  }),
  messageTimestampAfterMaxMs: longConfig({
    ...topic,
    name: 'message.timestamp.after.max.ms',
    synonyms: ['log.message.timestamp.after.max.ms'],
    default: NO_LIMIT,
    atLeast: 0,
    sentence: 'How far a record’s own timestamp may lie ahead of the broker’s clock.',
  }),
  messageTimestampBeforeMaxMs: longConfig({
    ...topic,
    name: 'message.timestamp.before.max.ms',
    synonyms: ['log.message.timestamp.before.max.ms'],
    default: NO_LIMIT,
    atLeast: 0,
    sentence: 'How far a record’s own timestamp may lie behind the broker’s clock.',
  }),
  messageTimestampDifferenceMaxMs: longConfig({
    ...topic,
    name: 'message.timestamp.difference.max.ms',
    synonyms: ['log.message.timestamp.difference.max.ms'],
    default: NO_LIMIT,
    atLeast: 0,
    hasNoEffect: true,
    sentence: 'Replaced by message.timestamp.before.max.ms and message.timestamp.after.max.ms.',
  }),
  messageTimestampType: stringConfig({
    ...topic,
    name: 'message.timestamp.type',
    synonyms: ['log.message.timestamp.type'],
    default: 'CreateTime',
    oneOf: ['CreateTime', 'LogAppendTime'],
    sentence: 'Whether records carry the producer’s time or the time of the append.',
  }),
  minCleanableDirtyRatio: doubleConfig({
    ...topic,
    name: 'min.cleanable.dirty.ratio',
    synonyms: ['log.cleaner.min.cleanable.ratio'],
    default: 0.5,
    atLeast: 0,
    atMost: 1,
    sentence: 'Share of uncompacted bytes from which a log is worth compacting.',
  }),
  minCompactionLagMs: longConfig({
    ...topic,
    name: 'min.compaction.lag.ms',
    synonyms: ['log.cleaner.min.compaction.lag.ms'],
    default: 0,
    atLeast: 0,
    sentence: 'Time for which a record stays uncompacted.',
  }),
  minInsyncReplicas: intConfig({
    ...topic,
    name: 'min.insync.replicas',
    synonyms: ['min.insync.replicas'],
    default: 1,
    atLeast: 1,
    sentence: 'In-sync replicas without which acks=all is refused.',
  }),
  preallocate: booleanConfig({
    hasNoEffect: true,
    ...topic,
    name: 'preallocate',
    synonyms: ['log.preallocate'],
    default: false,
    sentence: 'Whether a new segment takes its whole size on the disk at once.',
  }),
  remoteLogCopyDisable: booleanConfig({
    ...topic,
    name: 'remote.log.copy.disable',
    default: false,
    hasNoEffect: true,
    sentence: 'Stops copying to tiered storage.',
  }),
  remoteLogDeleteOnDisable: booleanConfig({
    ...topic,
    name: 'remote.log.delete.on.disable',
    default: false,
    hasNoEffect: true,
    sentence: 'Deletes the tiered part when tiered storage is switched off.',
  }),
  remoteStorageEnable: booleanConfig({
    ...topic,
    name: 'remote.storage.enable',
    default: false,
    hasNoEffect: true,
    sentence: 'Tiered storage.',
  }),
  retentionBytes: longConfig({
    ...topic,
    name: 'retention.bytes',
    synonyms: ['log.retention.bytes'],
    default: -1,
    sentence: 'Size of a partition’s log above which old segments are deleted; -1 is no limit.',
  }),
  retentionMs: longConfig({
    ...topic,
    name: 'retention.ms',
    synonyms: [
      'log.retention.ms',
      { name: 'log.retention.minutes', scale: MS_PER_MINUTE },
      { name: 'log.retention.hours', scale: MS_PER_HOUR },
    ],
    default: 604_800_000,
    atLeast: -1,
    sentence: 'Age above which segments are deleted; -1 is no limit.',
  }),
  segmentBytes: intConfig({
    ...topic,
    name: 'segment.bytes',
    synonyms: ['log.segment.bytes'],
    default: 1_073_741_824,
    atLeast: 14,
    sentence: 'Size at which a segment file is closed and the next one begun.',
  }),
  segmentIndexBytes: intConfig({
    ...topic,
    name: 'segment.index.bytes',
    synonyms: ['log.index.size.max.bytes'],
    default: 10_485_760,
    atLeast: 4,
    sentence: 'Largest size of an index file.',
  }),
  segmentJitterMs: longConfig({
    ...topic,
    name: 'segment.jitter.ms',
    synonyms: ['log.roll.jitter.ms', { name: 'log.roll.jitter.hours', scale: MS_PER_HOUR }],
    default: 0,
    atLeast: 0,
    sentence:
      'Largest random part taken off segment.ms, so that segments do not all roll together.',
  }),
  segmentMs: longConfig({
    ...topic,
    name: 'segment.ms',
    synonyms: ['log.roll.ms', { name: 'log.roll.hours', scale: MS_PER_HOUR }],
    default: 604_800_000,
    atLeast: 1,
    sentence: 'Age at which a segment is closed even when it is not full.',
  }),
  uncleanLeaderElectionEnable: booleanConfig({
    hasNoEffect: true,
    ...topic,
    name: 'unclean.leader.election.enable',
    synonyms: ['unclean.leader.election.enable'],
    default: false,
    sentence: 'Whether a replica that is not in sync may become leader, losing records.',
  }),
});

/** The effective configuration of a topic. Limits of 2^63 - 1 read as `NO_LIMIT`. */
export interface TopicConfig extends ConfigValues<typeof topicConfigs.rows> {}

/** The configuration of a topic with these overrides, falling back to the broker's own settings. */
export function topicConfigOf<S>(
  overrides: ReadonlyMap<string, string>,
  brokerLayers: readonly ConfigLayer<S>[],
): TopicConfig {
  return topicConfigs.resolve<S | 'topic'>({
    own: [{ source: 'topic', values: overrides }],
    fallback: brokerLayers,
  });
}

function throttledReplicas(side: 'leader' | 'follower') {
  return listConfig({
    ...topic,
    name: `${side}.replication.throttled.replicas`,
    default: '',
    validText: '* or partition:broker pairs',
    read: (items) => {
      for (const item of items) {
        if (item !== '*' && !/^\d+:\d+$/.test(item)) {
          throw new Error('must be the literal * or a list of partition:broker pairs');
        }
      }
      return items;
    },
    hasNoEffect: true,
    sentence: `Replicas whose replication is throttled on the ${side}'s side.`,
  });
}
