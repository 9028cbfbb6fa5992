import { Reader, type Uuid, ZERO_UUID } from '@millrace/bytes';
import {
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  decodeGroupMetadataKey,
  decodeGroupMetadataValue,
  decodeOffsetCommitKey,
  decodeOffsetCommitValue,
  type GroupMetadataValueMember,
} from '@millrace/protocol';
import { GROUP_RECORDS } from './group-record-tables.ts';
import { fieldsText } from './table-reader.ts';

/*
 * Records of `__consumer_offsets` and `__transaction_state` as the JSON that Kafka's tool prints: the fields of
 * the version that was written, in the order of Kafka's schemas.
 */

type Json = Readonly<Record<string, unknown>>;

const OFFSET_KEY_TYPE_MAX = 1;
const GROUP_KEY_TYPE = 2;
/** Highest value version by key type; 0 for those not named here. */
const VALUE_VERSION_MAX: Readonly<Record<number, number>> = { 0: 0, 1: 4, 2: 4 };
/** Newer subscriptions and assignments are read by their known beginning. */
const CONSUMER_PROTOCOL_VERSION_MAX = 3;

/** Undefined for a key of another type. @throws DecodeError */
export function groupKeyText(bytes: Uint8Array): string | undefined {
  const reader = new Reader(bytes);
  const type = reader.int16();
  if (type >= 0 && type <= OFFSET_KEY_TYPE_MAX) {
    const { group, topic, partition } = decodeOffsetCommitKey(reader, type);
    return typed(type, { group, topic, partition });
  }
  if (type === GROUP_KEY_TYPE) {
    return typed(type, { group: decodeGroupMetadataKey(reader, type).group });
  }
  const kind = GROUP_RECORDS[type];
  if (kind === undefined) return undefined;
  return typed(type, Object.fromEntries(kind.key.map((name) => [name, reader.string(name)])));
}

/** @throws DecodeError; RangeError for a version that does not exist. */
export function groupValueText(keyType: number, bytes: Uint8Array): string {
  const reader = new Reader(bytes);
  const version = reader.int16();
  if (version < 0 || version > (VALUE_VERSION_MAX[keyType] ?? 0)) {
    throw new RangeError(`Found an unknown record version ${version} for ${keyType} type`);
  }
  const kind = GROUP_RECORDS[keyType];
  if (kind !== undefined)
    return `{"version":"${version}","data":${fieldsText(reader, kind.value)}}`;
  return versioned(
    version,
    keyType === GROUP_KEY_TYPE ? groupMetadata(reader, version) : offsetCommit(reader, version),
  );
}

function offsetCommit(reader: Reader, version: number): Json {
  const value = decodeOffsetCommitValue(reader, version);
  return {
    offset: value.offset,
    ...(version >= 3 && { leaderEpoch: value.leaderEpoch }),
    metadata: value.metadata,
    commitTimestamp: value.commitTimestamp,
    ...(version === 1 && { expireTimestamp: value.expireTimestamp }),
    ...(value.topicId !== ZERO_UUID && { topicId: value.topicId satisfies Uuid }),
  };
}

function groupMetadata(reader: Reader, version: number): Json {
  const value = decodeGroupMetadataValue(reader, version);
  const isConsumers = value.protocolType === 'consumer';
  return {
    protocolType: value.protocolType,
    generation: value.generation,
    protocol: value.protocol,
    leader: value.leader,
    ...(version >= 2 && { currentStateTimestamp: value.currentStateTimestamp }),
    members: value.members.map((member) => groupMember(member, version, isConsumers)),
  };
}

function groupMember(member: GroupMetadataValueMember, version: number, isConsumer: boolean): Json {
  return {
    memberId: member.memberId,
    ...(version >= 3 && { groupInstanceId: member.groupInstanceId }),
    clientId: member.clientId,
    clientHost: member.clientHost,
    ...(version >= 1 && { rebalanceTimeout: member.rebalanceTimeout }),
    sessionTimeout: member.sessionTimeout,
    subscription: isConsumer ? subscription(member.subscription) : base64(member.subscription),
    assignment: isConsumer ? assignment(member.assignment) : base64(member.assignment),
  };
}

