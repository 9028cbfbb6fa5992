import { deliveryLimits } from '../limits.ts';
import type { Bounds } from '../upstream-contract.ts';

/**
 * Where a ring begins: with the first of the streams that begin near the end of the log, and a little before it, since those
 * who were cut off together stand at places that differ a little; at the end of the log when there is none.
 *
 * @param places where streams begin; below zero when nobody knows
 */
export function beginning(places: Iterable<number>, { logStart, end }: Bounds): number {
  const { feedReachBackOffsets, feedMarginOffsets } = deliveryLimits;
  let first = end;
  for (const place of places) {
    const isNear = place >= logStart && end - place <= feedReachBackOffsets;
    if (isNear && place < first) first = place;
  }
  return first === end ? end : Math.max(logStart, first - feedMarginOffsets);
}
