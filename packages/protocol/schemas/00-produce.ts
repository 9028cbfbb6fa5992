import { api, field } from './language.ts';

export const produce = api({
  key: 0,
  name: 'Produce',
  versions: '0-13',
  flexibleFrom: 9,
  about: 'Append record batches.',
  request: [
    field(
      'transactionalId',
      'string?',
      '3+',
      'Transactional id, or null when the producer is not transactional.',
      { default: null },
    ),
    field(
      'acks',
      'int16',
      '0+',
      'Who must have the records before the reply: 0 nobody, 1 the leader, -1 all in-sync replicas.',
    ),
    field('timeoutMs', 'int32', '0+', 'How long to wait for the in-sync replicas, in ms.'),
    field('topicData', 'ProduceRequestTopic[]', '0+', 'Topics with records.', {
      fields: [
        field('name', 'string', '0-12', 'Topic name.', { ignorable: true }),
        field('topicId', 'uuid', '13+', 'Topic id.', { ignorable: true }),
        field('partitionData', 'ProduceRequestPartition[]', '0+', 'Partitions with records.', {
          fields: [
            field('index', 'int32', '0+', 'Partition.'),
            field('records', 'records?', '0+', 'Record batches, one after the other.'),
          ],
        }),
      ],
    }),
  ],
  response: [
    field('responses', 'ProduceResponseTopic[]', '0+', 'Results.', {
      fields: [
        field('name', 'string', '0-12', 'Topic name.', { ignorable: true }),
        field('topicId', 'uuid', '13+', 'Topic id.', { ignorable: true }),
        field('partitionResponses', 'ProduceResponsePartition[]', '0+', 'Results by partition.', {
          fields: [
            field('index', 'int32', '0+', 'Partition.'),
            field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
            field('baseOffset', 'int64', '0+', 'Offset given to the first record.'),
            field(
              'logAppendTimeMs',
              'int64',
              '2+',
              "Time stamped on the batch, or -1 when the topic keeps the producer's times.",
              { default: -1, ignorable: true },
            ),
            field('logStartOffset', 'int64', '5+', 'First offset of the log.', {
              default: -1,
              ignorable: true,
            }),
            field(
              'recordErrors',
              'ProduceResponseRecordError[]',
              '8+',
              'Records that made the broker refuse the batch.',
              {
                ignorable: true,
                fields: [
                  field('batchIndex', 'int32', '8+', 'Place of the record in the batch.'),
                  field('batchIndexErrorMessage', 'string?', '8+', 'Why this record was refused.', {
                    default: null,
                  }),
                ],
              },
            ),
            field(
              'errorMessage',
              'string?',
              '8+',
              'What went wrong, in words; null when nothing did.',
              { default: null, ignorable: true },
            ),
            field(
              'currentLeader',
              'ProduceResponseCurrentLeader',
              '10+',
              'The leader, told to a client that asked the wrong broker.',
              {
                tag: 0,
                fields: [
                  field('leaderId', 'int32', '10+', 'Broker id of the leader, or -1.', {
                    default: -1,
                  }),
                  field('leaderEpoch', 'int32', '10+', 'Leader epoch, or -1 when unknown.', {
                    default: -1,
                  }),
                ],
              },
            ),
          ],
        }),
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
      'nodeEndpoints',
      'ProduceResponseNodeEndpoint[]',
      '10+',
      'Where the brokers named as leaders listen.',
      {
        tag: 0,
        fields: [
          field('nodeId', 'int32', '10+', 'Broker id.'),
          field('host', 'string', '10+', 'Host name or address to connect to.'),
          field('port', 'int32', '10+', 'Port to connect to.'),
          field('rack', 'string?', '10+', 'Rack of the broker, or null.', { default: null }),
        ],
      },
    ),
  ],
});
