import { coordinatorLimits } from '../limits.ts';
import { Group } from './group.ts';
import type { GroupLedger } from './group-ledger.ts';
import { GroupState } from './group-state.ts';

/** All groups of this broker, by the partition that holds them. */
export class GroupTable {
  readonly #ledger: GroupLedger;
  readonly #byPartition = new Map<number, Map<string, Group>>();
  #count = 0;

  constructor(ledger: GroupLedger) {
    this.#ledger = ledger;
  }

  get count(): number {
    return this.#count;
  }

  get(partitionIndex: number, groupId: string): Group | undefined {
    return this.#byPartition.get(partitionIndex)?.get(groupId);
  }

  /** @returns null when the broker holds as many groups as it may. */
  getOrCreate(partitionIndex: number, groupId: string): Group | null {
    const existing = this.get(partitionIndex, groupId);
    if (existing !== undefined) return existing;
    if (this.#count >= coordinatorLimits.groupCountMax) return null;
    return this.create(partitionIndex, groupId);
  }

  /** Without a bound: for groups that the log holds. */
  create(partitionIndex: number, groupId: string): Group {
    let groups = this.#byPartition.get(partitionIndex);
    if (groups === undefined) {
      groups = new Map();
      this.#byPartition.set(partitionIndex, groups);
    }
    const group = new Group(groupId, partitionIndex, this.#ledger);
    groups.set(groupId, group);
    this.#count++;
    return group;
  }

  /** Ends a group: whoever still holds the object finds it dead. */
  forget(group: Group, nowMs: number): void {
    const groups = this.#byPartition.get(group.partitionIndex);
    if (groups?.get(group.id) !== group) return;
    groups.delete(group.id);
    this.#count--;
    group.moveTo(GroupState.dead, nowMs);
    group.release();
  }

  ofPartition(partitionIndex: number): Iterable<Group> {
    return this.#byPartition.get(partitionIndex)?.values() ?? [];
  }

  *[Symbol.iterator](): Generator<Group> {
    for (const groups of this.#byPartition.values()) yield* groups.values();
  }
}
