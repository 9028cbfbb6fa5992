import { api, field } from './language.ts';

export const leaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  versions: '0-5',
  flexibleFrom: 4,
  about: 'Leave a classic group.',
  request: [
    field('groupId', 'string', '0+', 'Group id.'),
    field('memberId', 'string', '0-2', 'Member id.'),
    field('members', 'LeaveGroupRequestMember[]', '3+', 'Members.', {
      fields: [
        field('memberId', 'string', '3+', 'Member id.'),
        field('groupInstanceId', 'string?', '3+', 'Id of a static member, or null.', {
          default: null,
        }),
        field('reason', 'string?', '5+', 'Why the member does so, in words.', {
          default: null,
          ignorable: true,
        }),
      ],
    }),
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
    field('members', 'LeaveGroupResponseMember[]', '3+', 'Members.', {
      fields: [
        field('memberId', 'string', '3+', 'Member id.'),
        field('groupInstanceId', 'string?', '3+', 'Id of a static member, or null.'),
        field('errorCode', 'int16', '3+', 'Error code; 0 is success.'),
      ],
    }),
  ],
});
