import { ErrorCode } from '@millrace/protocol';
import {
  BatchProblem,
  BatchView,
  batchProblemErrorCode,
  batchProblemText,
  Codec,
  checkProducedBatch,
} from '@millrace/records';
import type { Purgatory } from '../replica/delayed/purgatory.ts';
import type { Partition } from '../replica/partition.ts';
import type { PartitionTable } from '../replica/partition-table.ts';
import type { Tick } from '../replica/tick.ts';
import { type DirectApi, OWN_MEMORY, type ReplyChannel, type RequestFrame } from './api-handler.ts';
import { missingPartitionError, missingPartitionErrorById } from './missing-partition.ts';
import { type ProduceEntry, ProduceReply, type ProduceReplyPool } from './produce/produce-reply.ts';
import { ProduceRequestReader } from './produce/produce-request.ts';
import type { SlowLane } from './produce/slow-lane.ts';
import { TopicNames } from './produce/topic-names.ts';

/** Versions below are advertised for librdkafka's sake and refused (T10). */
const SERVED_FROM = 3;
const ZSTD_FROM = 7;
const TOPIC_IDS_FROM = 13;
/** The one client id that may write to internal topics (T30). */
const INTERNAL_CLIENT_ID = '__admin_client';
/** Replies kept for the next requests. */
const POOL_MAX = 1024;
/** A reply that once had more partitions than this is not kept. */
const POOL_ENTRIES_MAX = 256;

/** Counts what producers bring; per topic when the topic is known. */
export interface ProduceCounter {
  produced(partition: Partition, bytes: number, recordCount: number): void;
}

export interface ProduceRooms {
  readonly partitions: PartitionTable;
  readonly purgatory: Purgatory;
  readonly tick: Tick;
  /** Batches that need their records looked at or compressed anew. */
  readonly slowLane: SlowLane;
  readonly counter: ProduceCounter;
}

/** Produce: batches into logs. Every batch of a tick is written in one go; see `log/append-plan`. */
export function produceApi(rooms: ProduceRooms): DirectApi {
  const produce = new Produce(rooms);
  return {
    key: 0,
    name: 'Produce',
    minVersion: 0,
    maxVersion: 13,
    serve: (frame, channel) => produce.serve(frame, channel),
  };
}

class Produce implements ProduceReplyPool {
  readonly #rooms: ProduceRooms;
  readonly #request = new ProduceRequestReader(new TopicNames());
  readonly #view = new BatchView();
  readonly #pool: ProduceReply[] = [];

  constructor(rooms: ProduceRooms) {
    this.#rooms = rooms;
  }

  put(reply: ProduceReply): void {
    if (this.#pool.length < POOL_MAX && reply.entries.length <= POOL_ENTRIES_MAX) {
      this.#pool.push(reply);
    }
  }

  settled(reply: ProduceReply): void {
    if (reply.delayed.isWaiting) this.#rooms.purgatory.remove(reply.delayed);
  }

  serve(frame: RequestFrame, channel: ReplyChannel): void {
    const reply = this.#pool.pop() ?? new ProduceReply(this);
    reply.reset();
    reply.apiKey = frame.apiKey;
    reply.apiVersion = frame.apiVersion;
    reply.correlationId = frame.correlationId;
    reply.startedAtMs = this.#rooms.tick.monotonicMs();
    reply.queuedMs = frame.queuedMs;
    this.#request.read(frame, reply);
    const { acks, timeoutMs, isTransactional } = this.#request.head;
    reply.acks = acks;
    channel.enqueue(reply);

    const refusal = refusalOf(frame.apiVersion, acks, isTransactional);
    for (let i = 0; i < reply.entryCount; i++) {
      const entry = reply.entries[i] as ProduceEntry;
      if (refusal !== 0) entry.errorCode = refusal;
      else this.#append(frame, reply, entry);
    }
    if (acks === -1) {
      this.#rooms.purgatory.add(reply.delayed, reply.startedAtMs, Math.max(0, timeoutMs));
    }
    reply.entriesQueued();
  }

  #append(frame: RequestFrame, reply: ProduceReply, entry: ProduceEntry): void {
    const partition = this.#partitionOf(frame.apiVersion, entry);
    if (partition === undefined) return;
    entry.partition = partition;
    if (partition.isInternal && frame.clientId !== INTERNAL_CLIENT_ID) {
      entry.errorCode = ErrorCode.INVALID_TOPIC_EXCEPTION;
      return;
    }
    const problem =
      entry.batchStart < 0
        ? BatchProblem.noBatch
        : checkProducedBatch(frame.bytes, entry.batchStart, entry.batchLength);
    if (problem !== BatchProblem.none) {
      entry.errorCode = batchProblemErrorCode(problem);
      entry.errorMessage = batchProblemText(problem);
      return;
    }
    const view = this.#view.reset(frame.bytes, entry.batchStart);
    if (view.codec === Codec.zstd && frame.apiVersion < ZSTD_FROM) {
      entry.errorCode = ErrorCode.UNSUPPORTED_COMPRESSION_TYPE;
      return;
    }
    if (view.isTransactional) {
      entry.errorCode = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
      return;
    }
    const append = entry.append;
    append.waitsForHighWatermark = reply.acks === -1;
    const { recordCount } = view;
    if (this.#rooms.slowLane.takes(partition, view)) {
      reply.expectAppend();
      this.#rooms.counter.produced(partition, entry.batchLength, recordCount);
      this.#rooms.slowLane.append(partition, append, view);
      return;
    }
    if (frame.bufferId === OWN_MEMORY) partition.appendMemory(append, view, view.batchBytes);
    else partition.appendBorrowed(append, view, frame.bufferId, entry.batchStart);
    if (append.isInFlight) {
      reply.expectAppend();
      this.#rooms.counter.produced(partition, entry.batchLength, recordCount);
    } else {
      entry.errorCode = append.error;
    }
  }

  /** undefined: `entry.errorCode` says why. */
  #partitionOf(version: number, entry: ProduceEntry): Partition | undefined {
    const { partitions } = this.#rooms;
    if (version < TOPIC_IDS_FROM) {
      const partition = partitions.get(entry.topicName, entry.partitionIndex);
      if (partition === undefined) {
        entry.errorCode = missingPartitionError(partitions, entry.topicName, entry.partitionIndex);
      }
      return partition;
    }
    const partition = partitions.getById(entry.topicId, entry.partitionIndex);
    if (partition === undefined) {
      const { topicId, partitionIndex } = entry;
      entry.errorCode = missingPartitionErrorById(partitions, topicId, partitionIndex);
    }
    return partition;
  }
}

/** Why the whole request is refused, or 0. */
function refusalOf(version: number, acks: number, isTransactional: boolean): number {
  if (version < SERVED_FROM) return ErrorCode.UNSUPPORTED_VERSION;
  if (acks < -1 || acks > 1) return ErrorCode.INVALID_REQUIRED_ACKS;
  // Until transactions come: an error no client retries, so that none hangs.
  if (isTransactional) return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  return 0;
}
