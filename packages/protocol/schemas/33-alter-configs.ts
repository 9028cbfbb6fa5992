import { api, field } from './language.ts';

export const alterConfigs = api({
  key: 33,
  name: 'AlterConfigs',
  versions: '0-2',
  flexibleFrom: 2,
  about: 'Replace the overrides of resources.',
  request: [
    field(
      'resources',
      'AlterConfigsRequestResource[]',
      '0+',
      'Resources and their new configs; every other override of a resource is dropped.',
      {
        fields: [
          field(
            'resourceType',
            'int8',
            '0+',
            'Kind of resource, by number: 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.',
          ),
          field('resourceName', 'string', '0+', 'Topic name, broker id and so on.'),
          field('configs', 'AlterConfigsRequestConfig[]', '0+', 'The new overrides.', {
            fields: [
              field('name', 'string', '0+', 'Name of the config.'),
              field('value', 'string?', '0+', 'Value, or null.'),
            ],
          }),
        ],
      },
    ),
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
    field('responses', 'AlterConfigsResponseResponse[]', '0+', 'Results.', {
      fields: [
        field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
        field('errorMessage', 'string?', '0+', 'What went wrong, in words; null when nothing did.'),
        field(
          'resourceType',
          'int8',
          '0+',
          'Kind of resource, by number: 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.',
        ),
        field('resourceName', 'string', '0+', 'Topic name, broker id and so on.'),
      ],
    }),
  ],
});
