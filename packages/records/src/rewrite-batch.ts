import { Writer } from '@millrace/bytes';
import {
  ATTRIBUTES_AT,
  BASE_OFFSET_AT,
  BATCH_HEADER_BYTES,
  BATCH_LENGTH_AT,
  BATCH_PREFIX_BYTES,
  CODEC_MASK,
  type Codec,
  CRC_AT,
  LEADER_EPOCH_AT,
} from './batch-layout.ts';
import type { BatchView } from './batch-view.ts';
import { computeBatchCrc } from './check-batch.ts';

/**
 * The same batch with its records in another codec: header kept, codec bits, length and CRC new. Owned.
 * @param body the records, already deflated with `codec` (or plain for none).
 */
export function withBody(view: BatchView, codec: Codec, body: Uint8Array): Uint8Array {
  const batch = new Uint8Array(BATCH_HEADER_BYTES + body.length);
  batch.set(view.bytes.subarray(view.position, view.position + BATCH_HEADER_BYTES));
  batch.set(body, BATCH_HEADER_BYTES);
  new Writer(0).reset(batch, BATCH_LENGTH_AT).int32(batch.length - BATCH_PREFIX_BYTES);
  new Writer(0).reset(batch, ATTRIBUTES_AT).int16((view.attributes & ~CODEC_MASK) | codec);
  new Writer(0).reset(batch, CRC_AT).int32(computeBatchCrc(batch));
  return batch;
}

/**
 * Writes what the leader decides into a batch where it lies: base offset and leader epoch. Both are outside
 * the CRC, which stays true.
 */
export function stampBatch(
  bytes: Uint8Array,
  offset: number,
  baseOffset: number,
  leaderEpoch: number,
): void {
  new Writer(0).reset(bytes, offset + BASE_OFFSET_AT).int64(baseOffset);
  new Writer(0).reset(bytes, offset + LEADER_EPOCH_AT).int32(leaderEpoch);
}
