/** Where records came from. */
export const DeliveryPath = { hot: 0, cold: 1, conflated: 2 } as const;
export type DeliveryPath = (typeof DeliveryPath)[keyof typeof DeliveryPath];

/** What a packet does to the stream it is for. */
export const PacketKind = {
  /** A frame to send. */
  data: 0,
  /** The cursor moves, and nobody is told. */
  silence: 1,
  /** The client must be told where it stands before the next step: a Progress frame. */
  progress: 2,
  /** `[gapFrom, next)` is not delivered: a Gap frame. */
  gap: 3,
  /** The same, and the stream ends there. */
  failure: 4,
} as const;

/**
 * One step of a stream: a frame that takes it from `from` to `next`, or a step without a frame. Immutable and shared
 * by all cursors of a class that stand at `from`.
 */
export interface Packet {
  readonly kind: (typeof PacketKind)[keyof typeof PacketKind];
  readonly from: number;
  /** Equal to `from` for all parts of a record but the last. */
  readonly next: number;
  /** The frame as it is sent; empty without one. */
  readonly bytes: Uint8Array;
  readonly records: number;
  /** Credit it costs (P4). */
  readonly charge: number;
  /** Epoch of what ends at `next`, -1 unknown. */
  readonly epoch: number;
  readonly gapFrom: number;
  /** A `GapReason`. */
  readonly gapReason: number;
  readonly path: DeliveryPath;
  /** Timestamp of its first record, Unix ms. */
  readonly timestampMs: number;
  /** What follows at once: further parts of a large record, further pieces of a block as text. */
  following: Packet | null;
}
