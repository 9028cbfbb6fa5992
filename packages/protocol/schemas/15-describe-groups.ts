import { api, field } from './language.ts';

export const describeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  versions: '0-6',
  flexibleFrom: 5,
  about: 'Describe groups.',
  request: [
    field('groups', 'string[]', '0+', 'Groups to describe.'),
    field(
      'includeAuthorizedOperations',
      'bool',
      '3+',
      'Also say what the client may do with each group.',
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
    field('groups', 'DescribeGroupsResponseGroup[]', '0+', 'Groups.', {
      fields: [
        field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
        field(
          'errorMessage',
          'string?',
          '6+',
          'What went wrong, in words; null when nothing did.',
          { default: null },
        ),
        field('groupId', 'string', '0+', 'Group id.'),
        field('groupState', 'string', '0+', 'State of the group, by name.'),
        field('protocolType', 'string', '0+', 'Kind of group; `consumer` for consumers.'),
        field('protocolData', 'string', '0+', 'Assignor in use, or empty.'),
        field('members', 'DescribeGroupsResponseMember[]', '0+', 'Members.', {
          fields: [
            field('memberId', 'string', '0+', 'Member id.'),
            field('groupInstanceId', 'string?', '4+', 'Id of a static member, or null.', {
              default: null,
              ignorable: true,
            }),
            field('clientId', 'string', '0+', 'Client id of the member.'),
            field('clientHost', 'string', '0+', 'Address of the member.'),
            field(
              'memberMetadata',
              'bytes',
              '0+',
              'Subscription of the member under the chosen assignor.',
            ),
            field('memberAssignment', 'bytes', '0+', 'Assignment of the member.'),
          ],
        }),
        field(
          'authorizedOperations',
          'int32',
          '3+',
          'Bit set of operations allowed on the group; the least int32 when not asked for.',
          { default: -2147483648 },
        ),
      ],
    }),
  ],
});
