/*
 * The records of `__consumer_offsets` from key type 3 on: groups of KIP-848, share and streams groups. Keys are
 * strings in the old encoding, values are flexible and have one version so far (kafka-surface C.4).
 */

export type FieldType =
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'int64'
  | 'uuid'
  | 'string'
  | 'string?'
  | 'bytes'
  | { readonly list: FieldType }
  | { readonly fields: readonly Field[]; readonly isNullable?: boolean };

/** `tag`: a tagged field, printed where it stands when the record has it. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly tag?: number;
}

export interface RecordKind {
  /** Names of the key's strings. */
  readonly key: readonly string[];
  readonly value: readonly Field[];
}

const field = (name: string, type: FieldType, tag?: number): Field =>
  tag === undefined ? { name, type } : { name, type, tag };
const listOf = (...fields: readonly Field[]): FieldType => ({ list: { fields } });

const int32s: FieldType = { list: 'int32' };
const int16s: FieldType = { list: 'int16' };
const strings: FieldType = { list: 'string' };
const GROUP = ['groupId'];
const MEMBER = ['groupId', 'memberId'];

const topicPartitions = listOf(field('topicId', 'uuid'), field('partitions', int32s));
const epochedPartitions = listOf(
  field('topicId', 'uuid'),
  field('partitions', int32s),
  field('assignmentEpochs', int32s, 0),
);
const namedPartitions = listOf(
  field('topicId', 'uuid'),
  field('topicName', 'string'),
  field('partitions', int32s),
);
const tasks = listOf(field('subtopologyId', 'string'), field('partitions', int32s));
const epochedTasks = listOf(
  field('subtopologyId', 'string'),
  field('partitions', int32s),
  field('assignmentEpochs', int32s, 0),
);
const keyValues = listOf(field('key', 'string'), field('value', 'string'));
const topologyTopics = listOf(
  field('name', 'string'),
  field('partitions', 'int32'),
  field('replicationFactor', 'int16'),
  field('topicConfigs', keyValues),
);

const targetEpoch: RecordKind = {
  key: GROUP,
  value: [field('assignmentEpoch', 'int32'), field('assignmentTimestamp', 'int64', 0)],
};
const targetPartitions: RecordKind = {
  key: MEMBER,
  value: [field('topicPartitions', topicPartitions)],
};
const memberState = [
  field('memberEpoch', 'int32'),
  field('previousMemberEpoch', 'int32'),
  field('state', 'int8'),
];

const classicMember: FieldType = {
  fields: [
    field('sessionTimeoutMs', 'int32'),
    field('supportedProtocols', listOf(field('name', 'string'), field('metadata', 'bytes'))),
  ],
  isNullable: true,
};
const endpoint: FieldType = {
  fields: [field('host', 'string'), field('port', 'uint16')],
  isNullable: true,
};

/** Kinds by key type; Apache Kafka 4.0 dropped 9 and 18 before anybody wrote them. */
export const GROUP_RECORDS: Readonly<Record<number, RecordKind>> = {
  3: { key: GROUP, value: [field('epoch', 'int32'), field('metadataHash', 'int64', 0)] },
  4: {
    key: GROUP,
    value: [
      field(
        'topics',
        listOf(
          field('topicId', 'uuid'),
          field('topicName', 'string'),
          field('numPartitions', 'int32'),
          field('partitionMetadata', listOf(field('partition', 'int32'), field('racks', strings))),
        ),
      ),
    ],
  },
  5: {
    key: MEMBER,
    value: [
      field('instanceId', 'string?'),
      field('rackId', 'string?'),
      field('clientId', 'string'),
      field('clientHost', 'string'),
      field('subscribedTopicNames', strings),
      field('subscribedTopicRegex', 'string?'),
      field('rebalanceTimeoutMs', 'int32'),
      field('serverAssignor', 'string?'),
      field('classicMemberMetadata', classicMember, 0),
    ],
  },
  6: targetEpoch,
  7: targetPartitions,
  8: {
    key: MEMBER,
    value: [
      ...memberState,
      field('assignedPartitions', epochedPartitions),
      field('partitionsPendingRevocation', epochedPartitions),
    ],
  },
  10: {
    key: MEMBER,
    value: [
      field('rackId', 'string?'),
      field('clientId', 'string'),
      field('clientHost', 'string'),
      field('subscribedTopicNames', strings),
    ],
  },
  11: { key: GROUP, value: [field('epoch', 'int32'), field('metadataHash', 'int64')] },
  12: targetEpoch,
  13: targetPartitions,
  14: { key: MEMBER, value: [...memberState, field('assignedPartitions', topicPartitions)] },
  15: {
    key: GROUP,
    value: [
      field('initializingTopics', namedPartitions),
      field('initializedTopics', namedPartitions),
      field('deletingTopics', listOf(field('topicId', 'uuid'), field('topicName', 'string'))),
    ],
  },
  16: {
    key: ['groupId', 'regularExpression'],
    value: [field('topics', strings), field('version', 'int64'), field('timestamp', 'int64')],
  },
  17: {
    key: GROUP,
    value: [
      field('epoch', 'int32'),
      field('metadataHash', 'int64'),
      field('validatedTopologyEpoch', 'int32', 0),
      field('lastAssignmentConfigs', keyValues, 1),
      field('storedDescriptionTopologyEpoch', 'int32', 2),
      field('failedDescriptionTopologyEpoch', 'int32', 3),
    ],
  },
  19: {
    key: MEMBER,
    value: [
      field('instanceId', 'string?'),
      field('rackId', 'string?'),
      field('clientId', 'string'),
      field('clientHost', 'string'),
      field('rebalanceTimeoutMs', 'int32'),
      field('topologyEpoch', 'int32'),
      field('processId', 'string'),
      field('userEndpoint', endpoint),
      field('clientTags', keyValues),
    ],
  },
  20: targetEpoch,
  21: {
    key: MEMBER,
    value: [field('activeTasks', tasks), field('standbyTasks', tasks), field('warmupTasks', tasks)],
  },
  22: {
    key: MEMBER,
    value: [
      ...memberState,
      field('activeTasks', epochedTasks),
      field('standbyTasks', epochedTasks),
      field('warmupTasks', epochedTasks),
      field('activeTasksPendingRevocation', epochedTasks),
      field('standbyTasksPendingRevocation', epochedTasks),
      field('warmupTasksPendingRevocation', epochedTasks),
    ],
  },
  23: {
    key: GROUP,
    value: [
      field('epoch', 'int32'),
      field(
        'subtopologies',
        listOf(
          field('subtopologyId', 'string'),
          field('sourceTopics', strings),
          field('sourceTopicRegex', strings),
          field('stateChangelogTopics', topologyTopics),
          field('repartitionSinkTopics', strings),
          field('repartitionSourceTopics', topologyTopics),
          field(
            'copartitionGroups',
            listOf(
              field('sourceTopics', int16s),
              field('sourceTopicRegex', int16s),
              field('repartitionSourceTopics', int16s),
            ),
          ),
        ),
      ),
    ],
  },
};
