import { api, field } from './language.ts';

export const offsetDelete = api({
  key: 47,
  name: 'OffsetDelete',
  versions: '0',
  flexibleFrom: 'never',
  about: "Delete a group's offsets.",
  request: [
    field('groupId', 'string', '0+', 'Group id.'),
    field('topics', 'OffsetDeleteRequestTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field('partitions', 'OffsetDeleteRequestPartition[]', '0+', 'Partitions.', {
          fields: [field('partitionIndex', 'int32', '0+', 'Partition.')],
        }),
      ],
    }),
  ],
  response: [
    field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
    field(
      'throttleTimeMs',
      'int32',
      '0+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0, ignorable: true },
    ),
    field('topics', 'OffsetDeleteResponseTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field('partitions', 'OffsetDeleteResponsePartition[]', '0+', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
          ],
        }),
      ],
    }),
  ],
});
