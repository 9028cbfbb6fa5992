import { api, field } from './language.ts';

export const addOffsetsToTxn = api({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: '0-4',
  flexibleFrom: 3,
  about: "Add a group's offsets to a transaction.",
  request: [
    field('transactionalId', 'string', '0+', 'Transactional id.'),
    field('producerId', 'int64', '0+', 'Producer id.'),
    field('producerEpoch', 'int16', '0+', 'Producer epoch.'),
    field('groupId', 'string', '0+', 'Group id.'),
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
  ],
});
