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
