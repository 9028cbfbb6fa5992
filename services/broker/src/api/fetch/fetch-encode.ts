import type { Writer } from '@millrace/bytes';
import { API_KEYS, errorForVersion } from '@millrace/protocol';
import type { FetchResult } from './fetch-read.ts';

/**
 * Writes a Fetch response, versions 4 to 18, straight from the results: the records are file slices. The
 * layout is that of the schema table in `@millrace/protocol`; the tests compare the two.
 */
export function encodeFetchResponse(
  writer: Writer,
  version: number,
  errorCode: number,
  sessionId: number,
  results: readonly FetchResult[],
): void {
  const isFlexible = version >= 12;
  writer.int32(0);
  if (version >= 7) {
    writer.int16(errorCode);
    writer.int32(sessionId);
  }
  writeLength(writer, isFlexible, countTopics(results, version));
  for (let at = 0; at < results.length; ) {
    const count = countOfTopic(results, at, version);
    encodeTopic(writer, version, results, at, count);
    at += count;
  }
  if (isFlexible) writer.int8(0);
}

function encodeTopic(
  writer: Writer,
  version: number,
  results: readonly FetchResult[],
  at: number,
  count: number,
): void {
  const isFlexible = version >= 12;
  const target = (results[at] as FetchResult).target;
  if (version >= 13) writer.uuid(target.topicId);
  else if (isFlexible) writer.compactString(target.topic);
  else writer.string(target.topic);
  writeLength(writer, isFlexible, count);
  for (let i = at; i < at + count; i++) {
    encodePartition(writer, version, results[i] as FetchResult);
  }
  if (isFlexible) writer.int8(0);
}

function encodePartition(writer: Writer, version: number, result: FetchResult): void {
  const isFlexible = version >= 12;
  writer.int32(result.target.index);
  const { errorCode } = result;
  writer.int16(errorCode === 0 ? 0 : errorForVersion(API_KEYS.Fetch, version, errorCode));
  writer.int64(result.highWatermark);
  writer.int64(result.lastStableOffset);
  if (version >= 5) writer.int64(result.logStartOffset);
  encodeAborted(writer, isFlexible, result);
  if (version >= 11) writer.int32(-1);
  const length = result.lengthBytes;
  if (isFlexible) writer.unsignedVarint(length + 1);
  else writer.int32(length);
  if (length > 0) {
    writer.fileSlice({
      logId: result.logId,
      segmentBaseOffset: result.segmentBaseOffset,
      position: result.position,
      lengthBytes: length,
    });
  }
  if (!isFlexible) return;
  if (!result.isDiverging) {
    writer.int8(0);
    return;
  }
  writer.unsignedVarint(1);
  const mark = writer.beginTaggedField(0);
  writer.int32(result.divergingEpoch);
  writer.int64(result.divergingEndOffset);
  writer.int8(0);
  writer.endTaggedField(mark);
}

function encodeAborted(writer: Writer, isFlexible: boolean, result: FetchResult): void {
  const aborted = result.aborted;
  writeLength(writer, isFlexible, aborted === null ? -1 : aborted.length);
  if (aborted === null) return;
  for (const range of aborted) {
    writer.int64(range.producerId);
    writer.int64(range.firstOffset);
    if (isFlexible) writer.int8(0);
  }
}

function writeLength(writer: Writer, isFlexible: boolean, count: number): void {
  if (isFlexible) writer.compactArrayLength(count);
  else writer.arrayLength(count);
}

function isSameTopic(a: FetchResult, b: FetchResult, version: number): boolean {
  return version >= 13 ? a.target.topicId === b.target.topicId : a.target.topic === b.target.topic;
}

function countTopics(results: readonly FetchResult[], version: number): number {
  let count = 0;
  for (let at = 0; at < results.length; at += countOfTopic(results, at, version)) count++;
  return count;
}

/** Results from `at` on that stand under one topic. */
function countOfTopic(results: readonly FetchResult[], at: number, version: number): number {
  const first = results[at] as FetchResult;
  let end = at + 1;
  while (end < results.length && isSameTopic(first, results[end] as FetchResult, version)) end++;
  return end - at;
}
