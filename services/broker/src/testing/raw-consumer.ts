import { Writer, ZERO_UUID } from '@millrace/bytes';
import {
  findCoordinatorApi,
  heartbeatApi,
  type JoinGroupResponse,
  joinGroupApi,
  offsetCommitApi,
  offsetFetchApi,
  type SyncGroupResponse,
  syncGroupApi,
} from '@millrace/protocol';
import type { RawClient } from './raw-client.ts';

const JOIN_VERSION = 5;

/** A consumer's subscription, version 0. */
function subscription(topics: readonly string[]): Uint8Array {
  const writer = new Writer();
  writer.int16(0);
  writer.arrayLength(topics.length);
  for (const topic of topics) writer.string(topic);
  writer.nullableByteArray(null);
  return writer.finishBytes().slice();
}

/** A member of a group on a connection of its own, one request at a time. */
export class RawConsumer {
  readonly client: RawClient;
  readonly group: string;
  memberId = '';
  generation = -1;

  constructor(client: RawClient, group: string) {
    this.client = client;
    this.group = group;
  }

  async findCoordinator(): Promise<number> {
    const request = { key: this.group, keyType: 0, coordinatorKeys: [] };
    return (await this.client.call(findCoordinatorApi, 2, request)).errorCode;
  }

  /** Joins, also when it must come back with the id it is given. */
  async join(
    sessionTimeoutMs = 6000,
    topics: readonly string[] = ['t'],
  ): Promise<JoinGroupResponse> {
    const ask = () =>
      this.client.call(joinGroupApi, JOIN_VERSION, {
        groupId: this.group,
        sessionTimeoutMs,
        rebalanceTimeoutMs: 10_000,
        memberId: this.memberId,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: subscription(topics) }],
      });
    let response = await ask();
    if (response.errorCode === 79) {
      this.memberId = response.memberId;
      response = await ask();
    }
    this.memberId = response.memberId;
    this.generation = response.generationId;
    return response;
  }

  /** @param assignments by member id, from the leader. */
  sync(assignments: ReadonlyMap<string, string> = new Map()): Promise<SyncGroupResponse> {
    return this.client.call(syncGroupApi, 3, {
      groupId: this.group,
      generationId: this.generation,
      memberId: this.memberId,
      assignments: [...assignments].map(([memberId, text]) => ({
        memberId,
        assignment: Buffer.from(text),
      })),
    });
  }

  async heartbeat(): Promise<number> {
    const request = {
      groupId: this.group,
      generationId: this.generation,
      memberId: this.memberId,
    };
    return (await this.client.call(heartbeatApi, 3, request)).errorCode;
  }

  async commit(topic: string, partition: number, offset: number): Promise<number> {
    const response = await this.client.call(offsetCommitApi, 7, {
      groupId: this.group,
      generationIdOrMemberEpoch: this.generation,
      memberId: this.memberId,
      topics: [
        {
          name: topic,
          topicId: ZERO_UUID,
          partitions: [
            { partitionIndex: partition, committedOffset: offset, committedMetadata: 'm' },
          ],
        },
      ],
    });
    return response.topics[0]?.partitions[0]?.errorCode ?? -1;
  }

  /** The committed offset; throws on an error, -1 when there is none. */
  async committed(topic: string, partition: number): Promise<number> {
    const response = await this.client.call(offsetFetchApi, 5, {
      groupId: this.group,
      topics: [{ name: topic, partitionIndexes: [partition] }],
      groups: [],
    });
    const row = response.topics[0]?.partitions[0];
    const errorCode = response.errorCode || row?.errorCode;
    if (errorCode !== 0) throw new Error(`OffsetFetch: ${errorCode}`);
    return row?.committedOffset ?? -1;
  }
}
