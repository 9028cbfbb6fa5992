import type { FrameOf } from '@millrace/gateway-protocol';

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

/** Results of one producer session: number → offset. */
export interface ProducerSession {
  last: number;
  readonly results: Map<number, { partition: number; offset: number }>;
}
