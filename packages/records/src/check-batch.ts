import { crc32c } from '@millrace/bytes';
import {
  ATTRIBUTES_AT,
  BATCH_HEADER_BYTES,
  Codec,
  MAGIC_AT,
  MAGIC_V2,
  RECORD_BYTES_MIN,
} from './batch-layout.ts';
import { BatchView } from './batch-view.ts';

/** What is wrong with a batch. The sentence for an error answer is `batchProblemText`. */
export const BatchProblem = {
  none: 0,
  truncated: 1,
  badLength: 2,
  legacyMagic: 3,
  unknownMagic: 4,
  unknownCodec: 5,
  badRecordCount: 6,
  badOffsetDelta: 7,
  unsafeNumber: 8,
  severalBatches: 9,
  controlBatch: 10,
  logAppendTimeFromProducer: 11,
  deleteHorizonFromProducer: 12,
  badSequence: 13,
  noBatch: 14,
} as const;
export type BatchProblem = (typeof BatchProblem)[keyof typeof BatchProblem];

const CORRUPT_MESSAGE = 2;
const INVALID_TIMESTAMP = 32;
const UNSUPPORTED_COMPRESSION_TYPE = 76;
const INVALID_RECORD = 87;

interface ProblemFacts {
  readonly errorCode: number;
  readonly text: string;
}

const FACTS: Readonly<Record<BatchProblem, ProblemFacts>> = {
  [BatchProblem.none]: { errorCode: 0, text: 'The batch is sound.' },
  [BatchProblem.truncated]: {
    errorCode: CORRUPT_MESSAGE,
    text: 'The batch is longer than the bytes that hold it.',
  },
  [BatchProblem.badLength]: {
    errorCode: CORRUPT_MESSAGE,
    text: 'The batch length field is smaller than a batch header.',
  },
  [BatchProblem.legacyMagic]: {
    errorCode: INVALID_RECORD,
    text: 'Message format 0 and 1 are not accepted: only record batches of magic 2.',
  },
  [BatchProblem.unknownMagic]: {
    errorCode: INVALID_RECORD,
    text: 'Unknown magic: only record batches of magic 2 are accepted.',
  },
  [BatchProblem.unknownCodec]: {
    errorCode: UNSUPPORTED_COMPRESSION_TYPE,
    text: 'Unknown compression codec.',
  },
  [BatchProblem.badRecordCount]: {
    errorCode: INVALID_RECORD,
    text: 'The record count does not fit the batch.',
  },
  [BatchProblem.badOffsetDelta]: {
    errorCode: INVALID_RECORD,
    text: 'The last offset delta does not fit the record count.',
  },
  [BatchProblem.unsafeNumber]: {
    errorCode: INVALID_TIMESTAMP,
    text: 'A timestamp or the producer id is outside the range of 53 bits.',
  },
  [BatchProblem.severalBatches]: {
    errorCode: INVALID_RECORD,
    text: 'Exactly one record batch per partition is accepted.',
  },
  [BatchProblem.controlBatch]: {
    errorCode: INVALID_RECORD,
    text: 'Clients cannot write control batches.',
  },
  [BatchProblem.logAppendTimeFromProducer]: {
    errorCode: INVALID_TIMESTAMP,
    text: 'Producers cannot set the timestamp type LogAppendTime.',
  },
  [BatchProblem.deleteHorizonFromProducer]: {
    errorCode: INVALID_RECORD,
    text: 'Producers cannot set a delete horizon.',
  },
  [BatchProblem.badSequence]: {
    errorCode: INVALID_RECORD,
    text: 'A batch with a producer id needs an epoch and a base sequence of 0 or more.',
  },
  [BatchProblem.noBatch]: {
    errorCode: INVALID_RECORD,
    text: 'There is no record batch: exactly one per partition is accepted.',
  },
};

/** Kafka's error code for a refused batch: CORRUPT_MESSAGE, INVALID_RECORD, INVALID_TIMESTAMP … 0 for none. */
export function batchProblemErrorCode(problem: BatchProblem): number {
  return FACTS[problem].errorCode;
}

