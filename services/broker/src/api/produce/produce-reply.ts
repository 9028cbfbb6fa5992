import type { Writer } from '@millrace/bytes';
import { errorForVersion } from '@millrace/protocol';
import { AppendError, appendErrorText } from '../../log/append-error.ts';
import { type AppendListener, PendingAppend } from '../../log/pending-append.ts';
import { Delayed } from '../../replica/delayed/purgatory.ts';
import type { Partition } from '../../replica/partition.ts';
import { PendingReply } from '../pending-reply.ts';

/** One partition of a Produce request and what became of its batch. */
export class ProduceEntry implements AppendListener {
  readonly append = new PendingAppend(this);
  readonly #reply: ProduceReply;
  topicName = '';
  /** Base64url; used from version 13, where topics are named by id. */
  topicId = '';
  partitionIndex = 0;
  /** Opens a new topic in the answer, as it did in the request. */
  startsTopic = false;
  partition: Partition | undefined;
  /** Where the batch lies in the frame; -1 when it was null. */
  batchStart = -1;
  batchLength = 0;
  errorCode = 0;
  errorMessage: string | null = null;

  constructor(reply: ProduceReply) {
    this.#reply = reply;
  }

  appendDone(append: PendingAppend): void {
    this.errorCode = append.error;
    this.#reply.entryDone();
  }
}

/** Takes replies back for the next request. */
export interface ProduceReplyPool {
  put(reply: ProduceReply): void;
  /** The reply does not wait any longer. */
  settled(reply: ProduceReply): void;
}

/** The answer of one Produce request, used again and again. */
export class ProduceReply extends PendingReply {
  readonly #pool: ProduceReplyPool;
  readonly entries: ProduceEntry[] = [];
  readonly delayed = new Delayed(() => this.#expire());
  entryCount = 0;
  acks = 0;
  /** Appends on their way. */
  #waiting = 0;
  #isReleased = false;
  /** Answered while appends were still on their way: they must find their entries unchanged. */
  #isTimedOut = false;

  constructor(pool: ProduceReplyPool) {
    super();
    this.#pool = pool;
  }

  /** Ready for another request. */
  reset(): void {
    this.isDone = false;
    this.isSilent = false;
    this.entryCount = 0;
    // Held until `entriesQueued`, so that an append that fails at once cannot answer too early.
    this.#waiting = 1;
    this.#isReleased = false;
  }

  /** The next entry of this request. */
  nextEntry(): ProduceEntry {
    let entry = this.entries[this.entryCount];
    if (entry === undefined) {
      entry = new ProduceEntry(this);
      this.entries.push(entry);
    }
    this.entryCount++;
    entry.append.reset();
    entry.errorCode = 0;
    entry.errorMessage = null;
    entry.partition = undefined;
    return entry;
  }

  /** An append of this request was queued. */
  expectAppend(): void {
    this.#waiting++;
  }

  /** All entries were looked at. */
  entriesQueued(): void {
    this.entryDone();
  }

  entryDone(): void {
    this.#waiting--;
    if (this.#waiting > 0 || this.#isTimedOut) return;
    if (this.#isReleased) this.#pool.put(this);
    else this.complete();
  }

  /** Everything is known: answers, or for acks=0 closes the connection when something failed (T19). */
  complete(): void {
    this.#pool.settled(this);
    if (this.acks === 0) {
      this.isSilent = true;
      for (let i = 0; i < this.entryCount; i++) {
        if ((this.entries[i] as ProduceEntry).errorCode !== 0) this.channel?.closeAfterReplies();
      }
    }
    this.finish();
  }

  encodeBody(writer: Writer): void {
    const version = this.apiVersion;
    const isFlexible = version >= 9;
    let topicCount = 0;
    for (let i = 0; i < this.entryCount; i++) {
      if ((this.entries[i] as ProduceEntry).startsTopic) topicCount++;
    }
    if (isFlexible) writer.compactArrayLength(topicCount);
    else writer.arrayLength(topicCount);
    for (let i = 0; i < this.entryCount; i++) {
      const entry = this.entries[i] as ProduceEntry;
      if (entry.startsTopic) {
        if (i > 0 && isFlexible) writer.int8(0);
        this.#encodeTopic(writer, i);
      }
      this.#encodePartition(writer, entry);
    }
    if (this.entryCount > 0 && isFlexible) writer.int8(0);
    if (version >= 1) writer.int32(0);
    if (isFlexible) writer.int8(0);
  }

  release(): void {
    this.#leave();
  }

  abandon(): void {
    this.#pool.settled(this);
    this.#leave();
  }

  #encodeTopic(writer: Writer, at: number): void {
    const entry = this.entries[at] as ProduceEntry;
    let partitionCount = 1;
    for (let i = at + 1; i < this.entryCount; i++) {
      if ((this.entries[i] as ProduceEntry).startsTopic) break;
      partitionCount++;
    }
    if (this.apiVersion >= 13) writer.uuid(entry.topicId);
    else if (this.apiVersion >= 9) writer.compactString(entry.topicName);
    else writer.string(entry.topicName);
    if (this.apiVersion >= 9) writer.compactArrayLength(partitionCount);
    else writer.arrayLength(partitionCount);
  }

  #encodePartition(writer: Writer, entry: ProduceEntry): void {
    const version = this.apiVersion;
    const isFlexible = version >= 9;
    const append = entry.append;
    const isOk = entry.errorCode === 0;
    writer.int32(entry.partitionIndex);
    writer.int16(isOk ? 0 : errorForVersion(this.apiKey, version, entry.errorCode));
    writer.int64(isOk ? append.baseOffset : -1);
    if (version >= 2) writer.int64(isOk ? append.appendTimeMs : -1);
    if (version >= 5) writer.int64(isOk ? (entry.partition?.logStartOffset ?? -1) : -1);
    if (version >= 8) {
      encodeOffending(writer, isFlexible, append.offendingIndexes);
      const message = isOk ? null : (entry.errorMessage ?? appendErrorText(entry.errorCode));
      if (isFlexible) writer.compactNullableString(message);
      else writer.nullableString(message);
    }
    if (isFlexible) writer.int8(0);
  }

  #leave(): void {
    this.#isReleased = true;
    if (this.#waiting === 0) this.#pool.put(this);
  }

  /** acks=all was not reached in the client's time: the records stay appended (T46). */
  #expire(): void {
    if (this.isDone) return;
    this.#isTimedOut = true;
    for (let i = 0; i < this.entryCount; i++) {
      const entry = this.entries[i] as ProduceEntry;
      if (entry.errorCode === 0 && entry.append.isInFlight) entry.errorCode = AppendError.timedOut;
    }
    this.complete();
  }
}

/** `record_errors`: the place of each offending record, without a message of its own. */
function encodeOffending(writer: Writer, isFlexible: boolean, indexes: readonly number[]): void {
  if (isFlexible) writer.compactArrayLength(indexes.length);
  else writer.arrayLength(indexes.length);
  for (const index of indexes) {
    writer.int32(index);
    if (isFlexible) {
      writer.compactNullableString(null);
      writer.int8(0);
    } else writer.nullableString(null);
  }
}
