import type { Group } from './group.ts';
import type { GroupCoordinator } from './group-coordinator.ts';
import { type GroupStateName, groupStateNames } from './group-state.ts';

/** How far a group is behind on one partition. */
export interface GroupLag {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly committedOffset: number;
  /** Records between the committed offset and the high watermark; 0 when it stands beyond. */
  readonly lag: number;
}

/** How many groups are in each state. */
export function groupsByState(groups: Iterable<Group>): Record<GroupStateName, number> {
  const counts = Object.fromEntries(groupStateNames.map((name) => [name, 0]));
  for (const group of groups) counts[group.state] = (counts[group.state] ?? 0) + 1;
  return counts as Record<GroupStateName, number>;
}

/**
 * The lag of every committed offset, at most `rowCountMax` of them: metrics must not cost more than the
 * groups themselves. Partitions that are gone are left out.
 */
export function* groupLag(
  coordinator: GroupCoordinator,
  highWatermarkOf: (topic: string, partition: number) => number | undefined,
  rowCountMax: number,
): Generator<GroupLag> {
  let left = rowCountMax;
  for (const group of coordinator.groups()) {
    for (const { topic, partition, committed } of group.offsets.rows()) {
      const highWatermark = highWatermarkOf(topic, partition);
      if (highWatermark === undefined) continue;
      if (left-- <= 0) return;
      yield {
        group: group.id,
        topic,
        partition,
        committedOffset: committed.offset,
        lag: Math.max(0, highWatermark - committed.offset),
      };
    }
  }
}
