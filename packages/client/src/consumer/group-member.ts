import type { Timer } from '@millrace/base';
import { Reader, Writer } from '@millrace/bytes';
import {
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  ErrorCode,
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
  type JoinGroupResponse,
} from '@millrace/protocol';
import { backoffMs, sleep } from '../backoff.ts';
import { ClientStateError, isRetriableError, KafkaError, throwIfError } from '../client-error.ts';
import type { Cluster } from '../cluster.ts';
import type { Assignor, TopicPartitions } from './assignors.ts';
import { GroupCoordinatorClient, type Membership, OUTSIDE } from './group-coordinator-client.ts';

/** Durations in ms. */
export interface GroupMemberOptions {
  readonly groupId: string;
  /** Makes the membership static: it survives restarts within the session timeout (KIP-345). */
  readonly groupInstanceId: string | null;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** In order of preference; members agree on one that all have. */
  readonly assignors: readonly Assignor[];
}

/** What a member tells its consumer. Both are awaited before the group moves on. */
export interface GroupListener {
  readonly assigned: (partitions: readonly TopicPartitions[]) => Promise<void>;
  /** Everything is given up; `lost` when others may own it already, so commits are too late. */
  readonly revoked: (lost: boolean) => Promise<void>;
  /** The membership ended for good. */
  readonly failed: (error: Error) => void;
}

/** Version of the embedded protocol that we write; readers take the prefix they know. */
const SUBSCRIPTION_VERSION = 1;
const ASSIGNMENT_VERSION = 0;

/** Membership in a classic consumer group (eager rebalancing): joins, keeps alive, joins again. */
export class GroupMember {
  readonly coordinator: GroupCoordinatorClient;
  readonly #cluster: Cluster;
  readonly #options: GroupMemberOptions;
  readonly #listener: GroupListener;
  readonly #topics: readonly string[];
  readonly #stop = new AbortController();
  #membership: Membership;
  #assigned = false;
  #running: Promise<void> = Promise.resolve();
  #wakeHeartbeat: (() => void) | undefined;

  constructor(
    cluster: Cluster,
    options: GroupMemberOptions,
    topics: readonly string[],
    listener: GroupListener,
  ) {
    this.#cluster = cluster;
    this.#options = options;
    this.#topics = topics;
    this.#listener = listener;
    this.coordinator = new GroupCoordinatorClient(cluster, options.groupId);
    this.#membership = { ...OUTSIDE, instanceId: options.groupInstanceId };
  }

