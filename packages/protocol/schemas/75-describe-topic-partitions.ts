import { api, field } from './language.ts';

export const describeTopicPartitions = api({
  key: 75,
  name: 'DescribeTopicPartitions',
  versions: '0',
  flexibleFrom: 0,
  about: 'Describe topics page by page.',
  request: [
    field('topics', 'DescribeTopicPartitionsRequestTopic[]', '0+', 'Topics.', {
      fields: [field('name', 'string', '0+', 'Topic name.')],
    }),
    field('responsePartitionLimit', 'int32', '0+', 'Most partitions in one answer.', {
      default: 2000,
    }),
    field(
      'cursor',
      'DescribeTopicPartitionsRequestCursor?',
      '0+',
      'Where to go on, or null for the start.',
      {
        default: null,
        fields: [
          field('topicName', 'string', '0+', 'Topic name.'),
          field('partitionIndex', 'int32', '0+', 'Partition.'),
        ],
      },
    ),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '0+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('topics', 'DescribeTopicPartitionsResponseTopic[]', '0+', 'Topics.', {
      fields: [
        field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
        field('name', 'string?', '0+', 'Topic name.'),
        field('topicId', 'uuid', '0+', 'Topic id.', { ignorable: true }),
        field('isInternal', 'bool', '0+', 'The topic belongs to the broker itself.', {
          default: false,
          ignorable: true,
        }),
        field('partitions', 'DescribeTopicPartitionsResponsePartition[]', '0+', 'Partitions.', {
          fields: [
            field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('leaderId', 'int32', '0+', 'Broker id of the leader, or -1.'),
            field('leaderEpoch', 'int32', '0+', 'Leader epoch, or -1 when unknown.', {
              default: -1,
              ignorable: true,
            }),
            field('replicaNodes', 'int32[]', '0+', 'Broker ids of all replicas.'),
            field('isrNodes', 'int32[]', '0+', 'Broker ids of the in-sync replicas.'),
            field(
              'eligibleLeaderReplicas',
              'int32[]?',
              '0+',
              'Broker ids that may lead though they are not in sync, or null.',
              { default: null },
            ),
            field(
              'lastKnownElr',
              'int32[]?',
              '0+',
              'Broker ids last known to be eligible, or null.',
              { default: null },
            ),
            field(
              'offlineReplicas',
              'int32[]',
              '0+',
              'Broker ids of replicas that cannot be reached.',
              { ignorable: true },
            ),
          ],
        }),
        field(
          'topicAuthorizedOperations',
          'int32',
          '0+',
          'Bit set of operations allowed on the topic; the least int32 when not asked for.',
          { default: -2147483648 },
        ),
      ],
    }),
    field(
      'nextCursor',
      'DescribeTopicPartitionsResponseNextCursor?',
      '0+',
      'Where the next request goes on; null when all is told.',
      {
        default: null,
        fields: [
          field('topicName', 'string', '0+', 'Topic name.'),
          field('partitionIndex', 'int32', '0+', 'Partition.'),
        ],
      },
    ),
  ],
});
