/**
 * The life of a classic group:
 *
 *     Empty ──join──▶ PreparingRebalance ──all joined──▶ CompletingRebalance ──leader's sync──▶ Stable
 *       ▲                 │        ▲  ▲                          │                                │
 *       └─nobody is left──┘        │  └──────member joins/leaves─┘                                │
 *                                  └──────────────────member joins/leaves─────────────────────────┘
 *
 * Any state may end in Dead (deleted or forgotten). A dead group object never comes back; a later join
 * under the same name makes a new one.
 */
export const GroupState = {
  empty: 'Empty',
  preparingRebalance: 'PreparingRebalance',
  completingRebalance: 'CompletingRebalance',
  stable: 'Stable',
  dead: 'Dead',
} as const;

/** Names are Kafka's own: they travel in DescribeGroups and ListGroups. */
export type GroupStateName = (typeof GroupState)[keyof typeof GroupState];

const allowedTransitions: Readonly<Record<GroupStateName, readonly GroupStateName[]>> = {
  Empty: ['PreparingRebalance', 'Dead'],
  PreparingRebalance: ['CompletingRebalance', 'Empty', 'Dead'],
  CompletingRebalance: ['Stable', 'PreparingRebalance', 'Dead'],
  Stable: ['PreparingRebalance', 'Dead'],
  Dead: [],
};

/** Whether a group may go from one state to the other. */
export function canMove(from: GroupStateName, to: GroupStateName): boolean {
  return allowedTransitions[from].includes(to);
}

/** Every state, for counting. */
export const groupStateNames: readonly GroupStateName[] = Object.values(GroupState);
