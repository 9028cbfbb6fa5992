import { api, field } from './language.ts';

export const offsetCommit = api({
  key: 8,
  name: 'OffsetCommit',
  versions: '1-10',
  flexibleFrom: 8,
  about: "Store a group's offsets.",
  request: [
    field('groupId', 'string', '0+', 'Group id.'),
    field(
      'generationIdOrMemberEpoch',
      'int32',
      '1+',
      'Generation of a classic group or member epoch of a KIP-848 group; -1 outside both.',
      { default: -1, ignorable: true },
    ),
    field('memberId', 'string', '1+', 'Member id.', { ignorable: true }),
    field('groupInstanceId', 'string?', '7+', 'Id of a static member, or null.', { default: null }),
    field(
      'retentionTimeMs',
      'int64',
      '2-4',
      'How long to keep the offsets, in ms; -1 leaves it to the broker.',
      { default: -1, ignorable: true },
    ),
    field('topics', 'OffsetCommitRequestTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0-9', 'Topic name.', { ignorable: true }),
        field('topicId', 'uuid', '10+', 'Topic id.', { ignorable: true }),
        field('partitions', 'OffsetCommitRequestPartition[]', '0+', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('committedOffset', 'int64', '0+', 'Next offset to read.'),
            field(
              'committedLeaderEpoch',
              'int32',
              '6+',
              'Leader epoch of the last record read, or -1.',
              { default: -1, ignorable: true },
            ),
            field('commitTimestamp', 'int64', '1', 'Time of the commit in ms, or -1 for now.', {
              default: -1,
            }),
            field(
              'committedMetadata',
              'string?',
              '0+',
              'Text of the client kept beside the offset.',
            ),
          ],
        }),
      ],
    }),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '3+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('topics', 'OffsetCommitResponseTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0-9', 'Topic name.', { ignorable: true }),
        field('topicId', 'uuid', '10+', 'Topic id.', { ignorable: true }),
        field('partitions', 'OffsetCommitResponsePartition[]', '0+', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
          ],
        }),
      ],
    }),
  ],
});
