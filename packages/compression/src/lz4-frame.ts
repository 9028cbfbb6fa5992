import { createRequire } from 'node:module';
import { xxHash32 } from 'js-xxhash';
import type * as Lz4 from 'lz4-napi';
import { beyondLimit, CompressionError, corrupt } from './compression-error.ts';
import { concat } from './concat.ts';

/** Loaded on first use: a native library costs start-up time that most processes never need. */
let library: typeof Lz4 | undefined;
function lz4(): typeof Lz4 {
  library ??= createRequire(import.meta.url)('lz4-napi') as typeof Lz4;
  return library;
}

/*
 * LZ4 frame format 1.6, little-endian:
 *
 *     magic 4 · FLG 1 · BD 1 · [content size 8] · HC 1 · { size 4 · block · [checksum 4] } … · 0 0 0 0 · [checksum 4]
 *
 * FLG: version 01 in bits 7–6, 5 independent blocks, 4 block checksums, 3 content size, 2 content checksum,
 * 0 dictionary id. BD: largest block in bits 6–4. A size with its top bit set is a block stored as it is.
 */
const MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const STORED_BIT = 0x80000000;
/** 64 KiB, 256 KiB, 1 MiB, 4 MiB. */
const BLOCK_BYTES_MAX: Readonly<Record<number, number>> = {
  4: 1 << 16,
  5: 1 << 18,
  6: 1 << 20,
  7: 1 << 22,
};
/** How far back a block may refer when blocks depend on one another. */
const HISTORY_BYTES = 65_536;
/** No block of the format expands more than this: a match of any length costs a byte for every 255. */
const EXPANSION_MAX = 255;

interface FrameHeader {
  readonly blockBytesMax: number;
  readonly isIndependent: boolean;
  readonly hasBlockChecksums: boolean;
  readonly contentBytes: number | undefined;
  readonly hasContentChecksum: boolean;
}

