import { api, field } from './language.ts';

export const deleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  versions: '1-6',
  flexibleFrom: 4,
  about: 'Delete topics.',
  request: [
    field('topics', 'DeleteTopicsRequestTopic[]', '6+', 'Topics to delete, by name or id.', {
      fields: [
        field('name', 'string?', '6+', 'Topic name; null when given by id.', { default: null }),
        field('topicId', 'uuid', '6+', 'Topic id.'),
      ],
    }),
    field('topicNames', 'string[]', '0-5', 'Topics to delete.', { ignorable: true }),
    field('timeoutMs', 'int32', '0+', 'How long the broker may work on the request, in ms.'),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '1+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('responses', 'DeleteTopicsResponseResponse[]', '0+', 'Results.', {
      fields: [
        field('name', 'string?', '0+', 'Topic name; null when an id is unknown.', {
          nullableFrom: 6,
        }),
        field('topicId', 'uuid', '6+', 'Topic id.', { ignorable: true }),
        field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
        field(
          'errorMessage',
          'string?',
          '5+',
          'What went wrong, in words; null when nothing did.',
          { default: null, ignorable: true },
        ),
      ],
    }),
  ],
});
