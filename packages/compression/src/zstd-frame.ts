import { CompressionError, corrupt } from './compression-error.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
/** Bytes of the content size field by its two flag bits; one more case: 1 byte when single segment. */
const CONTENT_SIZE_BYTES: readonly number[] = [0, 2, 4, 8];

/** Extent of one frame. */
export interface ZstdFrame {
  /** Where the next frame starts. */
  readonly end: number;
  /** A skippable frame holds no content. */
  readonly isSkippable: boolean;
}

/**
 * Finds where the frame at `start` ends (RFC 8878, 3.1), without inflating it. node:zlib cannot be asked:
 * it takes a frame that was cut for a whole one, and leaves what follows the first frame unread.
 *
 *     magic 4 · descriptor 1 · [window 1] · [dictionary id] · [content size] · blocks … · [checksum 4]
 *     block: 3 bytes little-endian = last 1 bit, type 2 bits, size 21 bits; an RLE block holds one byte
 *
 * @throws CompressionError `corrupt` when the frame is not whole, `unsupported` when it wants a dictionary.
 */
export function zstdFrameAt(bytes: Uint8Array, start: number): ZstdFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const need = (at: number, count: number) => {
    if (at + count > bytes.length) throw corrupt('zstd: the frame is cut short');
  };
  need(start, 5);
  const magic = view.getUint32(start, true);
  if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC) {
    need(start, 8);
    const end = start + 8 + view.getUint32(start + 4, true);
    need(end, 0);
    return { end, isSkippable: true };
  }
  if (magic !== MAGIC) throw corrupt('zstd: no frame magic');
  const descriptor = view.getUint8(start + 4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  if ((descriptor & 0x03) !== 0) {
    throw new CompressionError('unsupported', 'zstd: the frame wants a dictionary');
  }
  const sizeFlag = descriptor >>> 6;
  const sizeBytes =
    sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] as number);
  let at = start + 5 + (isSingleSegment ? 0 : 1) + sizeBytes;
  for (let isLast = false; !isLast; ) {
    need(at, BLOCK_HEADER_BYTES);
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    isLast = (header & 1) === 1;
    const type = (header >>> 1) & 3;
    if (type === BLOCK_RESERVED) throw corrupt('zstd: reserved block type');
    at += BLOCK_HEADER_BYTES + (type === BLOCK_RLE ? 1 : header >>> 3);
    need(at, 0);
  }
  if (hasChecksum) at += CHECKSUM_BYTES;
  need(at, 0);
  return { end: at, isSkippable: false };
}