function subscription(bytes: Uint8Array): Json | string {
  if (bytes.length === 0) return '';
  const reader = new Reader(bytes);
  const version = Math.min(reader.int16(), CONSUMER_PROTOCOL_VERSION_MAX);
  const value = decodeConsumerProtocolSubscription(reader, version);
  return {
    topics: value.topics,
    userData: base64OrNull(value.userData),
    ...(version >= 1 && { ownedPartitions: value.ownedPartitions }),
    ...(version >= 2 && { generationId: value.generationId }),
    ...(version >= 3 && { rackId: value.rackId }),
  };
}

function assignment(bytes: Uint8Array): Json | string {
  if (bytes.length === 0) return '';
  const reader = new Reader(bytes);
  const version = Math.min(reader.int16(), CONSUMER_PROTOCOL_VERSION_MAX);
  const value = decodeConsumerProtocolAssignment(reader, version);
  return {
    assignedPartitions: value.assignedPartitions,
    userData: base64OrNull(value.userData),
  };
}

/** Undefined for a key of another type. @throws DecodeError */
export function transactionKeyText(bytes: Uint8Array): string | undefined {
  const reader = new Reader(bytes);
  const type = reader.int16();
  return type === 0
    ? typed(type, { transactionalId: reader.string('transactional id') })
    : undefined;
}

/** @throws DecodeError */
export function transactionValueText(_keyType: number, bytes: Uint8Array): string {
  const reader = new Reader(bytes);
  const version = reader.int16();
  const isFlexible = version >= 1;
  const producerId = reader.int64();
  const producerEpoch = reader.int16();
  const transactionTimeoutMs = reader.int32();
  const transactionStatus = reader.int8();
  const transactionPartitions = transactionTopics(reader, isFlexible);
  const transactionLastUpdateTimestampMs = reader.int64();
  const transactionStartTimestampMs = reader.int64();
  const tags = isFlexible ? transactionTags(reader) : NO_TAGS;
  return versioned(version, {
    producerId,
    ...(tags.previousProducerId !== -1 && { previousProducerId: tags.previousProducerId }),
    ...(tags.nextProducerId !== -1 && { nextProducerId: tags.nextProducerId }),
    producerEpoch,
    ...(tags.nextProducerEpoch !== -1 && { nextProducerEpoch: tags.nextProducerEpoch }),
    transactionTimeoutMs,
    transactionStatus,
    transactionPartitions,
    transactionLastUpdateTimestampMs,
    transactionStartTimestampMs,
    ...(tags.clientTransactionVersion !== 0 && {
      clientTransactionVersion: tags.clientTransactionVersion,
    }),
  });
}

function transactionTopics(reader: Reader, isFlexible: boolean): Json[] | null {
  const count = isFlexible ? reader.compactNullableArrayLength(3) : reader.nullableArrayLength(6);
  if (count < 0) return null;
  const topics: Json[] = [];
  for (let i = 0; i < count; i++) {
    const topic = isFlexible ? reader.compactString('topic') : reader.string('topic');
    const idCount = isFlexible ? reader.compactArrayLength(4) : reader.arrayLength(4);
    const partitionIds = Array.from({ length: idCount }, () => reader.int32());
    if (isFlexible) reader.skipTaggedFields();
    topics.push({ topic, partitionIds });
  }
  return topics;
}

const NO_TAGS = {
  previousProducerId: -1,
  nextProducerId: -1,
  clientTransactionVersion: 0,
  nextProducerEpoch: -1,
};

function transactionTags(reader: Reader): typeof NO_TAGS {
  const tags = { ...NO_TAGS };
  let tag = -1;
  for (let left = reader.taggedFieldCount(); left > 0; left--) {
    tag = reader.tag(tag);
    const end = reader.tagSize() + reader.position;
    if (tag === 0) tags.previousProducerId = reader.int64();
    else if (tag === 1) tags.nextProducerId = reader.int64();
    else if (tag === 2) tags.clientTransactionVersion = reader.int16();
    else if (tag === 3) tags.nextProducerEpoch = reader.int16();
    reader.position = end;
  }
  return tags;
}

function typed(type: number, data: Json): string {
  return JSON.stringify({ type: String(type), data });
}

function versioned(version: number, data: Json): string {
  return JSON.stringify({ version: String(version), data });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function base64OrNull(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : base64(bytes);
}
