import { api, field } from './language.ts';

export const txnOffsetCommit = api({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: '0-6',
  flexibleFrom: 3,
  about: "Store a group's offsets within a transaction.",
  request: [
    field('transactionalId', 'string', '0+', 'Transactional id.'),
    field('groupId', 'string', '0+', 'Group id.'),
    field('producerId', 'int64', '0+', 'Producer id.'),
    field('producerEpoch', 'int16', '0+', 'Producer epoch.'),
    field(
      'generationIdOrMemberEpoch',
      'int32',
      '3+',
      'Generation of a classic group or member epoch of a KIP-848 group; -1 outside both.',
      { default: -1 },
    ),
    field('memberId', 'string', '3+', 'Member id.', { default: '' }),
    field('groupInstanceId', 'string?', '3+', 'Id of a static member, or null.', { default: null }),
    field('topics', 'TxnOffsetCommitRequestTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0-5', 'Topic name.', { ignorable: true }),
        field('topicId', 'uuid', '6+', 'Topic id.', { ignorable: true }),
        field('partitions', 'TxnOffsetCommitRequestPartition[]', '0+', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('committedOffset', 'int64', '0+', 'Next offset to read.'),
            field(
              'committedLeaderEpoch',
              'int32',
              '2+',
              'Leader epoch of the last record read, or -1.',
              { default: -1, ignorable: true },
            ),
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
      '0+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0 },
    ),
    field('topics', 'TxnOffsetCommitResponseTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0-5', 'Topic name.', { ignorable: true }),
        field('topicId', 'uuid', '6+', 'Topic id.', { ignorable: true }),
        field('partitions', 'TxnOffsetCommitResponsePartition[]', '0+', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
          ],
        }),
      ],
    }),
  ],
});