/** One sentence for the error message of an answer. */
export function batchProblemText(problem: BatchProblem): string {
  return FACTS[problem].text;
}

const view = new BatchView();

/**
 * Whether `bytes[offset, offset + length)` starts with a whole, consistent batch of magic 2: every size
 * checked against the bytes there are (kafka-surface H6), nothing allocated, the CRC not computed.
 * @returns `BatchProblem.none` (0) or what is wrong first.
 */
export function checkBatch(bytes: Uint8Array, offset: number, length: number): BatchProblem {
  if (length <= MAGIC_AT || offset + length > bytes.length) return BatchProblem.truncated;
  view.reset(bytes, offset);
  const magic = view.magic;
  if (magic !== MAGIC_V2) {
    return magic === 0 || magic === 1 ? BatchProblem.legacyMagic : BatchProblem.unknownMagic;
  }
  const lengthBytes = view.lengthBytes;
  if (lengthBytes < BATCH_HEADER_BYTES) return BatchProblem.badLength;
  if (lengthBytes > length) return BatchProblem.truncated;
  const codec = view.codec;
  if (codec > Codec.zstd) return BatchProblem.unknownCodec;
  const count = view.recordCount;
  // What a codec hides is counted when it is inflated: RecordCursor makes the same check there.
  const countMax =
    codec === Codec.none ? (lengthBytes - BATCH_HEADER_BYTES) / RECORD_BYTES_MIN : 0x7fffffff;
  if (count < 0 || count > countMax) return BatchProblem.badRecordCount;
  if (view.lastOffsetDelta < 0 || count > view.lastOffsetDelta + 1) {
    return BatchProblem.badOffsetDelta;
  }
  if (
    !Number.isSafeInteger(view.baseTimestamp) ||
    !Number.isSafeInteger(view.maxTimestamp) ||
    !Number.isSafeInteger(view.producerId)
  ) {
    return BatchProblem.unsafeNumber;
  }
  return BatchProblem.none;
}

/**
 * Whether `bytes[offset, offset + length)` is what a Produce request of version 3 and above may hold for a
 * partition: exactly one batch that passes `checkBatch`, without the marks only a broker sets, its count and
 * last offset delta in step, and sequenced when it has a producer id (kafka-surface T38, T39, T41).
 */
export function checkProducedBatch(
  bytes: Uint8Array,
  offset: number,
  length: number,
): BatchProblem {
  if (length === 0) return BatchProblem.noBatch;
  const problem = checkBatch(bytes, offset, length);
  if (problem !== BatchProblem.none) return problem;
  if (view.lengthBytes !== length) return BatchProblem.severalBatches;
  if (view.recordCount === 0) return BatchProblem.badRecordCount;
  if (view.lastOffsetDelta + 1 !== view.recordCount) return BatchProblem.badOffsetDelta;
  if (view.isControl) return BatchProblem.controlBatch;
  if (view.timestampType === 'LogAppendTime') return BatchProblem.logAppendTimeFromProducer;
  if (view.hasDeleteHorizon) return BatchProblem.deleteHorizonFromProducer;
  if (
    view.producerId >= 0 ? view.producerEpoch < 0 || view.baseSequence < 0 : view.isTransactional
  ) {
    return BatchProblem.badSequence;
  }
  return BatchProblem.none;
}

/** CRC-32C over a whole batch that passed `checkBatch`: from the attributes to its end. */
export function computeBatchCrc(bytes: Uint8Array, offset = 0): number {
  const end = offset + view.reset(bytes, offset).lengthBytes;
  return crc32c(bytes, offset + ATTRIBUTES_AT, end);
}

/** Whether the stored CRC is the right one. In the broker's produce path the native append does this. */
export function verifyCrc(bytes: Uint8Array, offset = 0): boolean {
  const computed = computeBatchCrc(bytes, offset);
  return view.reset(bytes, offset).crc === computed;
}
