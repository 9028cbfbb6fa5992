import { ZERO_UUID } from '@millrace/bytes';
import {
  ErrorCode,
  type FetchRequestInput,
  type FetchResponsePartition,
  fetchApi,
} from '@millrace/protocol';
import type { BrokerConnection } from '@millrace/wire';
import type { PartitionRead } from './partition-read.ts';

/** Up to here topics are named. */
const BY_NAME_VERSION_MAX = 12;
/** From here on topics are told by id. */
const BY_ID_VERSION = 13;

/** Sizes in bytes, durations in ms; names and defaults of Kafka's consumer. */
export interface FetchOptions {
  /** Default 1. */
  readonly fetchMinBytes?: number;
  /** Default 50 MiB. */
  readonly fetchMaxBytes?: number;
  /** Default 500. */
  readonly fetchMaxWaitMs?: number;
  /** Default 1 MiB. */
  readonly maxPartitionFetchBytes?: number;
  /** Default read_uncommitted. */
  readonly isolationLevel?: 'read_uncommitted' | 'read_committed';
  /** Where this consumer is, for reading from a replica nearby (KIP-392). */
  readonly clientRack?: string;
}

export function resolveFetchOptions(options: FetchOptions): Required<FetchOptions> {
  return {
    fetchMinBytes: options.fetchMinBytes ?? 1,
    fetchMaxBytes: options.fetchMaxBytes ?? 50 << 20,
    fetchMaxWaitMs: options.fetchMaxWaitMs ?? 500,
    maxPartitionFetchBytes: options.maxPartitionFetchBytes ?? 1 << 20,
    isolationLevel: options.isolationLevel ?? 'read_uncommitted',
    clientRack: options.clientRack ?? '',
  };
}

/** What is asked of one partition. */
export interface FetchTarget {
  readonly topic: string;
  /** The topic that is meant, whatever has its name by now; undefined: whatever has its name. */
  readonly topicId: string | undefined;
  readonly partition: number;
  /** The next offset wanted. */
  readonly offset: number;
  /** Epoch of the last batch read, -1 for none: lets the broker find a parting of histories. */
  readonly lastFetchedEpoch: number;
}

/** The version to ask in: by id where every target has one and the broker understands. */
export function fetchVersion(
  connection: BrokerConnection,
  targets: readonly FetchTarget[],
): number {
  const haveIds = targets.every(({ topicId }) => topicId !== undefined && topicId !== ZERO_UUID);
  return connection.versionOf(fetchApi, haveIds ? BY_ID_VERSION : BY_NAME_VERSION_MAX);
}

/** One request for all targets. */
export function fetchRequest(
  options: Required<FetchOptions>,
  targets: readonly FetchTarget[],
): FetchRequestInput {
  const topics = new Map<string, FetchTarget[]>();
  for (const target of targets) {
    const name = `${target.topic} ${target.topicId ?? ''}`;
    const known = topics.get(name);
    if (known === undefined) topics.set(name, [target]);
    else known.push(target);
  }
  return {
    maxWaitMs: options.fetchMaxWaitMs,
    minBytes: options.fetchMinBytes,
    maxBytes: options.fetchMaxBytes,
    isolationLevel: options.isolationLevel === 'read_committed' ? 1 : 0,
    rackId: options.clientRack,
    forgottenTopicsData: [],
    topics: [...topics.values()].map((parts) => ({
      topic: parts[0]?.topic ?? '',
      topicId: parts[0]?.topicId ?? ZERO_UUID,
      partitions: parts.map((target) => ({
        partition: target.partition,
        fetchOffset: target.offset,
        lastFetchedEpoch: target.lastFetchedEpoch,
        partitionMaxBytes: options.maxPartitionFetchBytes,
      })),
    })),
  };
}

/** A partition's answer as readers see it. */
export function partitionRead(target: FetchTarget, answer: FetchResponsePartition): PartitionRead {
  return {
    topic: target.topic,
    partition: target.partition,
    fetchOffset: target.offset,
    errorCode: answer.errorCode,
    highWatermark: answer.highWatermark,
    lastStableOffset: answer.lastStableOffset,
    logStartOffset: answer.logStartOffset,
    divergingEpoch: answer.divergingEpoch.endOffset >= 0 ? answer.divergingEpoch : undefined,
    abortedTransactions: answer.abortedTransactions ?? [],
    batches: answer.records ?? NO_BYTES,
  };
}

/** An answer without bytes: the topic or partition is gone. */
export function failedRead(target: FetchTarget, errorCode: number): PartitionRead {
  return {
    topic: target.topic,
    partition: target.partition,
    fetchOffset: target.offset,
    errorCode,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    divergingEpoch: undefined,
    abortedTransactions: [],
    batches: NO_BYTES,
  };
}

/** Errors that fresh metadata or a moment's patience mend. */
export function isLeaderTrouble(code: number): boolean {
  return (
    code === ErrorCode.NOT_LEADER_OR_FOLLOWER ||
    code === ErrorCode.LEADER_NOT_AVAILABLE ||
    code === ErrorCode.REPLICA_NOT_AVAILABLE ||
    code === ErrorCode.KAFKA_STORAGE_ERROR ||
    code === ErrorCode.FENCED_LEADER_EPOCH ||
    code === ErrorCode.UNKNOWN_LEADER_EPOCH ||
    code === ErrorCode.OFFSET_NOT_AVAILABLE
  );
}

const NO_BYTES = new Uint8Array();
