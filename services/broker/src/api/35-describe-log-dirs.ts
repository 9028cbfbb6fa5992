import { statfs } from 'node:fs/promises';
import {
  API_KEYS,
  type DescribeLogDirsRequest,
  type DescribeLogDirsResponseInput,
  type DescribeLogDirsResponseResultInput,
  type DescribeLogDirsResponseTopic,
  decodeDescribeLogDirsRequest,
  ErrorCode,
  encodeDescribeLogDirsResponse,
} from '@millrace/protocol';
import type { LogManager } from '../log/log-manager.ts';
import type { Partition } from '../replica/partition.ts';
import type { PartitionTable } from '../replica/partition-table.ts';
import type { ApiHandler } from './api-handler.ts';

export interface DescribeLogDirsRooms {
  readonly partitions: PartitionTable;
  readonly logs: Pick<LogManager, 'dirs' | 'offlinePaths'>;
}

type PartitionWire = DescribeLogDirsResponseTopic['partitions'][number];

export function describeLogDirsHandler(
  rooms: DescribeLogDirsRooms,
): ApiHandler<DescribeLogDirsRequest, DescribeLogDirsResponseInput> {
  return {
    key: API_KEYS.DescribeLogDirs,
    name: 'DescribeLogDirs',
    minVersion: 0,
    maxVersion: 5,
    decode: decodeDescribeLogDirsRequest,
    encode: encodeDescribeLogDirsResponse,
    handle: async (request) => {
      const byDir = groupByDir(rooms.partitions, request);
      const { dirs, offlinePaths } = rooms.logs;
      const online = await Promise.all(
        dirs.map(async (dir): Promise<DescribeLogDirsResponseResultInput> => {
          const space = await spaceOf(dir.path);
          return {
            errorCode: dir.isFailed ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NONE,
            logDir: dir.path,
            topics: dir.isFailed ? [] : topicsOf(byDir.get(dir.dirId) ?? []),
            ...space,
          };
        }),
      );
      const offline = offlinePaths.map((logDir) => ({
        ...{ errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir, topics: [] },
        ...{ totalBytes: -1, usableBytes: -1 },
      }));
      return { errorCode: ErrorCode.NONE, results: [...online, ...offline] };
    },
    fail: (_request, errorCode) => ({ errorCode, results: [] }),
  };
}

function groupByDir(
  partitions: PartitionTable,
  { topics }: DescribeLogDirsRequest,
): Map<number, Partition[]> {
  const byDir = new Map<number, Partition[]>();
  for (const partition of topics === null ? partitions : named(partitions, topics)) {
    const { dirId } = partition.log;
    const group = byDir.get(dirId);
    if (group === undefined) byDir.set(dirId, [partition]);
    else group.push(partition);
  }
  return byDir;
}

function* named(
  table: PartitionTable,
  topics: NonNullable<DescribeLogDirsRequest['topics']>,
): Iterable<Partition> {
  for (const { topic, partitions } of topics) {
    for (const index of new Set(partitions)) {
      const partition = table.get(topic, index);
      if (partition !== undefined) yield partition;
    }
  }
}

function topicsOf(partitions: readonly Partition[]): DescribeLogDirsResponseTopic[] {
  const topics = new Map<string, PartitionWire[]>();
  for (const partition of partitions) {
    // Deleted while the volumes were asked for their space.
    if (!partition.isOnline) continue;
    const wire: PartitionWire = {
      partitionIndex: partition.index,
      partitionSize: partition.sizeBytes,
      offsetLag: 0,
      isFutureKey: false,
    };
    const group = topics.get(partition.topic);
    if (group === undefined) topics.set(partition.topic, [wire]);
    else group.push(wire);
  }
  return [...topics].map(([name, wires]) => ({ name, partitions: wires }));
}

/** Size of the volume a dir is on, and what of it is free for us; -1 each when the system does not say. */
async function spaceOf(path: string): Promise<{ totalBytes: number; usableBytes: number }> {
  try {
    const { blocks, bavail, bsize } = await statfs(path);
    return { totalBytes: blocks * bsize, usableBytes: bavail * bsize };
  } catch {
    return { totalBytes: -1, usableBytes: -1 };
  }
}
