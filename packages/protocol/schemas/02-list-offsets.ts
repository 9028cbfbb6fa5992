import { api, field } from './language.ts';

export const listOffsets = api({
  key: 2,
  name: 'ListOffsets',
  versions: '1-11',
  flexibleFrom: 6,
  about: 'Find offsets by time.',
  request: [
    field('replicaId', 'int32', '0+', 'Broker id of a follower; -1 for a consumer.'),
    field(
      'isolationLevel',
      'int8',
      '2+',
      '0 reads everything below the high watermark, 1 only committed transactions.',
    ),
    field('topics', 'ListOffsetsRequestTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field('partitions', 'ListOffsetsRequestPartition[]', '0+', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field(
              'currentLeaderEpoch',
              'int32',
              '4+',
              'Leader epoch that the client knows, or -1 to skip the check.',
              { default: -1, ignorable: true },
            ),
            field(
              'timestamp',
              'int64',
              '0+',
              'First record at or after this time in ms; negative values are special (-1 end, -2 start).',
            ),
          ],
        }),
      ],
    }),
    field('timeoutMs', 'int32', '10+', 'How long the broker may work on the request, in ms.', {
      ignorable: true,
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
    field('topics', 'ListOffsetsResponseTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field('partitions', 'ListOffsetsResponsePartition[]', '0+', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
            field('timestamp', 'int64', '1+', 'Timestamp of the record found, or -1.', {
              default: -1,
            }),
            field('offset', 'int64', '1+', 'Offset found, or -1.', { default: -1 }),
            field('leaderEpoch', 'int32', '4+', 'Leader epoch, or -1 when unknown.', {
              default: -1,
            }),
          ],
        }),
      ],
    }),
  ],
});
