import { api, field } from './language.ts';

export const describeCluster = api({
  key: 60,
  name: 'DescribeCluster',
  versions: '0-2',
  flexibleFrom: 0,
  about: 'Describe the cluster.',
  request: [
    field(
      'includeClusterAuthorizedOperations',
      'bool',
      '0+',
      'Also say what the client may do with the cluster.',
    ),
    field('endpointType', 'int8', '1+', 'What the answer lists: 1 brokers, 2 controllers.', {
      default: 1,
    }),
    field('includeFencedBrokers', 'bool', '2+', 'Also list brokers that are fenced.'),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '0+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0 },
    ),
    field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
    field('errorMessage', 'string?', '0+', 'What went wrong, in words; null when nothing did.', {
      default: null,
    }),
    field('endpointType', 'int8', '1+', 'What the answer lists: 1 brokers, 2 controllers.', {
      default: 1,
    }),
    field('clusterId', 'string', '0+', 'Cluster id.'),
    field('controllerId', 'int32', '0+', 'Broker id of the controller, or -1.', { default: -1 }),
    field('brokers', 'DescribeClusterResponseBroker[]', '0+', 'Brokers of the cluster.', {
      fields: [
        field('brokerId', 'int32', '0+', 'Broker id.'),
        field('host', 'string', '0+', 'Host name or address to connect to.'),
        field('port', 'int32', '0+', 'Port to connect to.'),
        field('rack', 'string?', '0+', 'Rack of the broker, or null.', { default: null }),
        field('isFenced', 'bool', '2+', 'The broker is fenced.'),
      ],
    }),
    field(
      'clusterAuthorizedOperations',
      'int32',
      '0+',
      'Bit set of operations allowed on the cluster; the least int32 when not asked for.',
      { default: -2147483648 },
    ),
  ],
});
