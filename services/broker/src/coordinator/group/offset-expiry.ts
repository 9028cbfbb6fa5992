import { CONSUMER_PROTOCOL_TYPE, type Group } from './group.ts';
import { GroupState } from './group-state.ts';
import type { CommittedOffset, OffsetRow } from './offset-table.ts';

/**
 * Offsets that nobody needs any more (T72). What the retention counts from:
 *
 *     no members ever (offsets only)      the commit
 *     members once, none now              the moment the group became empty
 *     consumers, topic not subscribed     the commit
 *     members of any other kind           never
 *
 * An expiry that an old client asked for replaces the retention, not the conditions.
 */
export function expiredOffsets(
  group: Group,
  nowMs: number,
  retentionMs: number,
): readonly OffsetRow[] {
  const startOf = retentionStart(group);
  if (startOf === null) return [];
  const expired: OffsetRow[] = [];
  for (const row of group.offsets.settledRows()) {
    if (group.isSubscribedTo(row.topic)) continue;
    const { expiresAtMs } = row.committed;
    const dueAtMs = expiresAtMs >= 0 ? expiresAtMs : startOf(row.committed) + retentionMs;
    if (dueAtMs <= nowMs) expired.push(row);
  }
  return expired;
}

function retentionStart(group: Group): ((committed: CommittedOffset) => number) | null {
  if (group.is(GroupState.empty)) {
    const { protocolType, stateChangedAtMs } = group;
    if (protocolType === null || stateChangedAtMs === null) {
      return (committed) => committed.committedAtMs;
    }
    return () => stateChangedAtMs;
  }
  if (
    group.is(GroupState.stable) &&
    group.protocolType === CONSUMER_PROTOCOL_TYPE &&
    group.subscribedTopics !== null
  ) {
    return (committed) => committed.committedAtMs;
  }
  return null;
}
