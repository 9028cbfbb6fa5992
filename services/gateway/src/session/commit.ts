import { Caps, type Commit, ErrorCode, type PartitionCode } from '@millrace/gateway-protocol';
import { sessionLimits } from '../limits.ts';
import { groupName } from '../subscriptions/group-name.ts';
import type { SubscriptionPlan } from '../subscriptions/subscription-plan.ts';
import type { Position } from '../upstream-contract.ts';
import { UpstreamError } from '../upstream-error.ts';
import type { Connection } from './connection.ts';

/** Writes positions of a subscription under a name; every Commit is answered with Committed (§15.3). */
export async function commit(connection: Connection, frame: Commit): Promise<void> {
  const { req, name, sub } = frame;
  const { committer, metrics } = connection.parts;
  const answer = (code: number, codes: ReadonlyMap<number, number>): void => {
    metrics.commits.with(String(code)).add();
    connection.send({ kind: 'committed', req, code, results: resultsOf(codes, connection.isText) });
  };
  const subscription = connection.subscriptions.get(sub);
  const plan = subscription?.plan;
  const refusal = refusalOf(connection, name, plan);
  if (refusal !== 0 || subscription === undefined || plan === undefined || name === null) {
    answer(refusal, new Map());
    return;
  }
  const codes = new Map<number, number>();
  const offsets = new Map<number, Position>();
  const delivered = subscription.delivered();
  const checks = frame.offsets.map(async ({ partition, offset, epoch }) => {
    const isDelivered = Number(offset) <= (delivered.get(partition) ?? -1);
    const code = await positionCode(connection, plan, partition, Number(offset), isDelivered);
    if (code !== 0) codes.set(partition, code);
    else offsets.set(partition, { offset: Number(offset), leaderEpoch: epoch });
  });
  await inOrder(connection, Promise.all(checks));
  if (offsets.size === 0) {
    answer(0, codes);
    return;
  }
  const group = groupName(connection.principal, name);
  await new Promise<void>((resolve) => {
    const isTaken = committer.commit(group, plan.topic.name, offsets, (written) => {
      for (const [partition, code] of written) codes.set(partition, code);
      const hasMembers = [...written.values()].includes(ErrorCode.GROUP_HAS_MEMBERS);
      answer(hasMembers ? ErrorCode.GROUP_HAS_MEMBERS : 0, codes);
      resolve();
    });
    if (isTaken) return;
    answer(ErrorCode.OVERLOADED, codes);
    resolve();
  });
}

/** Waits for `checked` and for the Commits that came before: an older position must not overtake a newer one. */
async function inOrder(connection: Connection, checked: Promise<unknown>): Promise<void> {
  const turn = Promise.all([connection.commitOrder, checked]);
  connection.commitOrder = turn;
  await turn;
  if (connection.commitOrder === turn) connection.commitOrder = null;
}

function refusalOf(
  { caps, principal }: Connection,
  name: string | null,
  plan: SubscriptionPlan | undefined,
): number {
  if ((caps & Caps.COMMIT) === 0) return ErrorCode.UNSUPPORTED;
  if (plan === undefined || name === null) return ErrorCode.BAD_REQUEST;
  const mayRead = plan.ownGrant !== null || principal.grants.mayRead(plan.topic.name) !== null;
  return mayRead && principal.grants.mayCommit(name) ? 0 : ErrorCode.FORBIDDEN;
}

/**
 * What is wrong with one position: outside the grant, beyond the end. Where delivery has been needs no question; what is
 * beyond costs one, of which a principal has so many a second.
 */
async function positionCode(
  { parts, principalKey }: Connection,
  { topic, grant, streamClass }: SubscriptionPlan,
  partition: number,
  offset: number,
  isDelivered: boolean,
): Promise<number> {
  if (grant.partitions?.has(partition) === false) return ErrorCode.FORBIDDEN;
  if (isDelivered) return 0;
  if (!parts.subscriptions.mayQuery(principalKey)) return ErrorCode.OVERLOADED;
  try {
    const bounds = await parts.queries.bounds(topic.name, partition, streamClass.isolation);
    return offset > bounds.highWatermark ? ErrorCode.BAD_REQUEST : 0;
  } catch (error) {
    return error instanceof UpstreamError ? error.code : ErrorCode.INTERNAL;
  }
}

/** As many as fit a control frame; what failed comes first. */
function resultsOf(codes: ReadonlyMap<number, number>, isText: boolean): PartitionCode[] {
  const max = isText ? sessionLimits.codesPerTextFrame : sessionLimits.codesPerFrame;
  const all = [...codes].map(([partition, code]) => ({ partition, code }));
  const failed = all.filter(({ code }) => code !== 0);
  return all.length <= max ? all : failed.slice(0, max);
}
