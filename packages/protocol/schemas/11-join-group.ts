import { api, field } from './language.ts';

export const joinGroup = api({
  key: 11,
  name: 'JoinGroup',
  versions: '0-9',
  flexibleFrom: 6,
  about: 'Join a classic group.',
  request: [
    field('groupId', 'string', '0+', 'Group id.'),
    field(
      'sessionTimeoutMs',
      'int32',
      '0+',
      'Silence after which the member is taken for dead, in ms.',
    ),
    field(
      'rebalanceTimeoutMs',
      'int32',
      '1+',
      'How long the member may take to rejoin, in ms; -1 means the session timeout.',
      { default: -1, ignorable: true },
    ),
    field('memberId', 'string', '0+', 'Member id; empty when joining for the first time.'),
    field('groupInstanceId', 'string?', '5+', 'Id of a static member, or null.', { default: null }),
    field('protocolType', 'string', '0+', 'Kind of group; `consumer` for consumers.'),
    field(
      'protocols',
      'JoinGroupRequestProtocol[]',
      '0+',
      'Assignors the member can work with, best first.',
      {
        fields: [
          field('name', 'string', '0+', 'Name of the assignor.'),
          field(
            'metadata',
            'bytes',
            '0+',
            'Subscription for it; embedded consumer protocol for consumers.',
          ),
        ],
      },
    ),
    field('reason', 'string?', '8+', 'Why the member does so, in words.', {
      default: null,
      ignorable: true,
    }),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '2+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
    field('generationId', 'int32', '0+', 'Generation of the group.', { default: -1 }),
    field('protocolType', 'string?', '7+', 'Kind of group; `consumer` for consumers.', {
      default: null,
      ignorable: true,
    }),
    field('protocolName', 'string?', '0+', 'Assignor that the group chose.', { nullableFrom: 7 }),
    field('leader', 'string', '0+', "Member id of the group's leader."),
    field('skipAssignment', 'bool', '9+', 'The leader need not compute an assignment.', {
      default: false,
    }),
    field('memberId', 'string', '0+', 'Member id.'),
    field('members', 'JoinGroupResponseMember[]', '0+', 'All members, told to the leader only.', {
      fields: [
        field('memberId', 'string', '0+', 'Member id.'),
        field('groupInstanceId', 'string?', '5+', 'Id of a static member, or null.', {
          default: null,
          ignorable: true,
        }),
        field('metadata', 'bytes', '0+', 'Subscription of the member under the chosen assignor.'),
      ],
    }),
  ],
});
