/** Running totals over all groups, so that the bounds of `limits.ts` cost no counting. */
export class GroupLedger {
  /** Bytes of subscriptions and assignments. */
  memberBytes = 0;
  /** Members that hold an id and have not joined with it. */
  pendingMemberCount = 0;
  /** Partitions with a committed offset, or one on its way to the log. */
  offsetCount = 0;
}
