import { field, type Message, message } from './language.ts';

/** What consumers put into the bytes of JoinGroup and SyncGroup. An int16 version comes first. */
export const consumerProtocol: readonly Message[] = [
  message({
    name: 'ConsumerProtocolSubscription',
    versions: '0-3',
    flexibleFrom: 'never',
    about: 'What a consumer wants: the metadata of a JoinGroup protocol.',
    fields: [
      field('topics', 'string[]', '0+', 'Topics subscribed to.'),
      field('userData', 'bytes?', '0+', "Bytes of the assignor's own, or null.", { default: null }),
      field(
        'ownedPartitions',
        'ConsumerProtocolSubscriptionTopic[]',
        '1+',
        'Partitions that the member holds now, by topic.',
        {
          ignorable: true,
          fields: [
            field('topic', 'string', '1+', 'Topic name.'),
            field('partitions', 'int32[]', '1+', 'Partitions.'),
          ],
        },
      ),
      field('generationId', 'int32', '2+', 'Generation in which it held them, or -1.', {
        default: -1,
        ignorable: true,
      }),
      field('rackId', 'string?', '3+', 'Rack of the consumer, or null.', {
        default: null,
        ignorable: true,
      }),
    ],
  }),
  message({
    name: 'ConsumerProtocolAssignment',
    versions: '0-3',
    flexibleFrom: 'never',
    about: 'What a consumer is given: the assignment of SyncGroup.',
    fields: [
      field(
        'assignedPartitions',
        'ConsumerProtocolAssignmentTopic[]',
        '0+',
        'Partitions of the member, by topic.',
        {
          fields: [
            field('topic', 'string', '0+', 'Topic name.'),
            field('partitions', 'int32[]', '0+', 'Partitions.'),
          ],
        },
      ),
      field('userData', 'bytes?', '0+', "Bytes of the assignor's own, or null.", { default: null }),
    ],
  }),
];
