export { BatchBuilder, type BatchOptions, type Deflate } from './batch-builder.ts';
export {
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  Codec,
  type CodecName,
  codecName,
  MAGIC_V2,
  RECORD_BYTES_MIN,
  SEQUENCE_MASK,
  type TimestampType,
} from './batch-layout.ts';
export { BatchView } from './batch-view.ts';
export {
  BatchProblem,
  batchProblemErrorCode,
  batchProblemText,
  checkBatch,
  checkProducedBatch,
  computeBatchCrc,
  verifyCrc,
} from './check-batch.ts';
export {
  type ControlRecord,
  ControlType,
  controlBatch,
  decodeControlRecord,
  type TransactionMarker,
} from './control-batch.ts';
export { BatchCursor, type Inflate, readRecords } from './read-records.ts';
export type { BatchRecord, NewRecord, RecordHeader } from './record.ts';
export { RecordCursor } from './record-cursor.ts';
export { stampBatch, withBody } from './rewrite-batch.ts';
