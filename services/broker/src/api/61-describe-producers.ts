import {
  type DescribeProducersRequest,
  type DescribeProducersResponse,
  type DescribeProducersResponsePartition,
  decodeDescribeProducersRequest,
  ErrorCode,
  encodeDescribeProducersResponse,
} from '@millrace/protocol';
import type { PartitionTable } from '../replica/partition-table.ts';
import type { ApiHandler } from './api-handler.ts';
import { missingPartitionError } from './missing-partition.ts';

export interface DescribeProducersRooms {
  readonly partitions: PartitionTable;
}

/** DescribeProducers: the idempotence state of partitions, for operators. */
export function describeProducersHandler(
  rooms: DescribeProducersRooms,
): ApiHandler<DescribeProducersRequest, DescribeProducersResponse> {
  return {
    key: 61,
    name: 'DescribeProducers',
    minVersion: 0,
    maxVersion: 0,
    decode: decodeDescribeProducersRequest,
    encode: encodeDescribeProducersResponse,
    handle: (request) => ({
      throttleTimeMs: 0,
      topics: request.topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((index) => describe(rooms.partitions, name, index)),
      })),
    }),
  };
}

function describe(
  partitions: PartitionTable,
  topic: string,
  partitionIndex: number,
): DescribeProducersResponsePartition {
  const partition = partitions.get(topic, partitionIndex);
  const isKnown = partition !== undefined;
  return {
    partitionIndex,
    errorCode: isKnown ? ErrorCode.NONE : missingPartitionError(partitions, topic, partitionIndex),
    errorMessage: null,
    activeProducers: [...(partition?.log.producers.entries() ?? [])].map((entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.epoch,
      lastSequence: entry.batches.at(-1)?.lastSequence ?? -1,
      lastTimestamp: entry.lastTimestamp,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTxnStartOffset: entry.transactionFirstOffset,
    })),
  };
}
