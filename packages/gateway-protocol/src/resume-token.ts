import { crc32c } from '@millrace/bytes';
import { ErrorCode } from './codes.ts';
import type { PartitionOffset } from './frame-parts.ts';
import { RESUME_TOKEN_ENTRIES_MAX } from './limits.ts';
import { utf8 } from './utf8.ts';

/**
 * Where a subscription stands: the next offset to read of each partition, and what these offsets mean
 * anything in. Little-endian:
 *
 *     u8 version = 1 │ u8 flags │ u16 count │ u32 clusterTag │ 16 B topicId │ u32 filterTag │ u32 issuedAt
 *     count × { i64 nextOffset │ u32 partition │ i32 leaderEpoch } │ u32 CRC-32C of all before
 *
 * The checksum finds damage; a token is data, never a right.
 */
export interface ResumeToken {
  /** Read with isolation UNCOMMITTED. */
  readonly isUncommitted: boolean;
  readonly clusterTag: number;
  /** 16 bytes; all zero on a cluster without topic ids. */
  readonly topicId: Uint8Array;
  /** `tag` of the canonical filter; 0 = none. */
  readonly filterTag: number;
  /** Unix seconds. */
  readonly issuedAt: number;
  /** `offset` is the next one to read. */
  readonly positions: readonly PartitionOffset[];
}

/** A token that says nothing. */
export class ResumeTokenError extends Error {
  override readonly name = 'ResumeTokenError';
  readonly code = ErrorCode.BAD_REQUEST;
}

const VERSION = 1;
const UNCOMMITTED = 1;
const HEAD_BYTES = 32;
const ENTRY_BYTES = 16;

/** CRC-32C of the Kafka cluster id, as Welcome and tokens name the cluster. */
export function clusterTag(clusterId: string): number {
  return crc32c(utf8(clusterId));
}

/** @throws ResumeTokenError for more than 1,024 positions. */
export function encodeResumeToken(token: ResumeToken): Uint8Array<ArrayBuffer> {
  const { positions } = token;
  if (positions.length > RESUME_TOKEN_ENTRIES_MAX)
    throw new ResumeTokenError(`${positions.length} positions`);
  const bytes = new Uint8Array(HEAD_BYTES + ENTRY_BYTES * positions.length + 4);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, token.isUncommitted ? UNCOMMITTED : 0);
  view.setUint16(2, positions.length, true);
  view.setUint32(4, token.clusterTag, true);
  bytes.set(token.topicId, 8);
  view.setUint32(24, token.filterTag, true);
  view.setUint32(28, token.issuedAt, true);
  let at = HEAD_BYTES;
  for (const { offset, partition, epoch } of positions) {
    view.setBigInt64(at, offset, true);
    view.setUint32(at + 8, partition, true);
    view.setInt32(at + 12, epoch, true);
    at += ENTRY_BYTES;
  }
  view.setUint32(at, crc32c(bytes, 0, at), true);
  return bytes;
}

/** @throws ResumeTokenError when it is damaged, of another version, or names a partition twice. */
export function decodeResumeToken(bytes: Uint8Array): ResumeToken {
  const end = bytes.length - 4;
  if (end < HEAD_BYTES) throw new ResumeTokenError('the resume token is too short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint16(2, true);
  if (bytes[0] !== VERSION || count > RESUME_TOKEN_ENTRIES_MAX)
    throw new ResumeTokenError('the resume token is of another version or too long');
  if (
    end !== HEAD_BYTES + ENTRY_BYTES * count ||
    view.getUint32(end, true) !== crc32c(bytes, 0, end)
  )
    throw new ResumeTokenError('the resume token is damaged');
  const flags = view.getUint8(1);
  const positions: PartitionOffset[] = [];
  const seen = new Set<number>();
  for (let at = HEAD_BYTES; at < end; at += ENTRY_BYTES) {
    const offset = view.getBigInt64(at, true);
    const partition = view.getInt32(at + 8, true);
    const epoch = view.getInt32(at + 12, true);
    if (offset < 0n || partition < 0 || epoch < -1 || seen.has(partition))
      throw new ResumeTokenError('the resume token has an impossible position');
    seen.add(partition);
    positions.push({ offset, partition, epoch });
  }
  if (flags > UNCOMMITTED) throw new ResumeTokenError('the resume token has unknown flags');
  return {
    isUncommitted: flags === UNCOMMITTED,
    clusterTag: view.getUint32(4, true),
    topicId: bytes.slice(8, 24),
    filterTag: view.getUint32(24, true),
    issuedAt: view.getUint32(28, true),
    positions,
  };
}
