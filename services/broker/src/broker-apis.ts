import { type ProduceCounter, produceApi } from './api/00-produce.ts';
import { fetchApi } from './api/01-fetch.ts';
import { listOffsetsHandler } from './api/02-list-offsets.ts';
import { metadataHandler } from './api/03-metadata.ts';
import { offsetCommitHandler } from './api/08-offset-commit.ts';
import { offsetFetchHandler } from './api/09-offset-fetch.ts';
import { findCoordinatorHandler } from './api/10-find-coordinator.ts';
import { joinGroupHandler } from './api/11-join-group.ts';
import { heartbeatHandler } from './api/12-heartbeat.ts';
import { leaveGroupHandler } from './api/13-leave-group.ts';
import { syncGroupHandler } from './api/14-sync-group.ts';
import { describeGroupsHandler } from './api/15-describe-groups.ts';
import { listGroupsHandler } from './api/16-list-groups.ts';
import { apiVersionsApi } from './api/18-api-versions.ts';
import { createTopicsHandler } from './api/19-create-topics.ts';
import { deleteTopicsHandler } from './api/20-delete-topics.ts';
import { deleteRecordsHandler } from './api/21-delete-records.ts';
import { initProducerIdHandler } from './api/22-init-producer-id.ts';
import { offsetForLeaderEpochHandler } from './api/23-offset-for-leader-epoch.ts';
import { describeConfigsHandler } from './api/32-describe-configs.ts';
import { alterConfigsHandler } from './api/33-alter-configs.ts';
import { describeLogDirsHandler } from './api/35-describe-log-dirs.ts';
import { createPartitionsHandler } from './api/37-create-partitions.ts';
import { deleteGroupsHandler } from './api/42-delete-groups.ts';
import { incrementalAlterConfigsHandler } from './api/44-incremental-alter-configs.ts';
import { listPartitionReassignmentsHandler } from './api/46-list-partition-reassignments.ts';
import { offsetDeleteHandler } from './api/47-offset-delete.ts';
import { describeClusterHandler } from './api/60-describe-cluster.ts';
import { describeProducersHandler } from './api/61-describe-producers.ts';
import { describeTopicPartitionsHandler } from './api/75-describe-topic-partitions.ts';
import type { ConnectionIdentity } from './api/api-handler.ts';
import { ApiTable } from './api/api-table.ts';
import type { FetchCounter } from './api/fetch/fetch-reply.ts';
import type { FetchSessionCache } from './api/fetch/fetch-session.ts';
import type { SlowLane } from './api/produce/slow-lane.ts';
import type { Endpoint } from './config/advertised-endpoint.ts';
import type { DynamicConfig } from './config/dynamic-config.ts';
import type { DurableRecords } from './controller/durable-records.ts';
import type { Topics } from './controller/topic-store.ts';
import type { GroupCoordinator } from './coordinator/group/group-coordinator.ts';
import type { LogManager } from './log/log-manager.ts';
import type { ProducerIds } from './log/producer-ids.ts';
import type { DelayedFetches } from './replica/delayed/delayed-fetch.ts';
import type { Purgatory } from './replica/delayed/purgatory.ts';
import type { InflateBody } from './replica/offset-lookup.ts';
import type { PartitionTable } from './replica/partition-table.ts';
import type { Tick } from './replica/tick.ts';

/** The rooms that the APIs are made of. */
export interface ApiRooms {
  readonly dynamicConfig: DynamicConfig;
  readonly records: DurableRecords;
  readonly topics: Topics;
  readonly groups: GroupCoordinator;
  readonly ensureGroupTopic: () => Promise<void>;
  readonly partitions: PartitionTable;
  readonly logs: LogManager;
  readonly producerIds: ProducerIds;
  readonly purgatory: Purgatory;
  readonly delayedFetches: DelayedFetches;
  readonly sessions: FetchSessionCache;
  readonly slowLane: SlowLane;
  readonly tick: Tick;
  readonly inflate: InflateBody;
  readonly counter: ProduceCounter & FetchCounter;
  readonly endpointFor: (connection: ConnectionIdentity) => Endpoint;
}

/** Every API this broker serves, in order of their keys. */
export function apiTableOf(rooms: ApiRooms): ApiTable {
  const { dynamicConfig, topics, groups, partitions } = rooms;
  const { config } = dynamicConfig;
  const { image } = topics;
  const configRooms = { topics, dynamicConfig, records: rooms.records };
  const table = new ApiTable();
  table.addDirect(produceApi(rooms));
  table.addDirect(fetchApi({ ...rooms, fetchMaxBytes: config.fetchMaxBytes }));
  table.add(listOffsetsHandler(rooms));
  table.add(metadataHandler({ topics, partitions, config }));
  table.add(offsetCommitHandler({ groups, image }));
  table.add(offsetFetchHandler({ groups, image }));
  table.add(
    findCoordinatorHandler({
      brokerId: image.brokerId,
      endpointFor: rooms.endpointFor,
      ensureGroupTopic: rooms.ensureGroupTopic,
    }),
  );
  table.add(joinGroupHandler({ groups }));
  table.add(heartbeatHandler({ groups }));
  table.add(leaveGroupHandler({ groups }));
  table.add(syncGroupHandler({ groups }));
  table.add(describeGroupsHandler({ groups }));
  table.add(listGroupsHandler({ groups }));
  table.addDirect(
    apiVersionsApi({
      ranges: () => table.ranges(),
      clusterId: () => image.clusterId,
      brokerId: () => image.brokerId,
    }),
  );
  table.add(createTopicsHandler({ topics, dynamicConfig }));
  table.add(deleteTopicsHandler({ topics, config }));
  table.add(deleteRecordsHandler({ partitions, checkpoint: () => rooms.logs.checkpoint() }));
  table.add(initProducerIdHandler({ nextProducerId: () => rooms.producerIds.next() }));
  table.add(offsetForLeaderEpochHandler({ partitions }));
  table.add(describeConfigsHandler(configRooms));
  table.add(alterConfigsHandler(configRooms));
  table.add(describeLogDirsHandler({ partitions, logs: rooms.logs }));
  table.add(createPartitionsHandler({ topics }));
  table.add(deleteGroupsHandler({ groups }));
  table.add(incrementalAlterConfigsHandler(configRooms));
  table.add(listPartitionReassignmentsHandler());
  table.add(offsetDeleteHandler({ groups, image }));
  table.add(describeClusterHandler({ image, config }));
  table.add(describeProducersHandler({ partitions }));
  table.add(describeTopicPartitionsHandler({ image, partitions, config }));
  return table;
}
