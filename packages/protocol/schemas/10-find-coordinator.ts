import { api, field } from './language.ts';

export const findCoordinator = api({
  key: 10,
  name: 'FindCoordinator',
  versions: '0-6',
  flexibleFrom: 3,
  about: 'Find the coordinator of a group or transaction.',
  request: [
    field('key', 'string', '0-3', 'Group id, transactional id or share key.'),
    field(
      'keyType',
      'int8',
      '1+',
      'What is looked for: 0 group, 1 transaction, 2 share partition.',
      { default: 0 },
    ),
    field('coordinatorKeys', 'string[]', '4+', 'Keys to look for.'),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '1+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('errorCode', 'int16', '0-3', 'Error code; 0 is success.'),
    field('errorMessage', 'string?', '1-3', 'What went wrong, in words; null when nothing did.', {
      ignorable: true,
    }),
    field('nodeId', 'int32', '0-3', 'Broker id.'),
    field('host', 'string', '0-3', 'Host name or address to connect to.'),
    field('port', 'int32', '0-3', 'Port to connect to.'),
    field(
      'coordinators',
      'FindCoordinatorResponseCoordinator[]',
      '4+',
      'Coordinators found, by key.',
      {
        fields: [
          field('key', 'string', '4+', 'Group id, transactional id or share key.'),
          field('nodeId', 'int32', '4+', 'Broker id.'),
          field('host', 'string', '4+', 'Host name or address to connect to.'),
          field('port', 'int32', '4+', 'Port to connect to.'),
          field('errorCode', 'int16', '4+', 'Error code; 0 is success.'),
          field(
            'errorMessage',
            'string?',
            '4+',
            'What went wrong, in words; null when nothing did.',
            { ignorable: true },
          ),
        ],
      },
    ),
  ],
});
