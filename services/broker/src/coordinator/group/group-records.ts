import { DecodeError, Reader, Writer } from '@millrace/bytes';
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

/** A key of the log. `null` from `decodeKey` = a kind that is not ours. */
export type GroupKey =
  | {
      readonly type: 'offset';
      readonly group: string;
      readonly topic: string;
      readonly partition: number;
    }
  | { readonly type: 'group'; readonly group: string };

/** A classic group as the log holds it. */
export interface GroupValue {
  readonly protocolType: string;
  readonly generation: number;
  readonly protocolName: string | null;
  readonly leaderId: string | null;
  /** Wall-clock ms of the last change of state; -1 in old versions. */
  readonly stateChangedAtMs: number;
  readonly members: readonly MemberValue[];
}

export interface MemberValue {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly rebalanceTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly subscription: Uint8Array;
  readonly assignment: Uint8Array;
}

/** One writer for all records: what it gives is copied out at once. */
const writer = new Writer(512);

function take(): Uint8Array {
  return writer.finishBytes().slice();
}

export function encodeOffsetKey(group: string, topic: string, partition: number): Uint8Array {
  writer.reset();
  writer.int16(KeyType.offset);
  writer.string(group);
  writer.string(topic);
  writer.int32(partition);
  return take();
}

/** Version 3, or 1 with an explicit expiry, which version 3 has no place for. */
export function encodeOffsetValue(committed: CommittedOffset): Uint8Array {
  const expires = committed.expiresAtMs >= 0;
  writer.reset();
  writer.int16(expires ? 1 : 3);
  writer.int64(committed.offset);
  if (!expires) writer.int32(committed.leaderEpoch);
  writer.string(committed.metadata);
  writer.int64(committed.committedAtMs);
  if (expires) writer.int64(committed.expiresAtMs);
  return take();
}

/** The record of a commit. */
export function offsetRecord(
  group: string,
  topic: string,
  partition: number,
  committed: CommittedOffset,
): CoordinatorRecord {
  return {
    key: encodeOffsetKey(group, topic, partition),
    value: encodeOffsetValue(committed),
  };
}

/** The record that removes an offset. */
export function offsetTombstone(
  group: string,
  topic: string,
  partition: number,
): CoordinatorRecord {
  return { key: encodeOffsetKey(group, topic, partition), value: null };
}

export function encodeGroupKey(group: string): Uint8Array {
  writer.reset();
  writer.int16(KeyType.group);
  writer.string(group);
  return take();
}

export function encodeGroupValue(value: GroupValue): Uint8Array {
  writer.reset();
  writer.int16(3);
  writer.string(value.protocolType);
  writer.int32(value.generation);
  writer.nullableString(value.protocolName);
  writer.nullableString(value.leaderId);
  writer.int64(value.stateChangedAtMs);
  writer.arrayLength(value.members.length);
  for (const member of value.members) {
    writer.string(member.memberId);
    writer.nullableString(member.instanceId);
    writer.string(member.clientId);
    writer.string(member.clientHost);
    writer.int32(member.rebalanceTimeoutMs);
    writer.int32(member.sessionTimeoutMs);
    writer.byteArray(member.subscription);
    writer.byteArray(member.assignment);
  }
  return take();
}

/** The record that removes a group. */
export function groupTombstone(group: string): CoordinatorRecord {
  return { key: encodeGroupKey(group), value: null };
}

/** @throws DecodeError on a key of a known type that is cut short. */
export function decodeKey(key: Uint8Array): GroupKey | null {
  const reader = new Reader(key);
  switch (reader.int16()) {
    case KeyType.offsetOld:
    case KeyType.offset:
      return {
        type: 'offset',
        group: reader.string('group'),
        topic: reader.string('topic'),
        partition: reader.int32(),
      };
    case KeyType.group:
      return { type: 'group', group: reader.string('group') };
    default:
      return null;
  }
}

/** Versions 0 to 4. @throws DecodeError also on versions above. */
export function decodeOffsetValue(value: Uint8Array): CommittedOffset {
  const reader = new Reader(value);
  const version = readVersion(reader, 'offset value', 4);
  const offset = reader.int64();
  const leaderEpoch = version >= 3 ? reader.int32() : -1;
  const metadata = version >= 4 ? reader.compactString('metadata') : reader.string('metadata');
  const committedAtMs = reader.int64();
  const expiresAtMs = version === 1 ? reader.int64() : -1;
  return { offset, leaderEpoch, metadata, committedAtMs, expiresAtMs };
}

/** Versions 0 to 4. @throws DecodeError also on versions above. Byte fields are copies. */
export function decodeGroupValue(value: Uint8Array): GroupValue {
  const reader = new Reader(value);
  const version = readVersion(reader, 'group value', 4);
  const flexible = version >= 4;
  const protocolType = flexible ? reader.compactString() : reader.string();
  const generation = reader.int32();
  const protocolName = flexible ? reader.compactNullableString() : reader.nullableString();
  const leaderId = flexible ? reader.compactNullableString() : reader.nullableString();
  const stateChangedAtMs = version >= 2 ? reader.int64() : -1;
  const count = flexible ? reader.compactArrayLength(8) : reader.arrayLength(16);
  const members: MemberValue[] = [];
  for (let left = count; left > 0; left--) members.push(readMember(reader, version));
  return { protocolType, generation, protocolName, leaderId, stateChangedAtMs, members };
}

function readMember(reader: Reader, version: number): MemberValue {
  const flexible = version >= 4;
  const memberId = flexible ? reader.compactString() : reader.string();
  let instanceId: string | null = null;
  if (version >= 3) {
    instanceId = flexible ? reader.compactNullableString() : reader.nullableString();
  }
  const clientId = flexible ? reader.compactString() : reader.string();
  const clientHost = flexible ? reader.compactString() : reader.string();
  const ownRebalanceTimeoutMs = version >= 1 ? reader.int32() : -1;
  const sessionTimeoutMs = reader.int32();
  const subscription = flexible ? reader.compactByteArray() : reader.byteArray();
  const assignment = flexible ? reader.compactByteArray() : reader.byteArray();
  if (flexible) reader.skipTaggedFields();
  return {
    memberId,
    instanceId,
    clientId,
    clientHost,
    rebalanceTimeoutMs: ownRebalanceTimeoutMs >= 0 ? ownRebalanceTimeoutMs : sessionTimeoutMs,
    sessionTimeoutMs,
    subscription: subscription.slice(),
    assignment: assignment.slice(),
  };
}

function readVersion(reader: Reader, what: string, highest: number): number {
  const version = reader.int16();
  if (version < 0 || version > highest) {
    throw new DecodeError(what, 0, `version ${version} is not known`);
  }
  return version;
}
