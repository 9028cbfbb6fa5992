import { api, field } from './language.ts';

export const initProducerId = api({
  key: 22,
  name: 'InitProducerId',
  versions: '0-5',
  flexibleFrom: 2,
  about: 'Obtain a producer id.',
  request: [
    field(
      'transactionalId',
      'string?',
      '0+',
      'Transactional id, or null for a producer that is only idempotent.',
    ),
    field(
      'transactionTimeoutMs',
      'int32',
      '0+',
      'Time after which an open transaction is aborted, in ms.',
    ),
    field('producerId', 'int64', '3+', 'Producer id to go on with under a new epoch, or -1.', {
      default: -1,
    }),
    field('producerEpoch', 'int16', '3+', 'Epoch that the producer has, or -1.', { default: -1 }),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '0+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
    field('producerId', 'int64', '0+', 'Producer id.', { default: -1 }),
    field('producerEpoch', 'int16', '0+', 'Producer epoch.'),
  ],
});
