/**
 * Why a batch was not appended. The numbers are Kafka's error codes of the same meaning, so that the API
 * layer can pass them on; the log itself knows batches, not messages.
 */
export const AppendError = {
  none: 0,
  unknownServerError: -1,
  corruptBatch: 2,
  notLeader: 6,
  timedOut: 7,
  batchTooLarge: 10,
  batchLargerThanSegment: 18,
  invalidTimestamp: 32,
  outOfOrderSequence: 45,
  invalidProducerEpoch: 47,
  storage: 56,
  invalidRecord: 87,
} as const;

export type AppendError = (typeof AppendError)[keyof typeof AppendError];

const TEXTS = new Map<number, string>([
  [AppendError.corruptBatch, "The batch's checksum does not match its records."],
  [AppendError.batchTooLarge, 'The batch is larger than max.message.bytes of the topic.'],
  [AppendError.batchLargerThanSegment, 'The batch is larger than segment.bytes of the topic.'],
  [
    AppendError.invalidTimestamp,
    'A timestamp is outside message.timestamp.before.max.ms and message.timestamp.after.max.ms.',
  ],
  [AppendError.outOfOrderSequence, 'The sequence does not follow the last one of this producer.'],
  [AppendError.invalidProducerEpoch, 'A newer epoch of this producer has written.'],
  [AppendError.storage, 'The disk failed, or has no space left.'],
  [AppendError.invalidRecord, 'A record cannot be kept: a compacted topic needs a key on each.'],
]);

/** One sentence for the error message of an answer; null where the code says it all. */
export function appendErrorText(error: number): string | null {
  return TEXTS.get(error) ?? null;
}
