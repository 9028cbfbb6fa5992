/** One member of a group, as its leader sees it. */
export interface GroupSubscriber {
  readonly memberId: string;
  /** Static members keep their place by this id; null for dynamic ones. */
  readonly instanceId: string | null;
  readonly topics: readonly string[];
}

export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: number[];
}

/** Divides partitions among members; run by the group's leader. */
export interface Assignor {
  /** The protocol name members agree on, `range` for example. */
  readonly name: string;
  /** @param partitionCounts partitions of every topic somebody subscribes to. */
  readonly assign: (
    members: readonly GroupSubscriber[],
    partitionCounts: ReadonlyMap<string, number>,
  ) => Map<string, TopicPartitions[]>;
}

/** Static members first by instance id, so that a restart changes nothing; then by member id. */
function inOrder(members: readonly GroupSubscriber[]): GroupSubscriber[] {
  const rank = (member: GroupSubscriber) => [
    member.instanceId === null ? 1 : 0,
    member.instanceId ?? member.memberId,
  ];
  return [...members].sort((a, b) => {
    const [kindA = 0, nameA = ''] = rank(a);
    const [kindB = 0, nameB = ''] = rank(b);
    if (kindA !== kindB) return Number(kindA) - Number(kindB);
    return nameA < nameB ? -1 : nameA > nameB ? 1 : 0;
  });
}

function give(
  assignment: Map<string, TopicPartitions[]>,
  memberId: string,
  topic: string,
  partition: number,
): void {
  const topics = assignment.get(memberId) ?? [];
  assignment.set(memberId, topics);
  const last = topics.find((entry) => entry.topic === topic);
  if (last === undefined) topics.push({ topic, partitions: [partition] });
  else last.partitions.push(partition);
}

/** Per topic, consecutive partitions to consecutive members: co-partitioned topics stay together. */
export const rangeAssignor: Assignor = {
  name: 'range',
  assign(members, partitionCounts) {
    const assignment = new Map<string, TopicPartitions[]>();
    for (const [topic, partitionCount] of partitionCounts) {
      const interested = inOrder(members).filter((member) => member.topics.includes(topic));
      if (interested.length === 0) continue;
      const each = Math.floor(partitionCount / interested.length);
      const extra = partitionCount % interested.length;
      let next = 0;
      interested.forEach((member, index) => {
        const count = each + (index < extra ? 1 : 0);
        for (let i = 0; i < count; i++) give(assignment, member.memberId, topic, next++);
      });
    }
    return assignment;
  },
};

/** All partitions of all topics dealt out one by one. */
export const roundRobinAssignor: Assignor = {
  name: 'roundrobin',
  assign(members, partitionCounts) {
    const assignment = new Map<string, TopicPartitions[]>();
    const ordered = inOrder(members);
    let turn = 0;
    for (const topic of [...partitionCounts.keys()].sort()) {
      if (!ordered.some((member) => member.topics.includes(topic))) continue;
      for (let partition = 0; partition < (partitionCounts.get(topic) ?? 0); partition++) {
        while (!ordered[turn % ordered.length]?.topics.includes(topic)) turn++;
        const member = ordered[turn % ordered.length] as GroupSubscriber;
        give(assignment, member.memberId, topic, partition);
        turn++;
      }
    }
    return assignment;
  },
};
