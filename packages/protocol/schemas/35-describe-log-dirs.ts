import { api, field } from './language.ts';

export const describeLogDirs = api({
  key: 35,
  name: 'DescribeLogDirs',
  versions: '0-5',
  flexibleFrom: 2,
  about: 'Describe log directories.',
  request: [
    field('topics', 'DescribeLogDirsRequestTopic[]?', '0+', 'Partitions asked for; null for all.', {
      fields: [
        field('topic', 'string', '0+', 'Topic name.'),
        field('partitions', 'int32[]', '0+', 'Partitions.'),
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
    field('errorCode', 'int16', '3+', 'Error code; 0 is success.', { ignorable: true }),
    field('results', 'DescribeLogDirsResponseResult[]', '0+', 'Results.', {
      fields: [
        field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
        field('logDir', 'string', '0+', 'Path of the log directory.'),
        field('topics', 'DescribeLogDirsResponseTopic[]', '0+', 'Topics.', {
          fields: [
            field('name', 'string', '0+', 'Topic name.'),
            field('partitions', 'DescribeLogDirsResponsePartition[]', '0+', 'Partitions.', {
              fields: [
                field('partitionIndex', 'int32', '0+', 'Partition.'),
                field('partitionSize', 'int64', '0+', "Bytes of the partition's segments."),
                field('offsetLag', 'int64', '0+', 'Offsets that the replica is behind.'),
                field('isFutureKey', 'bool', '0+', 'The replica is being moved to this directory.'),
              ],
            }),
          ],
        }),
        field('totalBytes', 'int64', '4+', 'Size of the volume in bytes, or -1.', {
          default: -1,
          ignorable: true,
        }),
        field('usableBytes', 'int64', '4+', 'Bytes left on the volume, or -1.', {
          default: -1,
          ignorable: true,
        }),
        field('isCordoned', 'bool', '5+', 'No new partition is placed in the directory.', {
          default: false,
          ignorable: true,
        }),
      ],
    }),
  ],
});
