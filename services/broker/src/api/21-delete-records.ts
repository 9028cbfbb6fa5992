import {
  type DeleteRecordsRequest,
  type DeleteRecordsResponse,
  type DeleteRecordsResponsePartition,
  decodeDeleteRecordsRequest,
  ErrorCode,
  encodeDeleteRecordsResponse,
} from '@millrace/protocol';
import type { PartitionTable } from '../replica/partition-table.ts';
import type { ApiHandler } from './api-handler.ts';
import { missingPartitionError } from './missing-partition.ts';

/** Stands for the high watermark. */
const EVERYTHING_VISIBLE = -1;

export interface DeleteRecordsRooms {
  readonly partitions: PartitionTable;
  /** Makes the new log starts durable. */
  readonly checkpoint: () => Promise<void>;
}

/** DeleteRecords: moves log starts up to the high watermark at most (T35). */
export function deleteRecordsHandler(
  rooms: DeleteRecordsRooms,
): ApiHandler<DeleteRecordsRequest, DeleteRecordsResponse> {
  return {
    key: 21,
    name: 'DeleteRecords',
    minVersion: 0,
    maxVersion: 2,
    decode: decodeDeleteRecordsRequest,
    encode: encodeDeleteRecordsResponse,
    async handle(request) {
      const topics = await Promise.all(
        request.topics.map(async (topic) => ({
          name: topic.name,
          partitions: await Promise.all(
            topic.partitions.map((wish) =>
              deleteUpTo(rooms.partitions, topic.name, wish.partitionIndex, wish.offset),
            ),
          ),
        })),
      );
      await rooms.checkpoint();
      return { throttleTimeMs: 0, topics };
    },
  };
}

async function deleteUpTo(
  partitions: PartitionTable,
  topic: string,
  partitionIndex: number,
  wanted: number,
): Promise<DeleteRecordsResponsePartition> {
  const refuse = (errorCode: number) => ({ partitionIndex, lowWatermark: -1, errorCode });
  const partition = partitions.get(topic, partitionIndex);
  if (partition === undefined) {
    return refuse(missingPartitionError(partitions, topic, partitionIndex));
  }
  if (!partition.config.cleanupPolicy.delete) return refuse(ErrorCode.POLICY_VIOLATION);
  if (partition.isFailed) return refuse(ErrorCode.KAFKA_STORAGE_ERROR);
  const offset = wanted === EVERYTHING_VISIBLE ? partition.highWatermark : wanted;
  if (offset < 0 || offset > partition.highWatermark) return refuse(ErrorCode.OFFSET_OUT_OF_RANGE);
  try {
    await partition.trimTo(offset);
  } catch {
    return refuse(ErrorCode.KAFKA_STORAGE_ERROR);
  }
  return { partitionIndex, lowWatermark: partition.logStartOffset, errorCode: ErrorCode.NONE };
}
