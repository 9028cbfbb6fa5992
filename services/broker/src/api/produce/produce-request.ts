import { Reader } from '@millrace/bytes';
import type { RequestFrame } from '../api-handler.ts';
import type { ProduceReply } from './produce-reply.ts';
import type { TopicNames } from './topic-names.ts';

/** From this version on strings, arrays and records have compact lengths. */
const FLEXIBLE_FROM = 9;
/** From this version on topics are named by id. */
const TOPIC_IDS_FROM = 13;
const NO_BYTES = new Uint8Array(0);

/** What the request says before its topics. */
export interface ProduceHead {
  acks: number;
  timeoutMs: number;
  isTransactional: boolean;
}

/**
 * Reads Produce requests without making an object per topic or partition: names come from a cache, the
 * batches stay where they are and only their places are noted in the reply's entries.
 *
 * The layout is that of the schema table in `@millrace/protocol`; the tests compare the two.
 */
export class ProduceRequestReader {
  readonly #reader = new Reader(NO_BYTES);
  readonly #names: TopicNames;
  readonly head: ProduceHead = { acks: 0, timeoutMs: 0, isTransactional: false };

  constructor(names: TopicNames) {
    this.#names = names;
  }

  /** Fills `head` and the entries of `reply`. @throws DecodeError */
  read(frame: RequestFrame, reply: ProduceReply): void {
    const version = frame.apiVersion;
    const isFlexible = version >= FLEXIBLE_FROM;
    const reader = this.#reader.reset(frame.bytes, frame.bodyStart, frame.end);
    this.head.isTransactional = version >= 3 && this.#skipTransactionalId(isFlexible);
    this.head.acks = reader.int16();
    this.head.timeoutMs = reader.int32();
    const topicCount = isFlexible ? reader.compactArrayLength(4) : reader.arrayLength(6);
    for (let topic = 0; topic < topicCount; topic++) this.#readTopic(frame, reply, isFlexible);
    if (isFlexible) reader.skipTaggedFields();
    reader.finish('Produce');
  }

  /** True when there is one. */
  #skipTransactionalId(isFlexible: boolean): boolean {
    const reader = this.#reader;
    const length = isFlexible ? reader.unsignedVarint() - 1 : reader.int16();
    if (length < 0) return false;
    reader.skip(length, 'transactional id');
    return true;
  }

  #readTopic(frame: RequestFrame, reply: ProduceReply, isFlexible: boolean): void {
    const reader = this.#reader;
    let name = '';
    let id = '';
    if (frame.apiVersion >= TOPIC_IDS_FROM) {
      id = reader.uuid();
    } else {
      const length = isFlexible ? reader.unsignedVarint() - 1 : reader.int16();
      const at = reader.position;
      reader.skip(length, 'topic name');
      name = this.#names.textOf(frame.bytes, at, length);
    }
    const count = isFlexible ? reader.compactArrayLength(6) : reader.arrayLength(8);
    for (let i = 0; i < count; i++) {
      const entry = reply.nextEntry();
      entry.topicName = name;
      entry.topicId = id;
      entry.startsTopic = i === 0;
      entry.partitionIndex = reader.int32();
      const length = isFlexible ? reader.unsignedVarint() - 1 : reader.int32();
      entry.batchStart = length < 0 ? -1 : reader.position;
      entry.batchLength = Math.max(length, 0);
      if (length > 0) reader.skip(length, 'records');
      if (isFlexible) reader.skipTaggedFields();
    }
    if (isFlexible) reader.skipTaggedFields();
  }
}