/** A frame with independent blocks and no checksums, as Kafka's Java client writes it. */
export function lz4Compress(bytes: Uint8Array): Uint8Array {
  return lz4().compressFrameSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** The library writes the length of the content before a block. */
const BLOCK_SIZE_BYTES = 4;

/** One block, without a frame and without its size. */
export function lz4CompressBlock(bytes: Uint8Array): Uint8Array {
  const sized = lz4().compressSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return sized.subarray(BLOCK_SIZE_BYTES);
}

/**
 * Inflates one or more frames block by block, because the library's own frame decoder takes no limit: one
 * block is at most 4 MiB, and the running total is compared with the limit after each.
 */
export function lz4Decompress(bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
  return new FrameWalk(bytes, maxOutputBytes).run();
}

class FrameWalk {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #maxOutputBytes: number;
  readonly #parts: Uint8Array[] = [];
  #total = 0;
  #at = 0;

  constructor(bytes: Uint8Array, maxOutputBytes: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#maxOutputBytes = maxOutputBytes;
  }

  run(): Uint8Array {
    while (this.#at < this.#bytes.length) {
      const magic = this.#uint32();
      if (magic === MAGIC) this.#frame();
      else if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC) this.#take(this.#uint32());
      else throw corrupt('lz4: no frame magic');
    }
    return concat(this.#parts, this.#total);
  }

  #frame(): void {
    const header = this.#header();
    const firstPart = this.#parts.length;
    const totalBefore = this.#total;
    for (let size = this.#uint32(); size !== 0; size = this.#uint32()) {
      this.#block(header, size, firstPart);
    }
    const length = this.#total - totalBefore;
    if (header.contentBytes !== undefined && header.contentBytes !== length) {
      throw corrupt(`lz4: ${length} bytes, the frame says ${header.contentBytes}`);
    }
    if (header.hasContentChecksum) {
      const content = concat(this.#parts.slice(firstPart), length);
      this.#checkSum(content, 'content');
    }
  }

  #header(): FrameHeader {
    const start = this.#at;
    const [flags, descriptor] = this.#take(2) as unknown as readonly [number, number];
    if (flags >>> 6 !== 1) throw corrupt(`lz4: frame version ${flags >>> 6}`);
    if ((flags & 0x01) !== 0) {
      throw new CompressionError('unsupported', 'lz4: the frame wants a dictionary');
    }
    const blockBytesMax = BLOCK_BYTES_MAX[(descriptor >>> 4) & 7];
    if (blockBytesMax === undefined || (descriptor & 0x8f) !== 0 || (flags & 0x02) !== 0) {
      throw corrupt('lz4: reserved bits in the frame header');
    }
    let contentBytes: number | undefined;
    if ((flags & 0x08) !== 0) {
      contentBytes = this.#uint32() + this.#uint32() * 2 ** 32;
      if (contentBytes > this.#maxOutputBytes - this.#total) {
        throw beyondLimit('lz4', this.#maxOutputBytes);
      }
    }
    const expected = (xxHash32(this.#bytes.subarray(start, this.#at)) >>> 8) & 0xff;
    if (this.#take(1)[0] !== expected) throw corrupt('lz4: wrong header checksum');
    return {
      blockBytesMax,
      isIndependent: (flags & 0x20) !== 0,
      hasBlockChecksums: (flags & 0x10) !== 0,
      contentBytes,
      hasContentChecksum: (flags & 0x04) !== 0,
    };
  }

  #block(header: FrameHeader, size: number, firstPart: number): void {
    const isStored = (size & STORED_BIT) !== 0;
    const length = (size & ~STORED_BIT) >>> 0;
    if (length > header.blockBytesMax) {
      throw corrupt(`lz4: a block of ${length} bytes, the frame says ${header.blockBytesMax}`);
    }
    const block = this.#take(length);
    if (header.hasBlockChecksums) this.#checkSum(block, 'block');
    const part = isStored ? block : this.#inflate(header, block, firstPart);
    this.#total += part.length;
    if (this.#total > this.#maxOutputBytes) throw beyondLimit('lz4', this.#maxOutputBytes);
    this.#parts.push(part);
  }

  /** The library wants the most a block may yield in front of it, and allocates that much. */
  #inflate(header: FrameHeader, block: Uint8Array, firstPart: number): Uint8Array {
    const sized = new Uint8Array(4 + block.length);
    const room = Math.min(header.blockBytesMax, block.length * EXPANSION_MAX);
    new DataView(sized.buffer).setUint32(0, room, true);
    sized.set(block, 4);
    const history = header.isIndependent ? undefined : this.#history(firstPart);
    try {
      const part = lz4().uncompressSync(sized, history);
      // A copy lets go of the room that was not used.
      return part.length * 2 < room ? new Uint8Array(part) : part;
    } catch (error) {
      throw corrupt(`lz4: ${(error as Error).message}`, error);
    }
  }

  /** The last 64 KiB of this frame's output, for blocks that refer to those before them. */
  #history(firstPart: number): Buffer {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let i = this.#parts.length - 1; i >= firstPart && length < HISTORY_BYTES; i--) {
      const part = this.#parts[i] as Uint8Array;
      const tail = part.subarray(Math.max(0, part.length - (HISTORY_BYTES - length)));
      parts.unshift(tail);
      length += tail.length;
    }
    return Buffer.concat(parts, length);
  }

  #checkSum(content: Uint8Array, what: string): void {
    if (xxHash32(content) >>> 0 !== this.#uint32()) throw corrupt(`lz4: wrong ${what} checksum`);
  }

  #uint32(): number {
    const at = this.#at;
    this.#take(4);
    return this.#view.getUint32(at, true);
  }

  #take(count: number): Uint8Array {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw corrupt('lz4: the frame is cut short');
    this.#at = at + count;
    return this.#bytes.subarray(at, this.#at);
  }
}
