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
