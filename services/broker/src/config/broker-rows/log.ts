import {
  booleanConfig,
  doubleConfig,
  type IntegerFacts,
  intConfig,
  listConfig,
  longConfig,
  NO_LIMIT,
  stringConfig,
} from '@millrace/base';

const changeable = { dynamic: 'cluster-wide' } as const;
const unused = { hasNoEffect: true } as const;

/** Log dirs, the work on logs, and what topics fall back to. */
export const logRows = {
  logDir: stringConfig({
    name: 'log.dir',
    default: '/tmp/kafka-logs',
    sentence: 'Directory of the logs when log.dirs is not set.',
  }),
  logDirList: listConfig({
    name: 'log.dirs',
    default: null,
    read: (items) => items,
    sentence: 'Directories of the logs, separated by commas.',
  }),
  numRecoveryThreadsPerDataDir: intConfig({
    hasNoEffect: true,
    ...changeable,
    name: 'num.recovery.threads.per.data.dir',
    default: 2,
    atLeast: 1,
    sentence: 'Logs recovered at a time in one directory.',
  }),
  logRetentionCheckIntervalMs: longConfig({
    name: 'log.retention.check.interval.ms',
    default: 300_000,
    atLeast: 1,
    sentence: 'How often logs are looked through for what may be deleted.',
  }),
  logInitialTaskDelayMs: longConfig({
    hasNoEffect: true,
    name: 'log.initial.task.delay.ms',
    default: 30_000,
    atLeast: 0,
    sentence: 'Time after the start before the first of these looks.',
  }),
  logFlushSchedulerIntervalMs: longConfig({
    name: 'log.flush.scheduler.interval.ms',
    default: NO_LIMIT,
    sentence: 'How often logs are looked through for what flush.ms asks to flush.',
  }),
  logFlushOffsetCheckpointIntervalMs: intConfig({
    name: 'log.flush.offset.checkpoint.interval.ms',
    default: 60_000,
    atLeast: 0,
    sentence: 'How often recovery points are written.',
  }),
  logFlushStartOffsetCheckpointIntervalMs: intConfig({
    hasNoEffect: true,
    name: 'log.flush.start.offset.checkpoint.interval.ms',
    default: 60_000,
    atLeast: 0,
    sentence: 'How often log start offsets are written.',
  }),
  replicaHighWatermarkCheckpointIntervalMs: longConfig({
    name: 'replica.high.watermark.checkpoint.interval.ms',
    default: 5000,
    atLeast: 1,
    sentence: 'How often high watermarks are written.',
  }),
  logCleanerEnable: booleanConfig({
    name: 'log.cleaner.enable',
    default: true,
    sentence: 'Whether compacted topics are compacted.',
  }),
  logCleanerThreads: intConfig({
    hasNoEffect: true,
    ...changeable,
    name: 'log.cleaner.threads',
    default: 1,
    atLeast: 0,
    sentence: 'Logs compacted at a time.',
  }),
  logCleanerDedupeBufferSize: longConfig({
    ...changeable,
    name: 'log.cleaner.dedupe.buffer.size',
    default: 134_217_728,
    atLeast: 1_048_576,
    sentence: 'Memory for the keys of the log being compacted.',
  }),
  logCleanerIoBufferSize: intConfig({
    ...changeable,
    ...unused,
    name: 'log.cleaner.io.buffer.size',
    default: 524_288,
    atLeast: 0,
    sentence: 'Read buffer of the cleaner.',
  }),
  logCleanerIoBufferLoadFactor: doubleConfig({
    ...changeable,
    ...unused,
    name: 'log.cleaner.io.buffer.load.factor',
    default: 0.9,
    sentence: 'How full the cleaner’s table of keys may become.',
  }),
  logCleanerBackoffMs: longConfig({
    ...changeable,
    name: 'log.cleaner.backoff.ms',
    default: 15_000,
    atLeast: 0,
    sentence: 'Time between two looks for something to compact.',
  }),

  // What topics fall back to. Where name and meaning equal a topic config, only the topic's row is read.
  logCleanupPolicy: listConfig({
    ...changeable,
    name: 'log.cleanup.policy',
    default: 'delete',
    oneOf: ['compact', 'delete'],
    read: (items) => items,
    sentence: 'Default of cleanup.policy.',
  }),
  logRetentionMs: longConfig({
    ...changeable,
    name: 'log.retention.ms',
    default: null,
    atLeast: -1,
    sentence: 'Default of retention.ms; beats log.retention.minutes and log.retention.hours.',
  }),
  logRetentionMinutes: intConfig({
    name: 'log.retention.minutes',
    default: null,
    sentence: 'Default of retention.ms in minutes; beats log.retention.hours.',
  }),
  logRetentionHours: intConfig({
    name: 'log.retention.hours',
    default: 168,
    sentence: 'Default of retention.ms in hours.',
  }),
  logRetentionBytes: topicLong('log.retention.bytes', 'retention.bytes', -1),
  logSegmentBytes: topicInt('log.segment.bytes', 'segment.bytes', 1_073_741_824, 14),
  logRollMs: longConfig({
    ...changeable,
    name: 'log.roll.ms',
    default: null,
    atLeast: 1,
    sentence: 'Default of segment.ms; beats log.roll.hours.',
  }),
  logRollHours: intConfig({
    name: 'log.roll.hours',
    default: 168,
    atLeast: 1,
    sentence: 'Default of segment.ms in hours.',
  }),
  logRollJitterMs: longConfig({
    ...changeable,
    name: 'log.roll.jitter.ms',
    default: null,
    atLeast: 0,
    sentence: 'Default of segment.jitter.ms; beats log.roll.jitter.hours.',
  }),
  logRollJitterHours: intConfig({
    name: 'log.roll.jitter.hours',
    default: 0,
    atLeast: 0,
    sentence: 'Default of segment.jitter.ms in hours.',
  }),
  logIndexSizeMaxBytes: topicInt('log.index.size.max.bytes', 'segment.index.bytes', 10_485_760, 4),
  logIndexIntervalBytes: topicInt('log.index.interval.bytes', 'index.interval.bytes', 4096, 0),
  messageMaxBytes: topicInt('message.max.bytes', 'max.message.bytes', 1_048_588, 0),
  minInsyncReplicas: topicInt('min.insync.replicas', 'min.insync.replicas', 1, 1),
  uncleanLeaderElectionEnable: booleanConfig({
    hasNoEffect: true,
    ...changeable,
    name: 'unclean.leader.election.enable',
    default: false,
    sentence: 'Default of unclean.leader.election.enable of topics.',
  }),
  compressionType: stringConfig({
    ...changeable,
    name: 'compression.type',
    default: 'producer',
    oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    sentence: 'Default of compression.type of topics.',
  }),
  compressionGzipLevel: level('gzip', { default: -1, atLeast: 1, atMost: 9, orEqual: -1 }),
  compressionLz4Level: level('lz4', { default: 9, atLeast: 1, atMost: 17, hasNoEffect: true }),
  compressionZstdLevel: level('zstd', { default: 3, atLeast: -131072, atMost: 22 }),
  logMessageTimestampType: stringConfig({
    ...changeable,
    name: 'log.message.timestamp.type',
    default: 'CreateTime',
    oneOf: ['CreateTime', 'LogAppendTime'],
    sentence: 'Default of message.timestamp.type.',
  }),
  logMessageTimestampBeforeMaxMs: topicLong(
    'log.message.timestamp.before.max.ms',
    'message.timestamp.before.max.ms',
    NO_LIMIT,
    0,
  ),
  logMessageTimestampAfterMaxMs: topicLong(
    'log.message.timestamp.after.max.ms',
    'message.timestamp.after.max.ms',
    NO_LIMIT,
    0,
  ),
  logMessageTimestampDifferenceMaxMs: longConfig({
    ...unused,
    ...changeable,
    name: 'log.message.timestamp.difference.max.ms',
    default: NO_LIMIT,
    atLeast: 0,
    sentence: 'Replaced by the before and after forms.',
  }),
  logMessageFormatVersion: stringConfig({
    ...unused,
    name: 'log.message.format.version',
    default: '3.0-IV1',
    sentence: 'Version of the stored format.',
  }),
  logMessageDownconversionEnable: booleanConfig({
    ...unused,
    ...changeable,
    name: 'log.message.downconversion.enable',
    default: true,
    sentence: 'Conversion to old formats.',
  }),
  logFlushIntervalMessages: topicLong('log.flush.interval.messages', 'flush.messages', NO_LIMIT, 1),
  logFlushIntervalMs: longConfig({
    ...changeable,
    name: 'log.flush.interval.ms',
    default: null,
    atLeast: 0,
    sentence: 'Default of flush.ms.',
  }),
  logCleanerDeleteRetentionMs: topicLong(
    'log.cleaner.delete.retention.ms',
    'delete.retention.ms',
    86_400_000,
    0,
  ),
  logCleanerMinCompactionLagMs: topicLong(
    'log.cleaner.min.compaction.lag.ms',
    'min.compaction.lag.ms',
    0,
    0,
  ),
  logCleanerMaxCompactionLagMs: topicLong(
    'log.cleaner.max.compaction.lag.ms',
    'max.compaction.lag.ms',
    NO_LIMIT,
    1,
  ),
  logCleanerMinCleanableRatio: doubleConfig({
    ...changeable,
    name: 'log.cleaner.min.cleanable.ratio',
    default: 0.5,
    atLeast: 0,
    atMost: 1,
    sentence: 'Default of min.cleanable.dirty.ratio.',
  }),
  logSegmentDeleteDelayMs: topicLong(
    'log.segment.delete.delay.ms',
    'file.delete.delay.ms',
    60_000,
    0,
  ),
  logPreallocate: booleanConfig({
    hasNoEffect: true,
    ...changeable,
    name: 'log.preallocate',
    default: false,
    sentence: 'Default of preallocate.',
  }),
  logLocalRetentionMs: longConfig({
    ...unused,
    ...changeable,
    name: 'log.local.retention.ms',
    default: -2,
    atLeast: -2,
    sentence: 'Default of local.retention.ms.',
  }),
  logLocalRetentionBytes: longConfig({
    ...unused,
    ...changeable,
    name: 'log.local.retention.bytes',
    default: -2,
    atLeast: -2,
    sentence: 'Default of local.retention.bytes.',
  }),
};

function topicLong(name: string, topicName: string, fallback: number, atLeast = -NO_LIMIT) {
  const facts = { ...changeable, name, default: fallback, sentence: `Default of ${topicName}.` };
  return longConfig(atLeast === -NO_LIMIT ? facts : { ...facts, atLeast });
}

function topicInt(name: string, topicName: string, fallback: number, atLeast: number) {
  const sentence = `Default of ${topicName}${name === topicName ? ' of topics' : ''}.`;
  return intConfig({ ...changeable, name, default: fallback, atLeast, sentence });
}

function level(codec: string, facts: Omit<IntegerFacts<number>, 'name' | 'sentence'>) {
  const name = `compression.${codec}.level`;
  return intConfig({ ...changeable, name, sentence: `Default of ${name} of topics.`, ...facts });
}