  /** For commits: who speaks, in which generation. */
  get membership(): Membership {
    return this.#membership;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Gives everything up and leaves the group (a static member stays, until its session ends). */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wakeHeartbeat?.();
    await this.#running;
    await this.#revoke(false);
    if (this.#membership.memberId === '' || this.#options.groupInstanceId !== null) return;
    try {
      await this.coordinator.leave(this.#membership);
    } catch (error) {
      // The session timeout does the same a little later; nothing of ours depends on it.
      if (!isRetriableError(error)) throw error;
    }
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#joinAndSync();
        failures = 0;
        await this.#keepAlive();
      } catch (error) {
        if (!isRetriableError(error)) {
          await this.#revoke(true);
          this.#listener.failed(error as Error);
          return;
        }
        failures++;
        const { clock } = this.#cluster.options;
        await sleep(clock, backoffMs(this.#cluster.options, failures), this.#stop.signal);
      }
    }
  }

  async #joinAndSync(): Promise<void> {
    const joined = await this.#join();
    if (joined === undefined || this.#stop.signal.aborted) return;
    const protocolName = joined.protocolName ?? '';
    const assignments =
      joined.leader === joined.memberId && !joined.skipAssignment
        ? await this.#assign(joined, protocolName)
        : [];
    const synced = await this.coordinator.sync(this.#membership, protocolName, assignments);
    if (!this.#mayGoOn(synced.errorCode, 'SyncGroup')) return;
    const partitions = decodeAssignment(synced.assignment);
    this.#assigned = true;
    await this.#listener.assigned(partitions);
  }

  /** undefined when the group moved on meanwhile and joining must start over. */
  async #join(): Promise<JoinGroupResponse | undefined> {
    const { sessionTimeoutMs, rebalanceTimeoutMs, assignors } = this.#options;
    const metadata = encodeSubscription(this.#topics);
    const protocols = assignors.map(({ name }) => ({ name, metadata }));
    const times = { sessionTimeoutMs, rebalanceTimeoutMs };
    let joined = await this.coordinator.join(this.#membership, times, protocols);
    if (joined.errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
      this.#membership = { ...this.#membership, memberId: joined.memberId };
      joined = await this.coordinator.join(this.#membership, times, protocols);
    }
    if (!this.#mayGoOn(joined.errorCode, 'JoinGroup')) return undefined;
    const { memberId, generationId } = joined;
    this.#membership = { ...this.#membership, memberId, generationId };
    return joined;
  }

  async #assign(joined: JoinGroupResponse, protocolName: string) {
    const assignor = this.#options.assignors.find(({ name }) => name === protocolName);
    if (assignor === undefined) {
      throw new ClientStateError(`the group agreed on '${protocolName}', which we do not have`);
    }
    const members = joined.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      topics: decodeSubscription(member.metadata),
    }));
    const wanted = [...new Set(members.flatMap((member) => member.topics))];
    const counts = new Map<string, number>();
    await this.#cluster.refresh(wanted);
    for (const topic of wanted) {
      const metadata = this.#cluster.metadata.get(topic);
      if (metadata?.errorCode === ErrorCode.NONE) counts.set(topic, metadata.partitions.length);
    }
    const assignment = assignor.assign(members, counts);
    return members.map(({ memberId }) => ({
      memberId,
      assignment: encodeAssignment(assignment.get(memberId) ?? []),
    }));
  }

  /** Heartbeats until the group rebalances or throws us out. */
  async #keepAlive(): Promise<void> {
    while (this.#assigned && !this.#stop.signal.aborted) {
      await this.#pauseBetweenHeartbeats();
      if (this.#stop.signal.aborted) return;
      const errorCode = await this.coordinator.heartbeat(this.#membership);
      if (errorCode === ErrorCode.REBALANCE_IN_PROGRESS) return this.#revoke(false);
      if (!this.#mayGoOn(errorCode, 'Heartbeat')) return this.#revoke(true);
    }
  }

  #pauseBetweenHeartbeats(): Promise<void> {
    return new Promise((resolve) => {
      const timer: Timer = this.#cluster.options.clock.setTimer(
        this.#options.heartbeatIntervalMs,
        resolve,
      );
      this.#wakeHeartbeat = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** False: join again, as a new member where the coordinator has forgotten us. @throws KafkaError */
  #mayGoOn(errorCode: number, about: string): boolean {
    switch (errorCode) {
      case ErrorCode.NONE:
        return true;
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.#membership = { ...OUTSIDE, instanceId: this.#options.groupInstanceId };
        return false;
      case ErrorCode.ILLEGAL_GENERATION:
      case ErrorCode.REBALANCE_IN_PROGRESS:
        return false;
      case ErrorCode.GROUP_MAX_SIZE_REACHED:
        throw new KafkaError(errorCode, `${about} of group ${this.#options.groupId}`);
      default:
        throwIfError(errorCode, `${about} of group ${this.#options.groupId}`);
        return false;
    }
  }

  async #revoke(lost: boolean): Promise<void> {
    if (!this.#assigned) return;
    this.#assigned = false;
    await this.#listener.revoked(lost);
  }
}

function encodeSubscription(topics: readonly string[]): Uint8Array {
  const writer = new Writer();
  writer.int16(SUBSCRIPTION_VERSION);
  const value = { topics, ownedPartitions: [] };
  encodeConsumerProtocolSubscription(writer, value, SUBSCRIPTION_VERSION);
  return writer.finishBytes().slice();
}

function decodeSubscription(bytes: Uint8Array): readonly string[] {
  const reader = new Reader(bytes);
  // Version 0 is the prefix that every version begins with.
  reader.int16();
  return decodeConsumerProtocolSubscription(reader, 0).topics;
}

function encodeAssignment(partitions: readonly TopicPartitions[]): Uint8Array {
  const writer = new Writer();
  writer.int16(ASSIGNMENT_VERSION);
  encodeConsumerProtocolAssignment(writer, { assignedPartitions: partitions }, ASSIGNMENT_VERSION);
  return writer.finishBytes().slice();
}

function decodeAssignment(bytes: Uint8Array): TopicPartitions[] {
  if (bytes.length === 0) return [];
  const reader = new Reader(bytes);
  reader.int16();
  const { assignedPartitions } = decodeConsumerProtocolAssignment(reader, ASSIGNMENT_VERSION);
  return assignedPartitions.map(({ topic, partitions }) => ({
    topic,
    partitions: [...partitions],
  }));
}
