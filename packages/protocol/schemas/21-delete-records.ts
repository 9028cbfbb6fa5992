import { api, field } from './language.ts';

export const deleteRecords = api({
  key: 21,
  name: 'DeleteRecords',
  versions: '0-2',
  flexibleFrom: 2,
  about: 'Delete the oldest records of partitions.',
  request: [
    field('topics', 'DeleteRecordsRequestTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field('partitions', 'DeleteRecordsRequestPartition[]', '0+', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('offset', 'int64', '0+', 'New first offset; -1 for the high watermark.'),
          ],
        }),
      ],
    }),
    field('timeoutMs', 'int32', '0+', 'How long the broker may work on the request, in ms.'),
  ],
  response: [
    field(
      'throttleTimeMs',
      'int32',
      '0+',
      'How long the broker held the client back for a quota, in ms.',
      { default: 0 },
    ),
    field('topics', 'DeleteRecordsResponseTopic[]', '0+', 'Topics.', {
      fields: [
        field('name', 'string', '0+', 'Topic name.'),
        field('partitions', 'DeleteRecordsResponsePartition[]', '0+', 'Partitions.', {
          fields: [
            field('partitionIndex', 'int32', '0+', 'Partition.'),
            field('lowWatermark', 'int64', '0+', 'First offset of the log after the deletion.'),
            field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
          ],
        }),
      ],
    }),
  ],
});
