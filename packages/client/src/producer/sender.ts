import type { Timer } from '@millrace/base';
import { ZERO_UUID } from '@millrace/bytes';
import { compress } from '@millrace/compression';
import {
  ErrorCode,
  type ProduceResponse,
  type ProduceResponsePartition,
  produceApi,
} from '@millrace/protocol';
import { SEQUENCE_MASK } from '@millrace/records';
import { WireConnectionError } from '@millrace/wire';
import { backoffMs } from '../backoff.ts';
import { ClientStateError, isRetriableError, KafkaError } from '../client-error.ts';
import type { Cluster } from '../cluster.ts';
import type { MemoryGate } from './memory-gate.ts';
import type { PartitionQueue } from './partition-queue.ts';
import { type BatchIdentity, NO_IDENTITY, type PendingBatch } from './pending-batch.ts';
import { initProducerId, type ProducerIdentity } from './producer-identity.ts';
import type { ResolvedProducerOptions } from './producer-options.ts';

/** Produce 13 names topics by id; names are what this client keeps. */
const PRODUCE_VERSION_MAX = 12;

/** Answers that concern single records: nothing of the batch was appended, and most of it may be welcome. */
const CONTENT_REFUSALS: ReadonlySet<number> = new Set([
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  ErrorCode.POLICY_VIOLATION,
  ErrorCode.INVALID_RECORD,
]);

/** Answers that come before a broker looks at sequences. */
const REFUSALS: ReadonlySet<number> = new Set([
  ...CONTENT_REFUSALS,
  ErrorCode.INVALID_TOPIC_EXCEPTION,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
]);

/** Failures after which the same batch may succeed, and which come before a broker appends. */
const BEFORE_APPEND: ReadonlySet<number> = new Set([
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
  ErrorCode.THROTTLING_QUOTA_EXCEEDED,
]);

interface Flight {
  readonly queue: PartitionQueue;
  readonly batch: PendingBatch;
}

/** Sends what is due: one request per broker and round, one batch per partition in it. */
export class Sender {
  readonly #cluster: Cluster;
  readonly #options: ResolvedProducerOptions;
  readonly #memory: MemoryGate;
  readonly #queues = new Set<PartitionQueue>();
  readonly #inFlight = new Map<number, number>();
  #timer: Timer | undefined;
  #pumping = false;
  #pumpAgain = false;
  #flushing = 0;
  #identity: ProducerIdentity | undefined;
  /** A sequence may be missing in some log: everything must come back, then a new id is asked for. */
  #identityLost = false;
  #idle: (() => void)[] = [];

  constructor(cluster: Cluster, options: ResolvedProducerOptions, memory: MemoryGate) {
    this.#cluster = cluster;
    this.#options = options;
    this.#memory = memory;
  }

  add(queue: PartitionQueue): void {
    this.#queues.add(queue);
  }

