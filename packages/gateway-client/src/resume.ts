import { encodeResumeToken, fromBase64Url, toBase64Url } from '@millrace/gateway-protocol';
import type { Position } from './options.ts';
import type { Place } from './partition-state.ts';
import type { SubscribeFields } from './subscribe-frame.ts';

/** What places of a subscription mean anything in. */
export interface ResumeContext {
  /** The newest topic of that name. */
  readonly topicId: string;
  readonly clusterTag: number;
  readonly filterTag: number;
  readonly isUncommitted: boolean;
  readonly nowMs: number;
}

/**
 * A token of all places in the newest topic: a partition that still stands in an older one of that
 * name is left out, and so begins at the start of its new log. null while no place is known.
 */
export function placesToken(places: readonly Place[], context: ResumeContext): Uint8Array | null {
  const newest = places.find(({ topicId }) => topicId === context.topicId) ?? places[0];
  if (newest === undefined) return null;
  return encodeResumeToken({
    isUncommitted: context.isUncommitted,
    clusterTag: context.clusterTag,
    topicId: fromBase64Url(newest.topicId) as Uint8Array,
    filterTag: context.filterTag,
    issuedAt: Math.floor(context.nowMs / 1000),
    positions: places
      .filter(({ topicId }) => topicId === newest.topicId)
      .map(({ partition, offset, epoch }) => ({ partition, offset: BigInt(offset), epoch })),
  });
}

export function positionsOf(places: readonly Place[]): Position[] {
  return places.map(({ partition, offset, epoch }) =>
    epoch < 0 ? { partition, offset } : { partition, offset, leaderEpoch: epoch },
  );
}

/** The topic that a subscription was about before, so that one made anew under its name is noticed. */
export function topicIdField(topicId: string): SubscribeFields {
  return topicId === '' ? {} : { topicId: fromBase64Url(topicId) };
}

/** null: a cluster without topic ids. */
export function topicIdText(topicId: Uint8Array | null): string {
  return toBase64Url(topicId ?? new Uint8Array(16));
}
