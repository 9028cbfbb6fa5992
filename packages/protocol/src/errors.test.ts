import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorForVersion } from './error-versions.ts';
import { ErrorCode, errorName, isRetriable, wireError, wireErrors } from './errors.ts';

test('codes, names and retriability are those of the Java client', () => {
  const golden = readFileSync(new URL('../golden/errors-4.4.0.txt', import.meta.url), 'utf8');
  const ours = wireErrors().map(({ code, name, retry }) => `${code} ${name} ${retry}\n`);
  expect(ours.join('')).toBe(golden);
});

test('every sentence is one sentence', () => {
  for (const { name, message } of wireErrors()) expect(message, name).toMatch(/^[A-Za-z].*\.$/);
});

test('a code from the future is an unknown server error, under its number', () => {
  expect(wireError(9999).code).toBe(ErrorCode.UNKNOWN_SERVER_ERROR);
  expect(errorName(9999)).toBe('ERROR_9999');
  expect(isRetriable(9999)).toBe(false);
  expect(errorName(ErrorCode.NOT_LEADER_OR_FOLLOWER)).toBe('NOT_LEADER_OR_FOLLOWER');
  expect(isRetriable(ErrorCode.NOT_LEADER_OR_FOLLOWER)).toBe(true);
});

test('a code that a version does not know is replaced by one that it does', () => {
  const { KAFKA_STORAGE_ERROR, NOT_LEADER_OR_FOLLOWER, OFFSET_NOT_AVAILABLE } = ErrorCode;
  expect(errorForVersion(0, 3, KAFKA_STORAGE_ERROR)).toBe(NOT_LEADER_OR_FOLLOWER);
  expect(errorForVersion(0, 4, KAFKA_STORAGE_ERROR)).toBe(KAFKA_STORAGE_ERROR);
  expect(errorForVersion(2, 4, OFFSET_NOT_AVAILABLE)).toBe(ErrorCode.LEADER_NOT_AVAILABLE);
  expect(errorForVersion(1, 4, OFFSET_NOT_AVAILABLE)).toBe(OFFSET_NOT_AVAILABLE);
  expect(errorForVersion(22, 3, ErrorCode.PRODUCER_FENCED)).toBe(ErrorCode.INVALID_PRODUCER_EPOCH);
});
