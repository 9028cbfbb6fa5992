import {
  type FrameOf,
  GapReason,
  OnLoss,
  Outcome,
  type StreamInfo,
} from '@millrace/gateway-protocol';

/** What the client under test is told in Welcome. */
export const LIMITS = {
  messageBytes: 65_536,
  frames: 64,
  subscriptions: 64,
  streams: 1_024,
  filterNodes: 64,
  filterDepth: 8,
  filterValues: 1_024,
  filterBytes: 16_384,
  recordBytes: 1 << 20,
  publishBytes: 49_152,
};

/** The result of a publish that was appended. */
export function answerOf({
  partition,
  offset,
}: {
  partition: number;
  offset: number;
}): Partial<FrameOf<'pubResult'>> {
  return { partition, baseOffset: BigInt(offset), timestampMs: 1n };
}

/** What the rules of loss jump over when a stream starts; null: nothing. */
export function skipOf(
  { onRecreated }: FrameOf<'subscribe'>,
  { outcome, startOffset, highWatermark, lostFrom, lostTo }: StreamInfo,
): Pick<FrameOf<'gap'>, 'fromOffset' | 'toOffset' | 'reason'> | null {
  if (outcome === Outcome.GAP)
    return { fromOffset: lostFrom, toOffset: lostTo, reason: GapReason.RETENTION };
  if (outcome !== Outcome.RECREATED || onRecreated !== OnLoss.LATEST) return null;
  return { fromOffset: startOffset, toOffset: highWatermark, reason: GapReason.RESET };
}

/** Results of one producer session: number → offset. */
export interface ProducerSession {
  last: number;
  readonly results: Map<number, { partition: number; offset: number }>;
}
