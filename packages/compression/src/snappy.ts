import { createRequire } from 'node:module';
import type Snappy from 'snappy';
import { beyondLimit, corrupt } from './compression-error.ts';
import { concat } from './concat.ts';

/** Loaded on first use: a native library costs start-up time that most processes never need. */
let library: typeof Snappy | undefined;
function snappy(): typeof Snappy {
  library ??= createRequire(import.meta.url)('snappy') as typeof Snappy;
  return library;
}

/*
 * The framing of Java's snappy-java ("xerial"), which Kafka's Java clients write:
 *
 *     82 S N A P P Y 00 · int32 version 1 · int32 compatible with 1 · { int32 length · raw snappy block } …
 */
const XERIAL_MAGIC = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0);
const XERIAL_HEADER_BYTES = 16;
const XERIAL_VERSION = 1;
/** What snappy-java puts into one block. */
const XERIAL_BLOCK_BYTES = 32 * 1024;
/** A copy element of 3 bytes yields at most 64: no honest length field claims more per input byte. */
const EXPANSION_MAX = 22;
/** The length in front of a raw block is an unsigned varint of 32 bits. */
const LENGTH_BYTES_MAX = 5;

/** Compresses in xerial framing, which every Kafka client reads. */
export function snappyCompress(bytes: Uint8Array): Uint8Array {
  const header = new Uint8Array(XERIAL_HEADER_BYTES);
  header.set(XERIAL_MAGIC);
  const versions = new DataView(header.buffer);
  versions.setInt32(8, XERIAL_VERSION);
  versions.setInt32(12, XERIAL_VERSION);
  const parts: Uint8Array[] = [header];
  let total = XERIAL_HEADER_BYTES;
  for (let at = 0; at < bytes.length; at += XERIAL_BLOCK_BYTES) {
    const block = snappy().compressSync(bytes.subarray(at, at + XERIAL_BLOCK_BYTES));
    const length = new Uint8Array(4);
    new DataView(length.buffer).setInt32(0, block.length);
    parts.push(length, block);
    total += 4 + block.length;
  }
  return concat(parts, total);
}

/** Inflates xerial framing or one raw block (librdkafka writes that), told apart by the magic. */
export function snappyDecompress(bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
  if (!startsXerial(bytes, 0)) return rawBlock(bytes, maxOutputBytes, maxOutputBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let total = 0;
  let at = 0;
  while (at < bytes.length) {
    if (startsXerial(bytes, at)) {
      // snappy-java reads streams put one behind the other, each with its header.
      at += XERIAL_HEADER_BYTES;
      if (at > bytes.length) throw corrupt('snappy: the xerial header is cut short');
      continue;
    }
    if (at + 4 > bytes.length) throw corrupt('snappy: a block length is cut short');
    const length = view.getInt32(at);
    at += 4;
    if (length < 0 || length > bytes.length - at) {
      throw corrupt(`snappy: a block of ${length} bytes, ${bytes.length - at} left`);
    }
    const block = rawBlock(bytes.subarray(at, at + length), maxOutputBytes - total, maxOutputBytes);
    parts.push(block);
    total += block.length;
    at += length;
  }
  return concat(parts, total);
}

function startsXerial(bytes: Uint8Array, at: number): boolean {
  return XERIAL_MAGIC.every((byte, i) => bytes[at + i] === byte);
}

/** The library allocates what the block claims, so the claim is checked first. */
function rawBlock(block: Uint8Array, outputBytesLeft: number, maxOutputBytes: number): Uint8Array {
  const claimed = claimedLength(block);
  if (claimed > block.length * EXPANSION_MAX) {
    throw corrupt(`snappy: ${block.length} bytes cannot hold ${claimed}`);
  }
  if (claimed > outputBytesLeft) throw beyondLimit('snappy', maxOutputBytes);
  try {
    return snappy().uncompressSync(block, { asBuffer: true }) as Buffer;
  } catch (error) {
    throw corrupt((error as Error).message, error);
  }
}

function claimedLength(block: Uint8Array): number {
  let length = 0;
  for (let i = 0; i < LENGTH_BYTES_MAX; i++) {
    const byte = block[i];
    if (byte === undefined) break;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return length;
  }
  throw corrupt('snappy: no length in front of the block');
}
