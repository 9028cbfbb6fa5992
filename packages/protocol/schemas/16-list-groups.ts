import { api, field } from './language.ts';

export const listGroups = api({
  key: 16,
  name: 'ListGroups',
  versions: '0-5',
  flexibleFrom: 3,
  about: 'List groups.',
  request: [
    field('statesFilter', 'string[]', '4+', 'Only groups in these states; empty for all.'),
    field('typesFilter', 'string[]', '5+', 'Only groups of these types; empty for all.'),
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
    field('groups', 'ListGroupsResponseGroup[]', '0+', 'Groups.', {
      fields: [
        field('groupId', 'string', '0+', 'Group id.'),
        field('protocolType', 'string', '0+', 'Kind of group; `consumer` for consumers.'),
        field('groupState', 'string', '4+', 'State of the group, by name.', { ignorable: true }),
        field('groupType', 'string', '5+', 'Type of the group, by name.', { ignorable: true }),
      ],
    }),
  ],
});
