import { DecodeError } from '@millrace/bytes';
import { BatchCursor, verifyCrc } from '@millrace/records';
import type { PartitionRead } from '../upstream.ts';

/** A record batch whose bytes are not those that were appended. */
export interface Damage {
  /** Bytes of the read before it. */
  readonly position: number;
  /** Where what comes after it begins: offset, exclusive end. */
  readonly to: number;
  /** Epoch of the sound batch that begins where it ends, -1 when the read has none. */
  readonly nextEpoch: number;
  /** Epoch that its header names: as doubtful as the rest of it. */
  readonly namedEpoch: number;
  readonly error: DecodeError;
}

const cursor = new BatchCursor();

/**
 * The first batch of a read whose CRC-32C does not match, or null. What such a batch says of its offsets may be wrong
 * too: it ends where the next sound batch of the read begins, else where it says, but within the log.
 */
export function firstDamage({ batches, highWatermark }: PartitionRead): Damage | null {
  cursor.reset(batches);
  while (cursor.next()) {
    const { position } = cursor;
    if (verifyCrc(batches, position)) continue;
    const { baseOffset, lastOffset, leaderEpoch: namedEpoch } = cursor.view;
    let to = Math.min(lastOffset + 1, Math.max(highWatermark, baseOffset + 1));
    let nextEpoch = -1;
    if (cursor.next() && verifyCrc(batches, cursor.position)) {
      to = cursor.view.baseOffset;
      nextEpoch = cursor.view.leaderEpoch;
    }
    const error = new DecodeError('record batch', position, 'The CRC does not match.');
    return { position, to, nextEpoch, namedEpoch, error };
  }
  return null;
}
