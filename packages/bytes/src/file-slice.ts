/**
 * A range of a log segment that stands in a message in place of its bytes, so that the kernel can
 * send it from the page cache. Plain data: whoever holds it keeps the segment from being removed.
 */
export interface FileSlice {
  readonly logId: number;
  /** Names the segment within the log. */
  readonly segmentBaseOffset: number;
  /** First byte, counted from the start of the segment file. */
  readonly position: number;
  readonly lengthBytes: number;
}

/** One part of an encoded message, in order. */
export type Piece = Uint8Array | FileSlice;

/** True for a file slice, false for memory. */
export function isFileSlice(piece: Piece): piece is FileSlice {
  return !(piece instanceof Uint8Array);
}
