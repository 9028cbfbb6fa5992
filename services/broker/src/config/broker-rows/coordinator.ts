import { booleanConfig, intConfig, longConfig, shortConfig } from '@millrace/base';

const MAX_INT = 2_147_483_647;
const unused = { hasNoEffect: true } as const;

/** Groups, their offsets, producer ids and transactions. */
export const coordinatorRows = {
  offsetsTopicNumPartitions: intConfig({
    name: 'offsets.topic.num.partitions',
    default: 50,
    atLeast: 1,
    sentence: 'Partitions of __consumer_offsets; fixed once the topic exists.',
  }),
  offsetsTopicReplicationFactor: shortConfig({
    hasNoEffect: true,
    name: 'offsets.topic.replication.factor',
    default: 1,
    atLeast: 1,
    sentence: 'Replicas of __consumer_offsets; one broker holds one.',
  }),
  offsetsTopicSegmentBytes: intConfig({
    name: 'offsets.topic.segment.bytes',
    default: 104_857_600,
    atLeast: 1,
    sentence: 'segment.bytes of __consumer_offsets.',
  }),
  offsetsTopicCompressionCodec: intConfig({
    name: 'offsets.topic.compression.codec',
    default: 0,
    atLeast: 0,
    atMost: 4,
    sentence: 'Codec in which commits are written: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.',
  }),
  offsetsRetentionMinutes: intConfig({
    name: 'offsets.retention.minutes',
    default: 10_080,
    atLeast: 1,
    sentence: 'How long the offsets of an empty group are kept.',
  }),
  offsetsRetentionCheckIntervalMs: longConfig({
    name: 'offsets.retention.check.interval.ms',
    default: 600_000,
    atLeast: 1,
    sentence: 'How often offsets are looked through for expired ones.',
  }),
  offsetsCommitTimeoutMs: intConfig({
    hasNoEffect: true,
    name: 'offsets.commit.timeout.ms',
    default: 5000,
    atLeast: 1,
    sentence: 'How long a commit may wait to be durable.',
  }),
  offsetsLoadBufferSize: intConfig({
    name: 'offsets.load.buffer.size',
    default: 5_242_880,
    atLeast: 1,
    sentence: 'Bytes read at a time when offsets are loaded.',
  }),
  offsetMetadataMaxBytes: intConfig({
    name: 'offset.metadata.max.bytes',
    default: 4096,
    sentence: 'Longest text that may stand with a committed offset.',
  }),
  groupInitialRebalanceDelayMs: intConfig({
    name: 'group.initial.rebalance.delay.ms',
    default: 3000,
    atLeast: 0,
    sentence: 'How long the first rebalance of an empty group waits for more members.',
  }),
  groupMinSessionTimeoutMs: intConfig({
    name: 'group.min.session.timeout.ms',
    default: 6000,
    sentence: 'Shortest session that a member may ask for.',
  }),
  groupMaxSessionTimeoutMs: intConfig({
    name: 'group.max.session.timeout.ms',
    default: 1_800_000,
    sentence: 'Longest session that a member may ask for.',
  }),
  groupMaxSize: intConfig({
    name: 'group.max.size',
    default: MAX_INT,
    atLeast: 1,
    sentence: 'Members of one group.',
  }),
  transactionStateLogNumPartitions: intConfig({
    ...unused,
    name: 'transaction.state.log.num.partitions',
    default: 50,
    atLeast: 1,
    sentence: 'Partitions of __transaction_state.',
  }),
  transactionStateLogReplicationFactor: shortConfig({
    ...unused,
    name: 'transaction.state.log.replication.factor',
    default: 1,
    atLeast: 1,
    sentence: 'Replicas of __transaction_state.',
  }),
  transactionStateLogMinIsr: intConfig({
    ...unused,
    name: 'transaction.state.log.min.isr',
    default: 1,
    atLeast: 1,
    sentence: 'min.insync.replicas of __transaction_state.',
  }),
  transactionStateLogSegmentBytes: intConfig({
    ...unused,
    name: 'transaction.state.log.segment.bytes',
    default: 104_857_600,
    atLeast: 1,
    sentence: 'segment.bytes of __transaction_state.',
  }),
  transactionStateLogLoadBufferSize: intConfig({
    ...unused,
    name: 'transaction.state.log.load.buffer.size',
    default: 5_242_880,
    atLeast: 1,
    sentence: 'Bytes read at a time when transactions are loaded.',
  }),
  transactionMaxTimeoutMs: intConfig({
    ...unused,
    name: 'transaction.max.timeout.ms',
    default: 900_000,
    atLeast: 1,
    sentence: 'Longest timeout that a transaction may ask for.',
  }),
  transactionalIdExpirationMs: intConfig({
    ...unused,
    name: 'transactional.id.expiration.ms',
    default: 604_800_000,
    atLeast: 1,
    sentence: 'How long an unused transactional id is kept.',
  }),
  transactionAbortTimedOutTransactionCleanupIntervalMs: intConfig({
    ...unused,
    name: 'transaction.abort.timed.out.transaction.cleanup.interval.ms',
    default: 10_000,
    atLeast: 1,
    sentence: 'How often timed-out transactions are looked for.',
  }),
  transactionRemoveExpiredTransactionCleanupIntervalMs: intConfig({
    ...unused,
    name: 'transaction.remove.expired.transaction.cleanup.interval.ms',
    default: 3_600_000,
    atLeast: 1,
    sentence: 'How often expired transactional ids are looked for.',
  }),
  transactionPartitionVerificationEnable: booleanConfig({
    ...unused,
    name: 'transaction.partition.verification.enable',
    dynamic: 'cluster-wide',
    default: true,
    sentence: 'Whether a transactional batch must belong to a known transaction.',
  }),
  producerIdExpirationMs: intConfig({
    name: 'producer.id.expiration.ms',
    dynamic: 'cluster-wide',
    default: 86_400_000,
    atLeast: 1,
    sentence: 'How long the sequence numbers of a silent producer are kept.',
  }),
};
