import { api, field } from './language.ts';

export const endTxn = api({
  key: 26,
  name: 'EndTxn',
  versions: '0-5',
  flexibleFrom: 3,
  about: 'Commit or abort a transaction.',
  request: [
    field('transactionalId', 'string', '0+', 'Transactional id.'),
    field('producerId', 'int64', '0+', 'Producer id.'),
    field('producerEpoch', 'int16', '0+', 'Producer epoch.'),
    field('committed', 'bool', '0+', 'True to commit, false to abort.'),
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
    field('producerId', 'int64', '5+', 'Producer id for the next transaction, or -1.', {
      default: -1,
      ignorable: true,
    }),
    field('producerEpoch', 'int16', '5+', 'Producer epoch for the next transaction, or -1.', {
      default: -1,
      ignorable: true,
    }),
  ],
});
