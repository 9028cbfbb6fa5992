import { api, field } from './language.ts';

export const syncGroup = api({
  key: 14,
  name: 'SyncGroup',
  versions: '0-5',
  flexibleFrom: 4,
  about: 'Hand out and receive assignments of a classic group.',
  request: [
    field('groupId', 'string', '0+', 'Group id.'),
    field('generationId', 'int32', '0+', 'Generation of the group.'),
    field('memberId', 'string', '0+', 'Member id.'),
    field('groupInstanceId', 'string?', '3+', 'Id of a static member, or null.', { default: null }),
    field('protocolType', 'string?', '5+', 'Kind of group; `consumer` for consumers.', {
      default: null,
      ignorable: true,
    }),
    field('protocolName', 'string?', '5+', 'Assignor that the group chose.', {
      default: null,
      ignorable: true,
    }),
    field(
      'assignments',
      'SyncGroupRequestAssignment[]',
      '0+',
      'Assignment of each member; sent by the leader only.',
      {
        fields: [
          field('memberId', 'string', '0+', 'Member id.'),
          field(
            'assignment',
            'bytes',
            '0+',
            'Assignment of the member; embedded consumer protocol for consumers.',
          ),
        ],
      },
    ),
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
    field('protocolType', 'string?', '5+', 'Kind of group; `consumer` for consumers.', {
      default: null,
      ignorable: true,
    }),
    field('protocolName', 'string?', '5+', 'Assignor that the group chose.', {
      default: null,
      ignorable: true,
    }),
    field(
      'assignment',
      'bytes',
      '0+',
      'Assignment of the member; embedded consumer protocol for consumers.',
    ),
  ],
});
