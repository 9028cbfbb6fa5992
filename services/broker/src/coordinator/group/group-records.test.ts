import { DecodeError, Writer } from '@millrace/bytes';
import { describe, expect, it } from 'vitest';
import {
  decodeGroupValue,
  decodeKey,
  decodeOffsetValue,
  groupRecord,
  groupTombstone,
  offsetRecord,
  offsetTombstone,
} from './group-records.ts';

function bytes(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return writer.finishBytes().slice();
}

describe('keys of __consumer_offsets', () => {
  it('reads 0, 1 and 2 and passes over the rest (C.4)', () => {
    const old = offsetTombstone('g', 't', 3).key;
    old[1] = 0;
    const key = { type: 'offset', group: 'g', topic: 't', partition: 3 };
    expect(decodeKey(old)).toEqual(key);
    expect(decodeKey(offsetTombstone('g', 't', 3).key)).toEqual(key);
    expect(decodeKey(groupTombstone('grüppe').key)).toEqual({ type: 'group', group: 'grüppe' });
    for (const type of [3, 5, 16, 23, 99, -1]) {
      expect(decodeKey(bytes((writer) => writer.int16(type)))).toBeNull();
    }
    expect(() => decodeKey(old.subarray(0, 6))).toThrow(DecodeError);
  });
});

describe('offset values', () => {
  const full = {
    offset: 2 ** 40,
    leaderEpoch: 7,
    metadata: 'm',
    committedAtMs: 1_700_000_000_000,
    expiresAtMs: -1,
  };

  it('versions 0 to 4 read', () => {
    const value = (version: number) =>
      bytes((writer) => {
        writer.int16(version);
        writer.int64(full.offset);
        if (version >= 3) writer.int32(7);
        if (version === 4) writer.compactString('m');
        else writer.string('m');
        writer.int64(full.committedAtMs);
        if (version === 1) writer.int64(99);
        if (version === 4) {
          writer.unsignedVarint(1);
          writer.unsignedVarint(0);
          writer.unsignedVarint(16);
          writer.bytes(new Uint8Array(16));
        }
      });
    const without = { ...full, leaderEpoch: -1 };
    expect(decodeOffsetValue(value(0))).toEqual(without);
    expect(decodeOffsetValue(value(1))).toEqual({ ...without, expiresAtMs: 99 });
    expect(decodeOffsetValue(value(2))).toEqual(without);
    expect(decodeOffsetValue(value(3))).toEqual(full);
    expect(decodeOffsetValue(value(4))).toEqual(full);
    expect(() => decodeOffsetValue(value(5))).toThrow(DecodeError);
  });

  it('what is written reads back', () => {
    const expiring = { ...full, leaderEpoch: -1, expiresAtMs: 5 };
    for (const committed of [full, expiring]) {
      const { value } = offsetRecord('g', 't', 0, committed);
      expect(decodeOffsetValue(value ?? new Uint8Array(0))).toEqual(committed);
    }
  });
});

describe('group values', () => {
  it('are written in version 3 and read back; versions above 4 are refused', () => {
    const group = {
      protocolType: 'consumer',
      generation: 4,
      protocol: 'range',
      leader: 'c-1',
      currentStateTimestamp: 1_700_000_000_000,
      members: [
        {
          memberId: 'c-1',
          groupInstanceId: 'i',
          clientId: 'c',
          clientHost: '/127.0.0.1',
          rebalanceTimeout: 60_000,
          sessionTimeout: 10_000,
          subscription: Uint8Array.of(1, 2),
          assignment: Uint8Array.of(3),
        },
      ],
    };
    const { value } = groupRecord('g', group);
    expect(value?.[1]).toBe(3);
    expect(decodeGroupValue(value as Uint8Array)).toEqual(group);
    expect(() => decodeGroupValue(Uint8Array.of(0, 5))).toThrow(DecodeError);
  });
});
