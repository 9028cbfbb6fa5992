import { api, field } from './language.ts';

export const fetch = api({
  key: 1,
  name: 'Fetch',
  versions: '4-18',
  flexibleFrom: 12,
  about: 'Read record batches.',
  request: [
    field('clusterId', 'string?', '12+', 'Cluster that the client believes it talks to, or null.', {
      tag: 0,
      default: null,
      ignorable: true,
    }),
    field('replicaId', 'int32', '0-14', 'Broker id of a follower; -1 for a consumer.', {
      default: -1,
    }),
    field(
      'replicaState',
      'FetchRequestReplicaState',
      '15+',
      'Who the follower is, when it is one.',
      {
        tag: 1,
        fields: [
          field('replicaId', 'int32', '15+', 'Broker id of a follower; -1 for a consumer.', {
            default: -1,
          }),
          field('replicaEpoch', 'int64', '15+', 'Broker epoch of the follower, or -1.', {
            default: -1,
          }),
        ],
      },
    ),
    field('maxWaitMs', 'int32', '0+', 'How long to wait for enough bytes, in ms.'),
    field('minBytes', 'int32', '0+', 'Enough bytes to answer before the wait is over.'),
    field(
      'maxBytes',
      'int32',
      '3+',
      'Most bytes of records in the answer; the first batch is sent whatever its size.',
      { default: 0x7fffffff, ignorable: true },
    ),
    field(
      'isolationLevel',
      'int8',
      '4+',
      '0 reads everything below the high watermark, 1 only committed transactions.',
      { default: 0, ignorable: true },
    ),
    field('sessionId', 'int32', '7+', 'Fetch session, or 0 for none.', {
      default: 0,
      ignorable: true,
    }),
    field(
      'sessionEpoch',
      'int32',
      '7+',
      'Number of the request within its session; 0 opens one, -1 ends or avoids it.',
      { default: -1, ignorable: true },
    ),
    field('topics', 'FetchRequestTopic[]', '0+', 'Topics.', {
      fields: [
        field('topic', 'string', '0-12', 'Topic name.', { ignorable: true }),
        field('topicId', 'uuid', '13+', 'Topic id.', { ignorable: true }),
        field('partitions', 'FetchRequestPartition[]', '0+', 'Partitions.', {
          fields: [
            field('partition', 'int32', '0+', 'Partition.'),
            field(
              'currentLeaderEpoch',
              'int32',
              '9+',
              'Leader epoch that the client knows, or -1 to skip the check.',
              { default: -1, ignorable: true },
            ),
            field('fetchOffset', 'int64', '0+', 'First offset wanted.'),
            field(
              'lastFetchedEpoch',
              'int32',
              '12+',
              'Leader epoch of the last record the reader has, or -1.',
              { default: -1 },
            ),
            field(
              'logStartOffset',
              'int64',
              '5+',
              "First offset of the follower's log, or -1 for a consumer.",
              { default: -1, ignorable: true },
            ),
            field('partitionMaxBytes', 'int32', '0+', 'Most bytes of records from this partition.'),
            field('replicaDirectoryId', 'uuid', '17+', 'Log directory of the follower.', {
              tag: 0,
              ignorable: true,
            }),
            field(
              'highWatermark',
              'int64Big',
              '18+',
              'High watermark that the follower knows: -1 none, the largest int64 when it does not say.',
              { tag: 1, default: 9223372036854775807n, ignorable: true },
            ),
          ],
        }),
      ],
    }),
    field(
      'forgottenTopicsData',
      'FetchRequestForgottenTopic[]',
      '7+',
      'Partitions that leave the session.',
      {
        fields: [
          field('topic', 'string', '7-12', 'Topic name.', { ignorable: true }),
          field('topicId', 'uuid', '13+', 'Topic id.', { ignorable: true }),
          field('partitions', 'int32[]', '7+', 'Partitions.'),
        ],
      },
    ),
    field('rackId', 'string', '11+', 'Rack of the client.', { default: '', ignorable: true }),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '1+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('errorCode', 'int16', '7+', 'Error code; 0 is success.', { ignorable: true }),
    field('sessionId', 'int32', '7+', 'Fetch session, or 0 for none.', { default: 0 }),
    field('responses', 'FetchResponseTopic[]', '0+', 'Topics with their partitions.', {
      fields: [
        field('topic', 'string', '0-12', 'Topic name.', { ignorable: true }),
        field('topicId', 'uuid', '13+', 'Topic id.', { ignorable: true }),
        field('partitions', 'FetchResponsePartition[]', '0+', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
            field('highWatermark', 'int64', '0+', 'First offset that consumers may not see yet.'),
            field(
              'lastStableOffset',
              'int64',
              '4+',
              'First offset that may belong to an open transaction, or -1.',
              { default: -1, ignorable: true },
            ),
            field('logStartOffset', 'int64', '5+', 'First offset of the log.', {
              default: -1,
              ignorable: true,
            }),
            field(
              'divergingEpoch',
              'FetchResponseDivergingEpoch',
              '12+',
              "Where the reader's log parts from this one; set only when it does.",
              {
                tag: 0,
                fields: [
                  field('epoch', 'int32', '12+', 'Largest epoch that both logs have, or -1.', {
                    default: -1,
                  }),
                  field('endOffset', 'int64', '12+', 'End offset of that epoch.', { default: -1 }),
                ],
              },
            ),
            field(
              'currentLeader',
              'FetchResponseCurrentLeader',
              '12+',
              'The leader, told to a client that asked the wrong broker.',
              {
                tag: 1,
                fields: [
                  field('leaderId', 'int32', '12+', 'Broker id of the leader, or -1.', {
                    default: -1,
                  }),
                  field('leaderEpoch', 'int32', '12+', 'Leader epoch, or -1 when unknown.', {
                    default: -1,
                  }),
                ],
              },
            ),
            field(
              'snapshotId',
              'FetchResponseSnapshotId',
              '12+',
              'Snapshot to load first; used by the metadata quorum only.',
              {
                tag: 2,
                fields: [
                  field('endOffset', 'int64', '0+', 'End offset of the snapshot.', { default: -1 }),
                  field('epoch', 'int32', '0+', 'Epoch of the snapshot.', { default: -1 }),
                ],
              },
            ),
            field(
              'abortedTransactions',
              'FetchResponseAbortedTransaction[]?',
              '4+',
              'Aborted transactions among the records, for readers of committed ones.',
              {
                ignorable: true,
                fields: [
                  field('producerId', 'int64', '4+', 'Producer id.'),
                  field('firstOffset', 'int64', '4+', 'First offset of the transaction.'),
                ],
              },
            ),
            field('preferredReadReplica', 'int32', '11+', 'Nearer replica to read from, or -1.', {
              default: -1,
            }),
            field('records', 'records?', '0+', 'Record batches, one after the other.'),
          ],
        }),
      ],
    }),
    field(
      'nodeEndpoints',
      'FetchResponseNodeEndpoint[]',
      '16+',
      'Where the brokers named as leaders listen.',
      {
        tag: 0,
        fields: [
          field('nodeId', 'int32', '16+', 'Broker id.'),
          field('host', 'string', '16+', 'Host name or address to connect to.'),
          field('port', 'int32', '16+', 'Port to connect to.'),
          field('rack', 'string?', '16+', 'Rack of the broker, or null.', { default: null }),
        ],
      },
    ),
  ],
});
