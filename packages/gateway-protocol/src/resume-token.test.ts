import { crc32c } from '@millrace/bytes';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromBase64Url, toBase64Url } from './base64.ts';
import {
  clusterTag,
  decodeResumeToken,
  encodeResumeToken,
  type ResumeToken,
  ResumeTokenError,
} from './resume-token.ts';

const golden =
  'AQACAFk4S0cAESIzRFVmd4iZqrvM3e7_AAAAAADxU2VoAAAAAAAAAAAAAAAEAAAAAQAAAAAAIAACAAAA_____0PzYJY';
const token: ResumeToken = {
  isUncommitted: false,
  clusterTag: clusterTag('millrace-test'),
  topicId: new Uint8Array(Buffer.from('00112233445566778899aabbccddeeff', 'hex')),
  filterTag: 0,
  issuedAt: 1700000000,
  positions: [
    { partition: 0, offset: 104n, epoch: 4 },
    { partition: 2, offset: 9007199254740993n, epoch: -1 },
  ],
};

test('C02: the golden vector, both ways', () => {
  expect(toBase64Url(encodeResumeToken(token))).toBe(golden);
  expect(decodeResumeToken(fromBase64Url(golden) as Uint8Array)).toEqual(token);
});

test('every token comes back', () => {
  const anyPosition = fc.record({
    offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    partition: fc.nat(),
    epoch: fc.integer({ min: -1 }),
  });
  const uint32 = fc.integer({ min: 0, max: 0xffffffff });
  const anyToken: fc.Arbitrary<ResumeToken> = fc.record({
    isUncommitted: fc.boolean(),
    clusterTag: uint32,
    topicId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    filterTag: uint32,
    issuedAt: uint32,
    positions: fc.uniqueArray(anyPosition, { selector: ({ partition }) => partition }),
  });
  fc.assert(
    fc.property(anyToken, (any) => {
      expect(decodeResumeToken(encodeResumeToken(any))).toEqual(any);
    }),
  );
});

test('C17: no flipped bit, no cut and no added byte goes unseen', () => {
  const bytes = encodeResumeToken(token);
  const refuses = (damaged: Uint8Array) =>
    expect(() => decodeResumeToken(damaged)).toThrow(ResumeTokenError);
  for (let bit = 0; bit < 8 * bytes.length; bit++)
    refuses(bytes.with(bit >> 3, (bytes[bit >> 3] as number) ^ (1 << (bit & 7))));
  for (let length = 0; length < bytes.length; length++) refuses(bytes.subarray(0, length));
  refuses(new Uint8Array([...bytes, 0]));
});

test('a right checksum does not excuse what is inside', () => {
  const forged = (change: (view: DataView) => void, from: ResumeToken = token) => {
    const bytes = encodeResumeToken(from);
    const view = new DataView(bytes.buffer);
    change(view);
    view.setUint32(bytes.length - 4, crc32c(bytes, 0, bytes.length - 4), true);
    return bytes;
  };
  const refuses = (bytes: Uint8Array) =>
    expect(() => decodeResumeToken(bytes)).toThrow(ResumeTokenError);
  expect(decodeResumeToken(forged(() => {}))).toEqual(token);
  refuses(forged((view) => view.setUint8(0, 2)));
  refuses(forged((view) => view.setUint8(1, 2)));
  refuses(forged((view) => view.setUint16(2, 1, true)));
  refuses(forged((view) => view.setUint16(2, 3, true)));
  refuses(forged((view) => view.setInt32(36, -1, true)));
  refuses(forged((view) => view.setInt32(40, -1, true)));
  refuses(forged((view) => view.setInt32(40, 2, true)));
  refuses(forged((view) => view.setInt32(44, -2, true)));

  const many = (count: number) => ({
    ...token,
    positions: Array.from({ length: count }, (_, partition) => ({
      partition,
      offset: 0n,
      epoch: 0,
    })),
  });
  expect(decodeResumeToken(encodeResumeToken(many(1024))).positions.length).toBe(1024);
  expect(() => encodeResumeToken(many(1025))).toThrow(ResumeTokenError);
  const tooMany = new Uint8Array(36 + 16 * 1025);
  tooMany.set(encodeResumeToken(many(1024)));
  new DataView(tooMany.buffer).setUint16(2, 1025, true);
  for (let i = 0; i <= 1024; i++) new DataView(tooMany.buffer).setUint32(40 + 16 * i, i, true);
  new DataView(tooMany.buffer).setUint32(
    tooMany.length - 4,
    crc32c(tooMany, 0, tooMany.length - 4),
    true,
  );
  refuses(tooMany);
});
