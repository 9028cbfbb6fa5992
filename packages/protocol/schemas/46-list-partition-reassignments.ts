import { api, field } from './language.ts';

export const listPartitionReassignments = api({
  key: 46,
  name: 'ListPartitionReassignments',
  versions: '0',
  flexibleFrom: 0,
  about: 'List partition reassignments.',
  request: [
    field('timeoutMs', 'int32', '0+', 'How long the broker may work on the request, in ms.', {
      default: 60000,
    }),
    field(
      'topics',
      'ListPartitionReassignmentsRequestTopic[]?',
      '0+',
      'Partitions asked for; null for all.',
      {
        default: null,
        fields: [
          field('name', 'string', '0+', 'Topic name.'),
          field('partitionIndexes', 'int32[]', '0+', 'Partitions.'),
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
      { default: 0 },
    ),
    field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
    field('errorMessage', 'string?', '0+', 'What went wrong, in words; null when nothing did.'),
    field(
      'topics',
      'ListPartitionReassignmentsResponseTopic[]',
      '0+',
      'Reassignments that are going on.',
      {
        fields: [
          field('name', 'string', '0+', 'Topic name.'),
          field(
            'partitions',
            'ListPartitionReassignmentsResponsePartition[]',
            '0+',
            'Partitions.',
            {
              fields: [
                field('partitionIndex', 'int32', '0+', 'Partition.'),
                field('replicas', 'int32[]', '0+', 'Broker ids of the replicas.'),
                field('addingReplicas', 'int32[]', '0+', 'Broker ids of replicas being added.'),
                field('removingReplicas', 'int32[]', '0+', 'Broker ids of replicas being removed.'),
              ],
            },
          ),
        ],
      },
    ),
  ],
});
