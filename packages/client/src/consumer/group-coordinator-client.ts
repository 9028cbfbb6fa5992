import { ZERO_UUID } from '@millrace/bytes';
import {
  ErrorCode,
  heartbeatApi,
  type JoinGroupResponse,
  joinGroupApi,
  leaveGroupApi,
  offsetCommitApi,
  offsetFetchApi,
  syncGroupApi,
} from '@millrace/protocol';
import type { BrokerConnection } from '@millrace/wire';
import { retrying } from '../backoff.ts';
import { throwIfError } from '../client-error.ts';
import { type Cluster, CoordinatorType } from '../cluster.ts';

/** A committed position. */
export interface CommittedOffset {
  readonly offset: number;
  /** -1 when it is not known. */
  readonly leaderEpoch: number;
  readonly metadata: string;
}

/** Who speaks for a group, in which generation. Generation -1 and no member id: outside of membership. */
export interface Membership {
  readonly memberId: string;
  readonly generationId: number;
  readonly instanceId: string | null;
}

export const OUTSIDE: Membership = { memberId: '', generationId: -1, instanceId: null };

/** OffsetCommit 10 and OffsetFetch 10 name topics by id. */
const OFFSET_VERSION_MAX = 9;

/** What a group member says to its coordinator, with the coordinator found again when it moved. */
export class GroupCoordinatorClient {
  readonly groupId: string;
  readonly #cluster: Cluster;
  #coordinatorId: number | undefined;

  constructor(cluster: Cluster, groupId: string) {
    this.#cluster = cluster;
    this.groupId = groupId;
  }

