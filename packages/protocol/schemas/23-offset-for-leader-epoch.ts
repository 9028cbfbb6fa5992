import { api, field } from './language.ts';

export const offsetForLeaderEpoch = api({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: '2-4',
  flexibleFrom: 4,
  about: 'Find where a leader epoch ends.',
  request: [
    field(
      'replicaId',
      'int32',
      '3+',
      'Broker id of a follower; -1 for a consumer, -2 for a tool.',
      { default: -2, ignorable: true },
    ),
    field('topics', 'OffsetForLeaderEpochRequestTopic[]', '0+', 'Topics.', {
      fields: [
        field('topic', 'string', '0+', 'Topic name.'),
        field('partitions', 'OffsetForLeaderEpochRequestPartition[]', '0+', 'Partitions.', {
          fields: [
            field('partition', 'int32', '0+', 'Partition.'),
            field(
              'currentLeaderEpoch',
              'int32',
              '2+',
              'Leader epoch that the client knows, or -1 to skip the check.',
              { default: -1, ignorable: true },
            ),
            field('leaderEpoch', 'int32', '0+', 'Epoch whose end is asked for.'),
          ],
        }),
      ],
    }),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '2+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('topics', 'OffsetForLeaderEpochResponseTopic[]', '0+', 'Topics.', {
      fields: [
        field('topic', 'string', '0+', 'Topic name.'),
        field('partitions', 'OffsetForLeaderEpochResponsePartition[]', '0+', 'Partitions.', {
          fields: [
            field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
            field('partition', 'int32', '0+', 'Partition.'),
            field(
              'leaderEpoch',
              'int32',
              '1+',
              'Largest epoch known that is not above the one asked for, or -1.',
              { default: -1, ignorable: true },
            ),
            field('endOffset', 'int64', '0+', 'End offset of that epoch, or -1.', { default: -1 }),
          ],
        }),
      ],
    }),
  ],
});
