export type { RecordHeader } from '@millrace/records';
export { saslOauthBearer, saslPlain, saslScram, WireConnectionError } from '@millrace/wire';
export { Admin, type ConfigChanges, ConfigResource, type NewTopic } from './admin.ts';
export { ClientStateError, isRetriableError, KafkaError } from './client-error.ts';
export type { ClientOptions } from './client-options.ts';
export {
  type Assignor,
  type GroupSubscriber,
  rangeAssignor,
  roundRobinAssignor,
  type TopicPartitions,
} from './consumer/assignors.ts';
export { Consumer, type ConsumerOptions } from './consumer/consumer.ts';
export { type ConsumerRecord, type DecodedRead, decodeRead } from './consumer/decode-read.ts';
export type { FetchOptions, FetchTarget } from './consumer/fetch-request.ts';
export type { CommittedOffset } from './consumer/group-coordinator-client.ts';
export { type EpochEnd, type ListedOffset, OffsetSpec } from './consumer/offsets.ts';
export type {
  AbortedTransaction,
  DivergingEpoch,
  PartitionRead,
} from './consumer/partition-read.ts';
export { ReadCursor } from './consumer/read-cursor.ts';
export type { PartitionMetadata, TopicMetadata } from './metadata-cache.ts';
export { PartitionReader } from './partition-reader.ts';
export { DefaultPartitioner, type Partitioner } from './partitioner.ts';
export type { RecordMetadata } from './producer/pending-batch.ts';
export { Producer, type ProducerRecord } from './producer/producer.ts';
export type { ProducerOptions } from './producer/producer-options.ts';
