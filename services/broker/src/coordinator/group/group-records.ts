import { DecodeError, Reader, Writer } from '@millrace/bytes';
import {
  decodeGroupMetadataKey,
  decodeGroupMetadataValue,
  decodeOffsetCommitKey,
  decodeOffsetCommitValue,
  encodeGroupMetadataKey,
  encodeGroupMetadataValue,
  encodeOffsetCommitKey,
  encodeOffsetCommitValue,
  type GroupMetadataValue,
} from '@millrace/protocol';
import type { CoordinatorRecord } from '../coordinator-log.ts';
import type { CommittedOffset } from './offset-table.ts';

/**
 * Records of `__consumer_offsets` (kafka-surface C.4). A key is an int16 type and its fields; a value is
 * an int16 version and its fields; a null value is a tombstone.
 *
 *     type 0, 1   group, topic, partition                 → an offset (written: key 1, value 3 or 1)
 *     type 2      group                                   → a classic group (written: value 3)
 *     others      groups of newer kinds                   → skipped
 */
const KeyType = { offsetOld: 0, offset: 1, group: 2 } as const;

const OFFSET_VERSION = 3;
/** Written only with an explicit expiry, which later versions have no place for. */
const OFFSET_VERSION_WITH_EXPIRY = 1;
const GROUP_VERSION = 3;
/** Highest version of either value that can be read. */
const VERSION_MAX = 4;

/** A key of the log. `null` from `decodeKey` = a kind that is not ours. */
export type GroupKey =
  | {
      readonly type: 'offset';
      readonly group: string;
      readonly topic: string;
      readonly partition: number;
    }
  | { readonly type: 'group'; readonly group: string };

/** Scratch memory: what is written in it is copied out at once. */
const writer = new Writer(512);

function written(type: number, write: () => void): Uint8Array {
  writer.reset();
  writer.int16(type);
  write();
  return writer.finishBytes().slice();
}

function offsetKey(group: string, topic: string, partition: number): Uint8Array {
  return written(KeyType.offset, () =>
    encodeOffsetCommitKey(writer, { group, topic, partition }, KeyType.offset),
  );
}

function groupKey(group: string): Uint8Array {
  return written(KeyType.group, () => encodeGroupMetadataKey(writer, { group }, KeyType.group));
}

/** The record of a commit. */
export function offsetRecord(
  group: string,
  topic: string,
  partition: number,
  committed: CommittedOffset,
): CoordinatorRecord {
  const version = committed.expiresAtMs >= 0 ? OFFSET_VERSION_WITH_EXPIRY : OFFSET_VERSION;
  const value = {
    offset: committed.offset,
    leaderEpoch: committed.leaderEpoch,
    metadata: committed.metadata,
    commitTimestamp: committed.committedAtMs,
    expireTimestamp: committed.expiresAtMs,
  };
  return {
    key: offsetKey(group, topic, partition),
    value: written(version, () => encodeOffsetCommitValue(writer, value, version)),
  };
}

/** The record that removes an offset. */
export function offsetTombstone(
  group: string,
  topic: string,
  partition: number,
): CoordinatorRecord {
  return { key: offsetKey(group, topic, partition), value: null };
}

/** The record of a group and its members. */
export function groupRecord(group: string, value: GroupMetadataValue): CoordinatorRecord {
  return {
    key: groupKey(group),
    value: written(GROUP_VERSION, () => encodeGroupMetadataValue(writer, value, GROUP_VERSION)),
  };
}

/** The record that removes a group. */
export function groupTombstone(group: string): CoordinatorRecord {
  return { key: groupKey(group), value: null };
}

/** @throws DecodeError on a key of a known type that is cut short. */
export function decodeKey(key: Uint8Array): GroupKey | null {
  const reader = new Reader(key);
  const type = reader.int16();
  if (type === KeyType.offsetOld || type === KeyType.offset) {
    return { type: 'offset', ...decodeOffsetCommitKey(reader, type) };
  }
  if (type === KeyType.group) return { type: 'group', ...decodeGroupMetadataKey(reader, type) };
  return null;
}

/** Versions 0 to 4. @throws DecodeError also on versions above. */
export function decodeOffsetValue(value: Uint8Array): CommittedOffset {
  const reader = new Reader(value);
  const decoded = decodeOffsetCommitValue(reader, readVersion(reader));
  return {
    offset: decoded.offset,
    leaderEpoch: decoded.leaderEpoch,
    metadata: decoded.metadata,
    committedAtMs: decoded.commitTimestamp,
    expiresAtMs: decoded.expireTimestamp,
  };
}

/** Versions 0 to 4. @throws DecodeError also on versions above. Byte fields are borrowed. */
export function decodeGroupValue(value: Uint8Array): GroupMetadataValue {
  const reader = new Reader(value);
  return decodeGroupMetadataValue(reader, readVersion(reader));
}

function readVersion(reader: Reader): number {
  const version = reader.int16();
  if (version < 0 || version > VERSION_MAX) {
    throw new DecodeError('value', 0, `version ${version} is not known`);
  }
  return version;
}
