import { setTimeout as sleep } from 'node:timers/promises';
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
const REBALANCE_IN_PROGRESS = 27;
const HEARTBEAT_MS = 10;
/** No member that lives is given up, however busy the machine is. */
const LONG_MS = 120_000;

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
  /** Only a member that is to die has a short one. */
  sessionTimeoutMs = LONG_MS;
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
  async join(topics: readonly string[] = ['t']): Promise<JoinGroupResponse> {
    const ask = () =>
      this.client.call(joinGroupApi, JOIN_VERSION, {
        groupId: this.group,
        sessionTimeoutMs: this.sessionTimeoutMs,
        rebalanceTimeoutMs: LONG_MS,
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

/** What a member got: in which generation, and which part. */
interface Place {
  readonly generation: number;
  readonly part: number;
}

/**
 * Brings the members of a group together, as clients do: whoever is asked to joins again, until all are of one
 * generation and each has a part. The members by part; the first one leads.
 *
 * @throws Error when the broker refuses, or hands a part to two.
 */
export async function gather(consumers: readonly RawConsumer[]): Promise<RawConsumer[]> {
  const places = new Map<RawConsumer, Place>();
  const areTogether = (): boolean => {
    const generations = new Set([...places.values()].map(({ generation }) => generation));
    return places.size === consumers.length && generations.size === 1;
  };
  await Promise.all(
    consumers.map(async (consumer) => {
      do {
        places.delete(consumer);
        const place = await takePlace(consumer);
        if (place !== null) places.set(consumer, place);
      } while (!(await staysUntil(areTogether, consumer)));
    }),
  );
  const partOf = (consumer: RawConsumer): number => places.get(consumer)?.part ?? -1;
  const parts = consumers.map(partOf).sort();
  if (parts.some((part, index) => part !== index)) throw new Error(`parts ${parts.join(', ')}`);
  return consumers.toSorted((a, b) => partOf(a) - partOf(b));
}

/** One round of joining; null when the next one has begun before its end. The leader gets part 0. */
async function takePlace(consumer: RawConsumer): Promise<Place | null> {
  const joined = await consumer.join();
  if (joined.errorCode !== 0) throw new Error(`join: ${joined.errorCode}`);
  const others = joined.members.map(({ memberId }) => memberId);
  const order = [joined.leader, ...others.filter((memberId) => memberId !== joined.leader)];
  const isLeader = joined.leader === consumer.memberId;
  const plan = new Map(order.map((memberId, part) => [memberId, String(part)]));
  const synced = await consumer.sync(isLeader ? plan : undefined);
  if (synced.errorCode === REBALANCE_IN_PROGRESS) return null;
  if (synced.errorCode !== 0) throw new Error(`sync: ${synced.errorCode}`);
  const part = Number(Buffer.from(synced.assignment).toString());
  return { generation: consumer.generation, part };
}

/** False as soon as the member is asked to join again. */
async function staysUntil(isOver: () => boolean, consumer: RawConsumer): Promise<boolean> {
  while (!isOver()) {
    if ((await consumer.heartbeat()) !== 0) return false;
    await sleep(HEARTBEAT_MS);
  }
  return true;
}
