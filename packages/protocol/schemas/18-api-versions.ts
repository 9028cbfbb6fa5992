import { api, field } from './language.ts';

export const apiVersions = api({
  key: 18,
  name: 'ApiVersions',
  versions: '0-5',
  flexibleFrom: 3,
  about: 'List the APIs and versions served.',
  request: [
    field('clientSoftwareName', 'string', '3+', 'Name of the client library.', { ignorable: true }),
    field('clientSoftwareVersion', 'string', '3+', 'Version of the client library.', {
      ignorable: true,
    }),
    field('clusterId', 'string?', '5+', 'Cluster that the client believes it talks to, or null.', {
      default: null,
      ignorable: true,
    }),
    field('nodeId', 'int32', '5+', 'Broker that the client believes it talks to, or -1.', {
      default: -1,
      ignorable: true,
    }),
  ],
  response: [
    field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
    field('apiKeys', 'ApiVersionsResponseApiKey[]', '0+', 'APIs served.', {
      fields: [
        field('apiKey', 'int16', '0+', 'API key.'),
        field('minVersion', 'int16', '0+', 'Lowest version.'),
        field('maxVersion', 'int16', '0+', 'Highest version.'),
      ],
    }),
    field(
      'throttleTimeMs',
      'int32',
      '1+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field(
      'supportedFeatures',
      'ApiVersionsResponseSupportedFeature[]',
      '3+',
      'Features that the broker can work with.',
      {
        tag: 0,
        ignorable: true,
        fields: [
          field('name', 'string', '3+', 'Name of the feature.'),
          field('minVersion', 'int16', '3+', 'Lowest version.'),
          field('maxVersion', 'int16', '3+', 'Highest version.'),
        ],
      },
    ),
    field(
      'finalizedFeaturesEpoch',
      'int64',
      '3+',
      'Epoch of the finalized features, or -1 when unknown.',
      { tag: 1, default: -1, ignorable: true },
    ),
    field(
      'finalizedFeatures',
      'ApiVersionsResponseFinalizedFeature[]',
      '3+',
      'Features in force in the cluster.',
      {
        tag: 2,
        ignorable: true,
        fields: [
          field('name', 'string', '3+', 'Name of the feature.'),
          field('maxVersionLevel', 'int16', '3+', 'Highest level in force.'),
          field('minVersionLevel', 'int16', '3+', 'Lowest level in force.'),
        ],
      },
    ),
    field(
      'zkMigrationReady',
      'bool',
      '3+',
      'A KRaft controller is ready to migrate from ZooKeeper.',
      { tag: 3, default: false, ignorable: true },
    ),
  ],
});
