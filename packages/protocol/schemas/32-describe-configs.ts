import { api, field } from './language.ts';

export const describeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  versions: '0-4',
  flexibleFrom: 4,
  about: 'Describe configs.',
  request: [
    field('resources', 'DescribeConfigsRequestResource[]', '0+', 'Resources to describe.', {
      fields: [
        field(
          'resourceType',
          'int8',
          '0+',
          'Kind of resource, by number: 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.',
        ),
        field('resourceName', 'string', '0+', 'Topic name, broker id and so on.'),
        field(
          'configurationKeys',
          'string[]?',
          '0+',
          'Names of the configs wanted, or null for all.',
        ),
      ],
    }),
    field('includeSynonyms', 'bool', '1+', 'Also list the places that the value could come from.', {
      default: false,
    }),
    field('includeDocumentation', 'bool', '3+', 'Also send what each config means.', {
      default: false,
    }),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '0+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0 },
    ),
    field('results', 'DescribeConfigsResponseResult[]', '0+', 'Results.', {
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
        field('configs', 'DescribeConfigsResponseConfig[]', '0+', 'Configs of the resource.', {
          fields: [
            field('name', 'string', '0+', 'Name of the config.'),
            field('value', 'string?', '0+', 'Value, or null.'),
            field('readOnly', 'bool', '0+', 'The config cannot be changed.'),
            field(
              'isDefault',
              'bool',
              '0',
              'Nobody set a value; later versions say so by configSource.',
              { default: false, ignorable: true },
            ),
            field(
              'configSource',
              'int8',
              '1+',
              'Where the value comes from, by number; -1 unknown.',
              { default: -1, ignorable: true },
            ),
            field('isSensitive', 'bool', '0+', 'The value is a secret and is not shown.'),
            field(
              'synonyms',
              'DescribeConfigsResponseSynonym[]',
              '1+',
              'All values that are set, the one in force first.',
              {
                ignorable: true,
                fields: [
                  field('name', 'string', '1+', 'Name of the config.'),
                  field('value', 'string?', '1+', 'Value, or null.'),
                  field('source', 'int8', '1+', 'Where the value comes from, by number.'),
                ],
              },
            ),
            field('configType', 'int8', '3+', 'Type of the value, by number; 0 unknown.', {
              default: 0,
              ignorable: true,
            }),
            field('documentation', 'string?', '3+', 'What the config means.', { ignorable: true }),
          ],
        }),
      ],
    }),
  ],
});
