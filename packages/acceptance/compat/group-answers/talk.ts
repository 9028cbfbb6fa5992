import { Writer, ZERO_UUID } from '@millrace/bytes';
import {
  createTopicsApi,
  describeGroupsApi,
  findCoordinatorApi,
  heartbeatApi,
  type JoinGroupRequestInput,
  type JoinGroupResponse,
  joinGroupApi,
  leaveGroupApi,
  type OffsetCommitRequestInput,
  offsetCommitApi,
  offsetFetchApi,
  syncGroupApi,
} from '@millrace/protocol';
import type { Connection } from './connection.ts';
import { plainAnswer } from './plain-answer.ts';

export const TOPIC = 'group-answers';
const NOT_READY: readonly number[] = [14, 15, 16];

/** Who a request says it comes from, and when. */
export interface Sender {
  readonly memberId: string;
  readonly generation?: number;
  readonly instanceId?: string;
}

/** A conversation about one group; what is said is written down in a form that can be compared. */
export class Talk {
  readonly group: string;
  readonly lines: string[] = [];
  readonly #names = new Map<string, string>();
  readonly connection: Connection;

  constructor(connection: Connection, group: string) {
    this.connection = connection;
    this.group = group;
    this.#names.set(group, 'GROUP');
  }

  /** Writes an answer down under a name. */
  async say(name: string, answer: unknown): Promise<void> {
    this.lines.push(`${name}: ${plainAnswer(await answer, this.#names)}`);
  }

  /** Makes the topic and waits until the group has a coordinator that has loaded. */
  async prepare(): Promise<void> {
    await this.connection.call(createTopicsApi, 5, {
      topics: [
        { name: TOPIC, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] },
      ],
      timeoutMs: 10_000,
      validateOnly: false,
    });
    for (let attempt = 0; attempt < 100; attempt++) {
      const found = await this.connection.call(findCoordinatorApi, 2, {
        key: this.group,
        keyType: 0,
        coordinatorKeys: [],
      });
      const beat = await this.heartbeat({ memberId: 'nobody' });
      if (found.errorCode === 0 && !NOT_READY.includes(beat.errorCode)) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error('the group has no coordinator');
  }

  join(
    version: number,
    request: Partial<JoinGroupRequestInput> = {},
    connection = this.connection,
  ): Promise<JoinGroupResponse> {
    return connection.call(joinGroupApi, version, {
      groupId: this.group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 20_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: subscription([TOPIC]) }],
      ...request,
    });
  }

  sync(
    version: number,
    { memberId, generation = -1, instanceId }: Sender,
    assignments: Readonly<Record<string, string>> = {},
    protocol: { protocolType?: string; protocolName?: string } = {},
    connection = this.connection,
  ) {
    return connection.call(syncGroupApi, version, {
      groupId: this.group,
      generationId: generation,
      memberId,
      ...(instanceId === undefined ? {} : { groupInstanceId: instanceId }),
      ...(version >= 5 ? { protocolType: 'consumer', protocolName: 'range', ...protocol } : {}),
      assignments: Object.entries(assignments).map(([id, text]) => ({
        memberId: id,
        assignment: Buffer.from(text),
      })),
    });
  }

  heartbeat({ memberId, generation = -1, instanceId }: Sender) {
    return this.connection.call(heartbeatApi, 3, {
      groupId: this.group,
      generationId: generation,
      memberId,
      ...(instanceId === undefined ? {} : { groupInstanceId: instanceId }),
    });
  }

  /** Offsets by partition, as [offset, metadata]. */
  commit(
    offsets: Readonly<Record<number, readonly [number, string | null]>>,
    { memberId, generation = -1, instanceId }: Sender = { memberId: '' },
    topic = TOPIC,
  ) {
    const request: OffsetCommitRequestInput = {
      groupId: this.group,
      generationIdOrMemberEpoch: generation,
      memberId,
      ...(instanceId === undefined ? {} : { groupInstanceId: instanceId }),
      topics: [
        {
          name: topic,
          topicId: ZERO_UUID,
          partitions: Object.entries(offsets).map(([partition, [offset, metadata]]) => ({
            partitionIndex: Number(partition),
            committedOffset: offset,
            committedMetadata: metadata,
          })),
        },
      ],
    };
    return this.connection.call(offsetCommitApi, 7, request);
  }

  /** @param partitions null for everything of the group. */
  fetch(version: number, partitions: readonly number[] | null) {
    return this.connection.call(offsetFetchApi, version, {
      groupId: this.group,
      topics: partitions === null ? null : [{ name: TOPIC, partitionIndexes: partitions }],
      groups: [],
    });
  }

  leave(version: number, members: readonly Sender[]) {
    return this.connection.call(leaveGroupApi, version, {
      groupId: this.group,
      memberId: version < 3 ? (members[0]?.memberId ?? '') : '',
      members:
        version < 3
          ? []
          : members.map(({ memberId, instanceId }) => ({
              memberId,
              groupInstanceId: instanceId ?? null,
            })),
    });
  }

  async describe(version = 5) {
    const { groups } = await this.connection.call(describeGroupsApi, version, {
      groups: [this.group],
      includeAuthorizedOperations: true,
    });
    return groups;
  }
}

/** A consumer's subscription, version 0. */
function subscription(topics: readonly string[]): Uint8Array {
  const writer = new Writer();
  writer.int16(0);
  writer.arrayLength(topics.length);
  for (const topic of topics) writer.string(topic);
  writer.nullableByteArray(null);
  return writer.finishBytes().slice();
}
