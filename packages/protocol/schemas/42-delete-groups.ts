import { api, field } from './language.ts';

export const deleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  versions: '0-3',
  flexibleFrom: 2,
  about: 'Delete groups.',
  request: [field('groupsNames', 'string[]', '0+', 'Groups to delete.')],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '0+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0 },
    ),
    field('results', 'DeleteGroupsResponseResult[]', '0+', 'Results.', {
      fields: [
        field('groupId', 'string', '0+', 'Group id.'),
        field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
        field(
          'errorMessage',
          'string?',
          '3+',
          'What went wrong, in words; null when nothing did.',
          { default: null, ignorable: true },
        ),
      ],
    }),
  ],
});
