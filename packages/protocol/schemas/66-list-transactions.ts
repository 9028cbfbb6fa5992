import { api, field } from './language.ts';

export const listTransactions = api({
  key: 66,
  name: 'ListTransactions',
  versions: '0-2',
  flexibleFrom: 0,
  about: 'List transactions.',
  request: [
    field('stateFilters', 'string[]', '0+', 'Only transactions in these states; empty for all.'),
    field(
      'producerIdFilters',
      'int64[]',
      '0+',
      'Only transactions of these producers; empty for all.',
    ),
    field(
      'durationFilter',
      'int64',
      '1+',
      'Only transactions open for longer than this, in ms; -1 for all.',
      { default: -1 },
    ),
    field(
      'transactionalIdPattern',
      'string?',
      '2+',
      'Only transactional ids that this regular expression matches; null for all.',
      { default: null },
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
    field(
      'unknownStateFilters',
      'string[]',
      '0+',
      'States of the filter that the broker does not know.',
    ),
    field(
      'transactionStates',
      'ListTransactionsResponseTransactionState[]',
      '0+',
      'Transactions.',
      {
        fields: [
          field('transactionalId', 'string', '0+', 'Transactional id.'),
          field('producerId', 'int64', '0+', 'Producer id.'),
          field('transactionState', 'string', '0+', 'State of the transaction, by name.'),
        ],
      },
    ),
  ],
});
