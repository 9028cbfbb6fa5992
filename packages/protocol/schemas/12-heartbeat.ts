import { api, field } from './language.ts';

export const heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  versions: '0-4',
  flexibleFrom: 4,
  about: 'Stay a member of a classic group.',
  request: [
    field('groupId', 'string', '0+', 'Group id.'),
    field('generationId', 'int32', '0+', 'Generation of the group.'),
    field('memberId', 'string', '0+', 'Member id.'),
    field('groupInstanceId', 'string?', '3+', 'Id of a static member, or null.', { default: null }),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '1+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
  ],
});
