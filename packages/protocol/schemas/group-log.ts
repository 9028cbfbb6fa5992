import { field, type Message, message } from './language.ts';

/**
 * Records of `__consumer_offsets`. A key is an int16 type and then the key's fields; a value is an
 * int16 version and then the value's fields. The type of a key stands for its version here.
 */
export const groupLog: readonly Message[] = [
  message({
    name: 'OffsetCommitKey',
    versions: '0-1',
    flexibleFrom: 'never',
    about: 'Key of a committed offset. Types 0 and 1 are read, 1 is written.',
    fields: [
      field('group', 'string', '0+', 'Group id.'),
      field('topic', 'string', '0+', 'Topic name.'),
      field('partition', 'int32', '0+', 'Partition.'),
    ],
  }),
  message({
    name: 'OffsetCommitValue',
    versions: '0-4',
    flexibleFrom: 4,
    about: 'A committed offset. Written in version 3, or 1 when it has its own expiry.',
    fields: [
      field('offset', 'int64', '0+', 'Next offset to read.'),
      field('leaderEpoch', 'int32', '3+', 'Leader epoch of the last record read, or -1.', {
        default: -1,
        ignorable: true,
      }),
      field('metadata', 'string', '0+', 'Text of the client kept beside the offset.'),
      field('commitTimestamp', 'int64', '0+', 'Time of the commit, in ms.'),
      field('expireTimestamp', 'int64', '1', 'Time when the offset expires in ms, or -1.', {
        default: -1,
        ignorable: true,
      }),
      field('topicId', 'uuid', '4+', 'Topic id.', { tag: 0, ignorable: true }),
    ],
  }),
  message({
    name: 'GroupMetadataKey',
    versions: '2',
    flexibleFrom: 'never',
    about: 'Key of a classic group.',
    fields: [field('group', 'string', '2+', 'Group id.')],
  }),
  message({
    name: 'GroupMetadataValue',
    versions: '0-4',
    flexibleFrom: 4,
    about: 'A classic group with its members. Written in version 3.',
    fields: [
      field('protocolType', 'string', '0+', 'Kind of group; `consumer` for consumers.'),
      field('generation', 'int32', '0+', 'Generation of the group.'),
      field('protocol', 'string?', '0+', 'Assignor that the group chose, or null.'),
      field('leader', 'string?', '0+', "Member id of the group's leader, or null."),
      field('currentStateTimestamp', 'int64', '2+', 'When the group came into its state, in ms.', {
        default: -1,
        ignorable: true,
      }),
      field('members', 'GroupMetadataValueMember[]', '0+', 'Members.', {
        fields: [
          field('memberId', 'string', '0+', 'Member id.'),
          field('groupInstanceId', 'string?', '3+', 'Id of a static member, or null.', {
            default: null,
            ignorable: true,
          }),
          field('clientId', 'string', '0+', 'Client id of the member.'),
          field('clientHost', 'string', '0+', 'Address of the member.'),
          field('rebalanceTimeout', 'int32', '1+', 'How long it may take to rejoin, in ms.', {
            default: -1,
            ignorable: true,
          }),
          field('sessionTimeout', 'int32', '0+', 'Silence after which it is dead, in ms.'),
          field('subscription', 'bytes', '0+', 'Subscription under the chosen assignor.'),
          field('assignment', 'bytes', '0+', 'Assignment of the member.'),
        ],
      }),
    ],
  }),
];
