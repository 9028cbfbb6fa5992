import { api, field } from './language.ts';

export const createTopics = api({
  key: 19,
  name: 'CreateTopics',
  versions: '2-7',
  flexibleFrom: 5,
  about: 'Create topics.',
  request: [
    field('topics', 'CreateTopicsRequestTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field(
          'numPartitions',
          'int32',
          '0+',
          'Number of partitions; -1 for the default, or when assignments are given.',
        ),
        field(
          'replicationFactor',
          'int16',
          '0+',
          'Number of replicas; -1 for the default, or when assignments are given.',
        ),
        field(
          'assignments',
          'CreateTopicsRequestAssignment[]',
          '0+',
          'Replicas of each partition, or empty to leave it to the broker.',
          {
            fields: [
              field('partitionIndex', 'int32', '0+', 'Partition.'),
              field(
                'brokerIds',
                'int32[]',
                '0+',
                'Broker ids of the replicas, preferred leader first.',
              ),
            ],
          },
        ),
        field('configs', 'CreateTopicsRequestConfig[]', '0+', 'Topic configs.', {
          fields: [
            field('name', 'string', '0+', 'Name of the config.'),
            field('value', 'string?', '0+', 'Value, or null.'),
          ],
        }),
      ],
    }),
    field('timeoutMs', 'int32', '0+', 'How long the broker may work on the request, in ms.', {
      default: 60000,
    }),
    field('validateOnly', 'bool', '1+', 'Check the request and change nothing.', {
      default: false,
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
    field('topics', 'CreateTopicsResponseTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field('topicId', 'uuid', '7+', 'Topic id.', { ignorable: true }),
        field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
        field(
          'errorMessage',
          'string?',
          '1+',
          'What went wrong, in words; null when nothing did.',
          { ignorable: true },
        ),
        field(
          'topicConfigErrorCode',
          'int16',
          '5+',
          'Why the configs are left out; 0 when they are not.',
          { tag: 0, ignorable: true },
        ),
        field('numPartitions', 'int32', '5+', 'Number of partitions.', {
          default: -1,
          ignorable: true,
        }),
        field('replicationFactor', 'int16', '5+', 'Number of replicas of each partition.', {
          default: -1,
          ignorable: true,
        }),
        field(
          'configs',
          'CreateTopicsResponseConfig[]?',
          '5+',
          'Configs of the new topic, or null when the client may not see them.',
          {
            ignorable: true,
            fields: [
              field('name', 'string', '5+', 'Name of the config.'),
              field('value', 'string?', '5+', 'Value, or null.'),
              field('readOnly', 'bool', '5+', 'The config cannot be changed.'),
              field(
                'configSource',
                'int8',
                '5+',
                'Where the value comes from, by number; -1 unknown.',
                { default: -1, ignorable: true },
              ),
              field('isSensitive', 'bool', '5+', 'The value is a secret and is not shown.'),
            ],
          },
        ),
      ],
    }),
  ],
});
