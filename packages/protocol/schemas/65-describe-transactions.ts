import { api, field } from './language.ts';

export const describeTransactions = api({
  key: 65,
  name: 'DescribeTransactions',
  versions: '0',
  flexibleFrom: 0,
  about: 'Describe transactions.',
  request: [field('transactionalIds', 'string[]', '0+', 'Transactional ids to describe.')],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '0+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0 },
    ),
    field(
      'transactionStates',
      'DescribeTransactionsResponseTransactionState[]',
      '0+',
      'Transactions.',
      {
        fields: [
          field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
          field('transactionalId', 'string', '0+', 'Transactional id.'),
          field('transactionState', 'string', '0+', 'State of the transaction, by name.'),
          field(
            'transactionTimeoutMs',
            'int32',
            '0+',
            'Time after which an open transaction is aborted, in ms.',
          ),
          field('transactionStartTimeMs', 'int64', '0+', 'When the transaction began, in ms.'),
          field('producerId', 'int64', '0+', 'Producer id.'),
          field('producerEpoch', 'int16', '0+', 'Producer epoch.'),
          field('topics', 'DescribeTransactionsResponseTopic[]', '0+', 'Topics.', {
            fields: [
              field('topic', 'string', '0+', 'Topic name.'),
              field('partitions', 'int32[]', '0+', 'Partitions.'),
            ],
          }),
        ],
      },
    ),
  ],
});
