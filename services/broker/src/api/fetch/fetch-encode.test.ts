import { isFileSlice, Reader, Writer } from '@millrace/bytes';
import { decodeFetchResponse } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { encodeFetchResponse } from './fetch-encode.ts';
import { FetchResult } from './fetch-read.ts';

const VERSIONS = Array.from({ length: 15 }, (_, i) => i + 4);
const IDS = ['AAECAwQFBgcICQoLDA0ODw', 'BBECAwQFBgcICQoLDA0ODw'];

function result(topic: number, index: number, fill: Partial<FetchResult> = {}) {
  const made = new FetchResult({
    topic: `topic-${topic}`,
    topicId: IDS[topic] ?? '',
    index,
    fetchOffset: 0,
    maxBytes: 0,
    currentLeaderEpoch: -1,
    lastFetchedEpoch: -1,
    sentHighWatermark: -2,
    sentLogStartOffset: -2,
  });
  return Object.assign(made, fill);
}

/** The message with each file slice replaced by that many bytes of 7. */
function flatten(writer: Writer): Uint8Array {
  const flat = Buffer.concat(
    writer
      .finish()
      .map((piece) => (isFileSlice(piece) ? new Uint8Array(piece.lengthBytes).fill(7) : piece)),
  );
  return new Uint8Array(flat);
}

describe('fetch response', () => {
  it.each(VERSIONS)('is read by the generated decoder, version %i', (version) => {
    const writer = new Writer();
    encodeFetchResponse(writer, version, version >= 7 ? 70 : 0, 99, [
      result(0, 1, {
        highWatermark: 50,
        lastStableOffset: 49,
        logStartOffset: 3,
        lengthBytes: 200,
      }),
      result(0, 2, { errorCode: 1 }),
      result(1, 0, {
        highWatermark: 9,
        lastStableOffset: 9,
        logStartOffset: 0,
        aborted: [{ producerId: 5, firstOffset: 6 }],
        ...(version >= 12 && { isDiverging: true, divergingEpoch: 3, divergingEndOffset: 8 }),
      }),
      result(0, 3, { aborted: [] }),
    ]);
    const reader = new Reader(flatten(writer));
    const response = decodeFetchResponse(reader, version);
    reader.finish();
    expect(response.sessionId).toBe(version >= 7 ? 99 : 0);
    expect(response.responses.map((topic) => topic.partitions.length)).toEqual([2, 1, 1]);
    const names = response.responses.map((topic) => (version >= 13 ? topic.topicId : topic.topic));
    const expected = version >= 13 ? [IDS[0], IDS[1], IDS[0]] : ['topic-0', 'topic-1', 'topic-0'];
    expect(names).toEqual(expected);
    const [full, bad] = response.responses[0]?.partitions ?? [];
    expect(full).toMatchObject({ partitionIndex: 1, highWatermark: 50, lastStableOffset: 49 });
    expect(full?.logStartOffset).toBe(version >= 5 ? 3 : -1);
    expect(full?.records).toEqual(new Uint8Array(200).fill(7));
    expect(full?.abortedTransactions).toBeNull();
    expect(bad).toMatchObject({ errorCode: 1, highWatermark: -1, preferredReadReplica: -1 });
    expect(bad?.records?.length).toBe(0);
    const committed = response.responses[1]?.partitions[0];
    expect(committed?.abortedTransactions).toEqual([{ producerId: 5, firstOffset: 6 }]);
    expect(committed?.divergingEpoch).toMatchObject(
      version >= 12 ? { epoch: 3, endOffset: 8 } : { epoch: -1, endOffset: -1 },
    );
    expect(response.responses[2]?.partitions[0]?.abortedTransactions).toEqual([]);
  });
});
