import { api, field } from './language.ts';

export const describeProducers = api({
  key: 61,
  name: 'DescribeProducers',
  versions: '0',
  flexibleFrom: 0,
  about: 'Describe the producers of partitions.',
  request: [
    field('topics', 'DescribeProducersRequestTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field('partitionIndexes', 'int32[]', '0+', 'Partitions.'),
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
    field('topics', 'DescribeProducersResponseTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field('partitions', 'DescribeProducersResponsePartition[]', '0+', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
            field(
              'errorMessage',
              'string?',
              '0+',
              'What went wrong, in words; null when nothing did.',
              { default: null },
            ),
            field(
              'activeProducers',
              'DescribeProducersResponseActiveProducer[]',
              '0+',
              'Producers with state in the partition.',
              {
                fields: [
                  field('producerId', 'int64', '0+', 'Producer id.'),
                  field('producerEpoch', 'int32', '0+', 'Producer epoch.'),
                  field(
                    'lastSequence',
                    'int32',
                    '0+',
                    "Sequence number of the producer's last record, or -1.",
                    { default: -1 },
                  ),
                  field(
                    'lastTimestamp',
                    'int64',
                    '0+',
                    "Time of the producer's last batch in ms, or -1.",
                    { default: -1 },
                  ),
                  field(
                    'coordinatorEpoch',
                    'int32',
                    '0+',
                    'Epoch of the coordinator that wrote the last marker.',
                  ),
                  field(
                    'currentTxnStartOffset',
                    'int64',
                    '0+',
                    'First offset of the open transaction, or -1.',
                    { default: -1 },
                  ),
                ],
              },
            ),
          ],
        }),
      ],
    }),
  ],
});
