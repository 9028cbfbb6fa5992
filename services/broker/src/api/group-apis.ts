import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import { offsetCommitHandler } from './08-offset-commit.ts';
import { offsetFetchHandler } from './09-offset-fetch.ts';
import { type FindCoordinatorRooms, findCoordinatorHandler } from './10-find-coordinator.ts';
import { joinGroupHandler } from './11-join-group.ts';
import { heartbeatHandler } from './12-heartbeat.ts';
import { leaveGroupHandler } from './13-leave-group.ts';
import { syncGroupHandler } from './14-sync-group.ts';
import { describeGroupsHandler } from './15-describe-groups.ts';
import { listGroupsHandler } from './16-list-groups.ts';
import { deleteGroupsHandler } from './42-delete-groups.ts';
import { offsetDeleteHandler } from './47-offset-delete.ts';
import type { ApiTable } from './api-table.ts';
import type { TopicLookup } from './group-topics.ts';

/** Puts every API of the group coordinator into the table. */
export function addGroupApis(
  table: ApiTable,
  rooms: FindCoordinatorRooms & {
    readonly groups: GroupCoordinator;
    readonly image: TopicLookup;
  },
): void {
  table.add(offsetCommitHandler(rooms));
  table.add(offsetFetchHandler(rooms));
  table.add(findCoordinatorHandler(rooms));
  table.add(joinGroupHandler(rooms));
  table.add(heartbeatHandler(rooms));
  table.add(leaveGroupHandler(rooms));
  table.add(syncGroupHandler(rooms));
  table.add(describeGroupsHandler(rooms));
  table.add(listGroupsHandler(rooms));
  table.add(deleteGroupsHandler(rooms));
  table.add(offsetDeleteHandler(rooms));
}