  /** JoinGroup 0–9; MEMBER_ID_REQUIRED is the caller's to handle: the answer has the id. */
  join(
    membership: Membership,
    times: { readonly sessionTimeoutMs: number; readonly rebalanceTimeoutMs: number },
    protocols: readonly { readonly name: string; readonly metadata: Uint8Array }[],
  ): Promise<JoinGroupResponse> {
    return this.#ask('JoinGroup', async (connection) => {
      const response = await connection.request(
        joinGroupApi,
        {
          groupId: this.groupId,
          ...times,
          memberId: membership.memberId,
          groupInstanceId: membership.instanceId,
          protocolType: 'consumer',
          protocols,
        },
        { timeoutMs: times.rebalanceTimeoutMs + this.#cluster.options.requestTimeoutMs },
      );
      return { response, errorCode: coordinatorErrors(response.errorCode) };
    });
  }

  sync(
    membership: Membership,
    protocolName: string,
    assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[],
  ) {
    return this.#ask('SyncGroup', async (connection) => {
      const response = await connection.request(syncGroupApi, {
        groupId: this.groupId,
        ...wire(membership),
        protocolType: 'consumer',
        protocolName,
        assignments,
      });
      return { response, errorCode: coordinatorErrors(response.errorCode) };
    });
  }

  /** The wire error; 0 when all is well. */
  heartbeat(membership: Membership): Promise<number> {
    return this.#ask('Heartbeat', async (connection) => {
      const request = { groupId: this.groupId, ...wire(membership) };
      const { errorCode } = await connection.request(heartbeatApi, request);
      return { response: errorCode, errorCode: coordinatorErrors(errorCode) };
    });
  }

  async leave(membership: Membership): Promise<void> {
    const connection = await this.#connect();
    const { memberId, instanceId } = membership;
    const batched = connection.versionOf(leaveGroupApi) >= 3;
    await connection.request(leaveGroupApi, {
      groupId: this.groupId,
      memberId: batched ? '' : memberId,
      members: batched ? [{ memberId, groupInstanceId: instanceId }] : [],
    });
  }

  /** Commits positions; keys are `topic` then partition. @throws KafkaError of the first that failed. */
  commit(
    membership: Membership,
    offsets: ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>>,
  ): Promise<void> {
    return this.#ask('OffsetCommit', async (connection) => {
      const topics = await this.#offsetCommit(connection, membership, offsets);
      const errorCode = topics
        .flatMap((topic) => topic.partitions)
        .find((partition) => partition.errorCode !== ErrorCode.NONE)?.errorCode;
      return { response: undefined, errorCode: errorCode ?? ErrorCode.NONE };
    });
  }

  /** Commits positions of one topic; the wire error of each partition, 0 for none. */
  commitEach(
    membership: Membership,
    topic: string,
    offsets: ReadonlyMap<number, CommittedOffset>,
  ): Promise<Map<number, number>> {
    return this.#ask('OffsetCommit', async (connection) => {
      const topics = await this.#offsetCommit(connection, membership, new Map([[topic, offsets]]));
      const codes = new Map<number, number>();
      let moved: number = ErrorCode.NONE;
      for (const { partitionIndex, errorCode } of topics[0]?.partitions ?? []) {
        codes.set(partitionIndex, errorCode);
        moved ||= coordinatorErrors(errorCode);
      }
      return { response: codes, errorCode: moved };
    });
  }

  /** Committed positions of the partitions asked for; those without one are left out. */
  committed(
    partitions: ReadonlyMap<string, readonly number[]>,
  ): Promise<Map<string, Map<number, CommittedOffset>>> {
    return this.#ask('OffsetFetch', async (connection) => {
      const topics = [...partitions].map(([name, partitionIndexes]) => ({
        name,
        topicId: ZERO_UUID,
        partitionIndexes,
      }));
      const batched = connection.versionOf(offsetFetchApi, OFFSET_VERSION_MAX) >= 8;
      const response = await connection.request(
        offsetFetchApi,
        batched
          ? { groupId: '', topics: [], groups: [{ groupId: this.groupId, topics }] }
          : { groupId: this.groupId, topics, groups: [] },
        { maxVersion: OFFSET_VERSION_MAX },
      );
      const group = response.groups[0] ?? response;
      const found = new Map<string, Map<number, CommittedOffset>>();
      let errorCode = group.errorCode;
      for (const topic of group.topics) {
        for (const partition of topic.partitions) {
          if (partition.errorCode !== ErrorCode.NONE) errorCode = partition.errorCode;
          if (partition.committedOffset < 0) continue;
          const offsets = found.get(topic.name) ?? new Map<number, CommittedOffset>();
          found.set(topic.name, offsets);
          offsets.set(partition.partitionIndex, {
            offset: partition.committedOffset,
            leaderEpoch: partition.committedLeaderEpoch,
            metadata: partition.metadata ?? '',
          });
        }
      }
      return { response: found, errorCode };
    });
  }

  async #offsetCommit(
    connection: BrokerConnection,
    membership: Membership,
    offsets: ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>>,
  ) {
    const response = await connection.request(
      offsetCommitApi,
      {
        groupId: this.groupId,
        generationIdOrMemberEpoch: membership.generationId,
        memberId: membership.memberId,
        groupInstanceId: membership.instanceId,
        topics: [...offsets].map(([name, partitions]) => ({
          name,
          topicId: ZERO_UUID,
          partitions: [...partitions].map(([partitionIndex, committed]) => ({
            partitionIndex,
            committedOffset: committed.offset,
            committedLeaderEpoch: committed.leaderEpoch,
            committedMetadata: committed.metadata,
          })),
        })),
      },
      { maxVersion: OFFSET_VERSION_MAX },
    );
    return response.topics;
  }

  async #ask<T>(
    what: string,
    attempt: (
      connection: Awaited<ReturnType<Cluster['connect']>>,
    ) => Promise<{ response: T; errorCode: number }>,
  ): Promise<T> {
    const { options } = this.#cluster;
    return retrying(options, options.requestTimeoutMs, async () => {
      try {
        const { response, errorCode } = await attempt(await this.#connect());
        throwIfError(errorCode, `${what} of group ${this.groupId}`);
        return response;
      } catch (error) {
        this.#coordinatorId = undefined;
        throw error;
      }
    });
  }

  async #connect() {
    this.#coordinatorId ??= await this.#cluster.findCoordinator(
      this.groupId,
      CoordinatorType.group,
    );
    return this.#cluster.connect(this.#coordinatorId, 'coordinator');
  }
}

/** Only these mean "ask again, perhaps elsewhere"; the rest is for the member to decide on. */
function coordinatorErrors(code: number): number {
  const elsewhere: readonly number[] = [
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.NOT_COORDINATOR,
  ];
  return elsewhere.includes(code) ? code : ErrorCode.NONE;
}

function wire(membership: Membership) {
  return {
    memberId: membership.memberId,
    generationId: membership.generationId,
    groupInstanceId: membership.instanceId,
  };
}
