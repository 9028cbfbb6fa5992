import { api, field } from './language.ts';

export const addPartitionsToTxn = api({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: '0-5',
  flexibleFrom: 3,
  about: 'Add partitions to a transaction.',
  request: [
    field('transactions', 'AddPartitionsToTxnRequestTransaction[]', '4+', 'Transactions.', {
      fields: [
        field('transactionalId', 'string', '4+', 'Transactional id.'),
        field('producerId', 'int64', '4+', 'Producer id.'),
        field('producerEpoch', 'int16', '4+', 'Producer epoch.'),
        field(
          'verifyOnly',
          'bool',
          '4+',
          'Only check whether the partitions are in the transaction.',
          { default: false },
        ),
        field('topics', 'AddPartitionsToTxnRequestTopic[]', '4+', 'Topics.', {
          fields: [
            field('name', 'string', '0+', 'Topic name.'),
            field('partitions', 'int32[]', '0+', 'Partitions.'),
          ],
        }),
      ],
    }),
    field('v3AndBelowTransactionalId', 'string', '0-3', 'Transactional id.'),
    field('v3AndBelowProducerId', 'int64', '0-3', 'Producer id.'),
    field('v3AndBelowProducerEpoch', 'int16', '0-3', 'Producer epoch.'),
    field('v3AndBelowTopics', 'AddPartitionsToTxnRequestTopic[]', '0-3', 'Partitions to add.'),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '0+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0 },
    ),
    field('errorCode', 'int16', '4+', 'Error code; 0 is success.', { ignorable: true }),
    field(
      'resultsByTransaction',
      'AddPartitionsToTxnResponseTransaction[]',
      '4+',
      'Results by transaction.',
      {
        fields: [
          field('transactionalId', 'string', '4+', 'Transactional id.'),
          field('topicResults', 'AddPartitionsToTxnResponseTopic[]', '4+', 'Results by topic.', {
            fields: [
              field('name', 'string', '0+', 'Topic name.'),
              field(
                'resultsByPartition',
                'AddPartitionsToTxnResponsePartition[]',
                '0+',
                'Results by partition.',
                {
                  fields: [
                    field('partitionIndex', 'int32', '0+', 'Partition.'),
                    field('partitionErrorCode', 'int16', '0+', 'Error code; 0 is success.'),
                  ],
                },
              ),
            ],
          }),
        ],
      },
    ),
    field(
      'resultsByTopicV3AndBelow',
      'AddPartitionsToTxnResponseTopic[]',
      '0-3',
      'Results by topic.',
    ),
  ],
});
