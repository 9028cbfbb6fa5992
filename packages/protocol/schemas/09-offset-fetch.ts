import { api, field } from './language.ts';

export const offsetFetch = api({
  key: 9,
  name: 'OffsetFetch',
  versions: '1-10',
  flexibleFrom: 6,
  about: "Read a group's offsets.",
  request: [
    field('groupId', 'string', '0-7', 'Group id.'),
    field(
      'topics',
      'OffsetFetchRequestTopic[]?',
      '0-7',
      'Partitions asked for; null for all of the group.',
      {
        nullableFrom: 2,
        fields: [
          field('name', 'string', '0-7', 'Topic name.'),
          field('partitionIndexes', 'int32[]', '0-7', 'Partitions.'),
        ],
      },
    ),
    field('groups', 'OffsetFetchRequestGroup[]', '8+', 'Groups.', {
      fields: [
        field('groupId', 'string', '8+', 'Group id.'),
        field('memberId', 'string?', '9+', 'Member id of a KIP-848 group, or null.', {
          default: null,
          ignorable: true,
        }),
        field('memberEpoch', 'int32', '9+', 'Member epoch of a KIP-848 group, or -1.', {
          default: -1,
          ignorable: true,
        }),
        field(
          'topics',
          'OffsetFetchRequestGroupTopic[]?',
          '8+',
          'Partitions asked for; null for all of the group.',
          {
            fields: [
              field('name', 'string', '8-9', 'Topic name.', { ignorable: true }),
              field('topicId', 'uuid', '10+', 'Topic id.', { ignorable: true }),
              field('partitionIndexes', 'int32[]', '8+', 'Partitions.'),
            ],
          },
        ),
      ],
    }),
    field(
      'requireStable',
      'bool',
      '7+',
      'Refuse to answer while a transaction may still change the offsets.',
      { default: false },
    ),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '3+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('topics', 'OffsetFetchResponseTopic[]', '0-7', 'Topics.', {
      fields: [
        field('name', 'string', '0-7', 'Topic name.'),
        field('partitions', 'OffsetFetchResponsePartition[]', '0-7', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0-7', 'Partition.'),
            field('committedOffset', 'int64', '0-7', 'Next offset to read.'),
            field(
              'committedLeaderEpoch',
              'int32',
              '5-7',
              'Leader epoch of the last record read, or -1.',
              { default: -1, ignorable: true },
            ),
            field('metadata', 'string?', '0-7', 'Text of the client kept beside the offset.'),
            field('errorCode', 'int16', '0-7', 'Error code; 0 is success.'),
          ],
        }),
      ],
    }),
    field('errorCode', 'int16', '2-7', 'Error code; 0 is success.', {
      default: 0,
      ignorable: true,
    }),
    field('groups', 'OffsetFetchResponseGroup[]', '8+', 'Groups.', {
      fields: [
        field('groupId', 'string', '8+', 'Group id.'),
        field('topics', 'OffsetFetchResponseGroupTopic[]', '8+', 'Topics.', {
          fields: [
            field('name', 'string', '8-9', 'Topic name.', { ignorable: true }),
            field('topicId', 'uuid', '10+', 'Topic id.', { ignorable: true }),
            field('partitions', 'OffsetFetchResponseGroupTopicPartition[]', '8+', 'Partitions.', {
              fields: [
                field('partitionIndex', 'int32', '8+', 'Partition.'),
                field('committedOffset', 'int64', '8+', 'Next offset to read.'),
                field(
                  'committedLeaderEpoch',
                  'int32',
                  '8+',
                  'Leader epoch of the last record read, or -1.',
                  { default: -1, ignorable: true },
                ),
                field('metadata', 'string?', '8+', 'Text of the client kept beside the offset.'),
                field('errorCode', 'int16', '8+', 'Error code; 0 is success.'),
              ],
            }),
          ],
        }),
        field('errorCode', 'int16', '8+', 'Error code; 0 is success.', { default: 0 }),
      ],
    }),
  ],
});
