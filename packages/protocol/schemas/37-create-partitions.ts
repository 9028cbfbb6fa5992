import { api, field } from './language.ts';

export const createPartitions = api({
  key: 37,
  name: 'CreatePartitions',
  versions: '0-3',
  flexibleFrom: 2,
  about: 'Add partitions to topics.',
  request: [
    field('topics', 'CreatePartitionsRequestTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field('count', 'int32', '0+', 'Number of partitions wanted in all.'),
        field(
          'assignments',
          'CreatePartitionsRequestAssignment[]?',
          '0+',
          'Replicas of each new partition, or null to leave it to the broker.',
          {
            fields: [
              field(
                'brokerIds',
                'int32[]',
                '0+',
                'Broker ids of the replicas, preferred leader first.',
              ),
            ],
          },
        ),
      ],
    }),
    field('timeoutMs', 'int32', '0+', 'How long the broker may work on the request, in ms.'),
    field('validateOnly', 'bool', '0+', 'Check the request and change nothing.'),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '0+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0 },
    ),
    field('results', 'CreatePartitionsResponseResult[]', '0+', 'Results.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
        field(
          'errorMessage',
          'string?',
          '0+',
          'What went wrong, in words; null when nothing did.',
          { default: null },
        ),
      ],
    }),
  ],
});
