import { api, field } from './language.ts';

export const metadata = api({
  key: 3,
  name: 'Metadata',
  versions: '0-13',
  flexibleFrom: 9,
  about: 'Describe brokers, topics and leaders.',
  request: [
    field(
      'topics',
      'MetadataRequestTopic[]?',
      '0+',
      'Topics asked for; null for all (in version 0 an empty array).',
      {
        nullableFrom: 1,
        fields: [
          field('topicId', 'uuid', '10+', 'Topic id.', { ignorable: true }),
          field('name', 'string?', '0+', 'Topic name; null when asked for by id.', {
            nullableFrom: 10,
          }),
        ],
      },
    ),
    field(
      'allowAutoTopicCreation',
      'bool',
      '4+',
      'Create topics that do not exist, when the broker allows it.',
      { default: true },
    ),
    field(
      'includeClusterAuthorizedOperations',
      'bool',
      '8-10',
      'Also say what the client may do with the cluster.',
    ),
    field(
      'includeTopicAuthorizedOperations',
      'bool',
      '8+',
      'Also say what the client may do with each topic.',
    ),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '3+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('brokers', 'MetadataResponseBroker[]', '0+', 'Brokers of the cluster.', {
      fields: [
        field('nodeId', 'int32', '0+', 'Broker id.'),
        field('host', 'string', '0+', 'Host name or address to connect to.'),
        field('port', 'int32', '0+', 'Port to connect to.'),
        field('rack', 'string?', '1+', 'Rack of the broker, or null.', {
          default: null,
          ignorable: true,
        }),
      ],
    }),
    field('clusterId', 'string?', '2+', 'Cluster id.', { default: null, ignorable: true }),
    field('controllerId', 'int32', '1+', 'Broker id of the controller, or -1.', {
      default: -1,
      ignorable: true,
    }),
    field('topics', 'MetadataResponseTopic[]', '0+', 'Topics.', {
      fields: [
        field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
        field('name', 'string?', '0+', 'Topic name; null when an id is unknown.', {
          nullableFrom: 12,
        }),
        field('topicId', 'uuid', '10+', 'Topic id.', { ignorable: true }),
        field('isInternal', 'bool', '1+', 'The topic belongs to the broker itself.', {
          default: false,
          ignorable: true,
        }),
        field('partitions', 'MetadataResponsePartition[]', '0+', 'Partitions.', {
          fields: [
            field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('leaderId', 'int32', '0+', 'Broker id of the leader, or -1.'),
            field('leaderEpoch', 'int32', '7+', 'Leader epoch, or -1 when unknown.', {
              default: -1,
              ignorable: true,
            }),
            field('replicaNodes', 'int32[]', '0+', 'Broker ids of all replicas.'),
            field('isrNodes', 'int32[]', '0+', 'Broker ids of the in-sync replicas.'),
            field(
              'offlineReplicas',
              'int32[]',
              '5+',
              'Broker ids of replicas that cannot be reached.',
              { ignorable: true },
            ),
          ],
        }),
        field(
          'topicAuthorizedOperations',
          'int32',
          '8+',
          'Bit set of operations allowed on the topic; the least int32 when not asked for.',
          { default: -2147483648 },
        ),
      ],
    }),
    field(
      'clusterAuthorizedOperations',
      'int32',
      '8-10',
      'Bit set of operations allowed on the cluster; the least int32 when not asked for.',
      { default: -2147483648 },
    ),
    field('errorCode', 'int16', '13+', 'Error code; 0 is success.', { ignorable: true }),
  ],
});