  /** Looks for due batches soon. Cheap to call for every record. */
  wake(): void {
    if (this.#pumping) {
      this.#pumpAgain = true;
      return;
    }
    this.#pumping = true;
    queueMicrotask(() => void this.#run());
  }

  /** Sends everything now, without linger; resolves when nothing is waiting or in flight. */
  async flush(): Promise<void> {
    this.#flushing++;
    try {
      while (![...this.#queues].every((queue) => queue.isIdle)) {
        const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
        this.wake();
        await idle;
      }
    } finally {
      this.#flushing--;
    }
  }

  /** Fails everything that is not in flight. */
  close(error: Error): void {
    this.#timer?.cancel();
    for (const queue of this.#queues) {
      for (const batch of queue.remove(() => true)) this.#giveUp(batch, error);
    }
  }

  async #run(): Promise<void> {
    do {
      this.#pumpAgain = false;
      try {
        await this.#pump();
      } catch (error) {
        this.#expire(error as Error);
        this.#arm(this.#now() + this.#cluster.options.retryBackoffMs);
      }
    } while (this.#pumpAgain);
    this.#pumping = false;
    if (this.#idle.length > 0 && [...this.#queues].every((queue) => queue.isIdle)) {
      for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async #pump(): Promise<void> {
    this.#expire(undefined);
    const due = this.#dueQueues();
    if (due.length === 0) return;
    if (this.#options.idempotent && !(await this.#haveIdentity())) return;
    const unknown = due.filter((q) => this.#leaderOf(q) === undefined).map((q) => q.topic);
    if (unknown.length > 0) await this.#cluster.refresh([...new Set(unknown)], true);
    const byLeader = new Map<number, PartitionQueue[]>();
    for (const queue of due) {
      const leader = this.#leaderOf(queue);
      if (leader === undefined) {
        this.#arm(this.#now() + this.#cluster.options.retryBackoffMs);
        continue;
      }
      const queues = byLeader.get(leader) ?? [];
      queues.push(queue);
      byLeader.set(leader, queues);
    }
    for (const [leader, queues] of byLeader) {
      if ((this.#inFlight.get(leader) ?? 0) >= this.#options.maxInFlight) continue;
      this.#send(leader, queues);
    }
  }

  #dueQueues(): PartitionQueue[] {
    const lingerMs = this.#flushing > 0 ? 0 : this.#options.lingerMs;
    const now = this.#now();
    const due: PartitionQueue[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const queue of this.#queues) {
      // One leader gives way to another while answers are outstanding: together they get no more than one alone.
      if (queue.inFlightCount >= this.#options.maxInFlight) continue;
      const at = queue.readyAt(lingerMs, this.#options.batchSize);
      if (at <= now) due.push(queue);
      else next = Math.min(next, at);
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
    return due;
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#timer = this.#cluster.options.clock.setTimer(Math.max(at - this.#now(), 0), () => {
      this.#timer = undefined;
      this.wake();
    });
  }

  async #haveIdentity(): Promise<boolean> {
    if (this.#identityLost) {
      if ([...this.#queues].some((queue) => queue.inFlightCount > 0)) return false;
      for (const queue of this.#queues) {
        queue.renumber();
        for (const batch of queue.remove((waiting) => waiting.isNumbered)) {
          const about = `${batch.topic}-${batch.partition}`;
          this.#giveUp(batch, new KafkaError(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, about));
        }
      }
      this.#identity = undefined;
      this.#identityLost = false;
    }
    this.#identity ??= await initProducerId(this.#cluster);
    return true;
  }

  #leaderOf(queue: PartitionQueue): number | undefined {
    return this.#cluster.metadata.leaderOf(queue.topic, queue.partition);
  }

  #send(leader: number, queues: readonly PartitionQueue[]): void {
    const flights: Flight[] = [];
    let bytes = 0;
    for (const queue of queues) {
      const head = queue.peek();
      if (head === undefined) continue;
      if (flights.length > 0 && bytes + head.sizeBytes > this.#options.maxRequestSize) continue;
      bytes += head.sizeBytes;
      flights.push({ queue, batch: queue.take() });
    }
    this.#inFlight.set(leader, (this.#inFlight.get(leader) ?? 0) + 1);
    void this.#request(leader, flights)
      .then(
        (response) => this.#settle(flights, response),
        (error: Error) => {
          for (const flight of flights) this.#failed(flight, error);
        },
      )
      .finally(() => {
        this.#inFlight.set(leader, (this.#inFlight.get(leader) ?? 1) - 1);
        this.wake();
      });
    // A partition may have more than one full batch waiting.
    this.#pumpAgain = true;
  }

  async #request(leader: number, flights: readonly Flight[]): Promise<ProduceResponse | undefined> {
    const topics = new Map<string, { index: number; records: Uint8Array }[]>();
    for (const { queue, batch } of flights) {
      const partitions = topics.get(batch.topic) ?? [];
      const records = batch.seal(this.#nextIdentity(queue, batch), this.#options.codec, compress);
      partitions.push({ index: batch.partition, records });
      topics.set(batch.topic, partitions);
    }
    const request = {
      transactionalId: null,
      acks: this.#options.acks,
      timeoutMs: this.#cluster.options.requestTimeoutMs,
      topicData: [...topics].map(([name, partitionData]) => ({
        name,
        topicId: ZERO_UUID,
        partitionData,
      })),
    };
    const connection = await this.#cluster.connect(leader, 'data');
    const options = { maxVersion: PRODUCE_VERSION_MAX };
    if (this.#options.acks !== 0) return connection.request(produceApi, request, options);
    connection.send(produceApi, request, options);
    return undefined;
  }

  #nextIdentity(queue: PartitionQueue, batch: PendingBatch): BatchIdentity {
    if (this.#identity === undefined || batch.failures > 0) return NO_IDENTITY;
    const baseSequence = queue.nextSequence;
    queue.nextSequence = (baseSequence + batch.recordCount) & SEQUENCE_MASK;
    return { ...this.#identity, baseSequence };
  }

  #settle(flights: readonly Flight[], response: ProduceResponse | undefined): void {
    for (const flight of flights) {
      const { topic, partition } = flight.batch;
      if (response === undefined) {
        this.#succeeded(flight, -1, -1);
        continue;
      }
      const answer = response.responses
        .find((answered) => answered.name === topic)
        ?.partitionResponses.find((answered) => answered.index === partition);
      const code = answer?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR;
      if (answer !== undefined && code === ErrorCode.NONE) {
        this.#succeeded(flight, answer.baseOffset, answer.logAppendTimeMs ?? -1);
      } else {
        const about = `Produce to ${topic}-${partition}`;
        const error = new KafkaError(code, about, answer?.errorMessage);
        if (!this.#isRefused(flight, error, answer))
          this.#failed(flight, error, answer?.baseOffset);
      }
    }
  }

  #succeeded({ queue, batch }: Flight, baseOffset: number, appendTimeMs: number): void {
    this.#memory.release(batch.heldBytes);
    batch.succeed(baseOffset, appendTimeMs);
    // A broker that took it all the same counts in another way than we do.
    if (batch.isVoid) this.#identityLost = true;
    queue.settled(batch, true);
  }

  /**
   * True when nothing of the batch is in the log and its sequence is still free. Records that were not meant are then sent
   * again: without those that the broker names, or in halves until each stands for itself.
   */
  #isRefused(
    { queue, batch }: Flight,
    error: KafkaError,
    answer: ProduceResponsePartition | undefined,
  ): boolean {
    if (!REFUSALS.has(error.code) || (batch.mayBeInLog && batch.isNumbered)) return false;
    const count = batch.recordCount;
    const places = (answer?.recordErrors ?? []).map(({ batchIndex }) => batchIndex);
    const refused = new Set(places.filter((place) => place >= 0 && place < count));
    const isDivisible = CONTENT_REFUSALS.has(error.code) && count > 1 && refused.size < count;
    queue.refused(batch, isDivisible ? batch.split(refused, error) : []);
    if (!isDivisible) this.#giveUp(batch, error);
    return true;
  }

  /** @param baseOffset where the broker says that the batch stands all the same. */
  #failed({ queue, batch }: Flight, error: Error, baseOffset = -1): void {
    this.#cluster.metadata.invalidate(batch.topic);
    if (batch.isVoid) {
      batch.unseal();
      queue.failed(batch);
      return;
    }
    batch.failures++;
    batch.mayBeInLog ||= baseOffset >= 0 || !isBeforeAppend(error);
    // A gap that an earlier batch of ours has left closes when that one is sent again.
    const gapIsOurs =
      error instanceof KafkaError &&
      error.code === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER &&
      queue.hasFailedBefore(batch);
    if ((isRetriableError(error) || gapIsOurs) && !this.#isLate(batch)) {
      batch.notBefore = this.#now() + backoffMs(this.#cluster.options, batch.failures);
      queue.failed(batch);
      return;
    }
    if (batch.isNumbered) this.#identityLost = true;
    this.#giveUp(batch, error);
    queue.settled(batch, false);
  }

  #expire(cause: Error | undefined): void {
    for (const queue of this.#queues) {
      for (const batch of queue.remove((waiting) => this.#isLate(waiting))) {
        if (batch.isNumbered) this.#identityLost = true;
        const text = `${batch.topic}-${batch.partition}: not delivered within ${this.#options.deliveryTimeoutMs} ms`;
        this.#giveUp(batch, new ClientStateError(cause ? `${text}: ${cause.message}` : text));
      }
    }
  }

  #isLate(batch: PendingBatch): boolean {
    return this.#now() - batch.createdAt > this.#options.deliveryTimeoutMs;
  }

  #giveUp(batch: PendingBatch, error: Error): void {
    this.#memory.release(batch.heldBytes);
    batch.fail(error);
  }

  #now(): number {
    return this.#cluster.options.clock.monotonicMs();
  }
}

/** True when the batch was certainly not appended by the attempt that ended so. */
function isBeforeAppend(error: Error): boolean {
  if (error instanceof KafkaError) return BEFORE_APPEND.has(error.code);
  return error instanceof WireConnectionError && error.kind === 'connect';
}
