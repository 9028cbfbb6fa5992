import { uuidToBytes } from '@millrace/bytes';
import {
  clusterTag,
  encodeResumeToken,
  Isolation,
  SENT_TOKEN_BYTES_MAX,
} from '@millrace/gateway-protocol';
import type { Cursor } from '../fan-out/contract.ts';
import type { SubscriptionPlan } from './subscription-plan.ts';

/** The 16 bytes of a topic id. */
export function topicIdBytes(topicId: string): Uint8Array {
  const bytes = new Uint8Array(16);
  uuidToBytes(topicId, bytes, 0);
  return bytes;
}

/** In JSON a token is a third longer. */
const TEXT_TOKEN_BYTES_MAX = 2_900;

/** The resume token of these cursors; null when it would not fit a control frame. */
export function finalToken(
  plan: SubscriptionPlan,
  cursors: readonly Cursor[],
  clusterId: string,
  nowMs: number,
): Uint8Array | null {
  const isText = plan.streamClass.encoding === 'json';
  const bytesMax = isText ? TEXT_TOKEN_BYTES_MAX : SENT_TOKEN_BYTES_MAX;
  if (cursors.length === 0 || cursors.length * 16 > bytesMax) return null;
  const token = encodeResumeToken({
    isUncommitted: plan.streamClass.isolation === Isolation.UNCOMMITTED,
    clusterTag: clusterTag(clusterId),
    topicId: topicIdBytes(plan.streamClass.topicId),
    filterTag: plan.filterTag,
    issuedAt: Math.floor(nowMs / 1000),
    positions: cursors.map(({ partition, nextOffset, leaderEpoch }) => ({
      partition,
      offset: BigInt(nextOffset),
      epoch: leaderEpoch,
    })),
  });
  return token.length > bytesMax ? null : token;
}
