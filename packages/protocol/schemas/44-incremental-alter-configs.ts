import { api, field } from './language.ts';

export const incrementalAlterConfigs = api({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: '0-1',
  flexibleFrom: 1,
  about: 'Change single configs of resources.',
  request: [
    field('resources', 'IncrementalAlterConfigsRequestResource[]', '0+', 'Resources.', {
      fields: [
        field(
          'resourceType',
          'int8',
          '0+',
          'Kind of resource, by number: 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.',
        ),
        field('resourceName', 'string', '0+', 'Topic name, broker id and so on.'),
        field(
          'configs',
          'IncrementalAlterConfigsRequestConfig[]',
          '0+',
          'Changes, one config each.',
          {
            fields: [
              field('name', 'string', '0+', 'Name of the config.'),
              field('configOperation', 'int8', '0+', '0 set, 1 delete, 2 append, 3 subtract.'),
              field('value', 'string?', '0+', 'Value, or null.'),
            ],
          },
        ),
      ],
    }),
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
    field('responses', 'IncrementalAlterConfigsResponseResponse[]', '0+', 'Results.', {
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
