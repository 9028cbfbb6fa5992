import { decompress } from '@millrace/compression';
import { BatchView, type Codec, RecordCursor } from '@millrace/records';
import type { LegacyMessage } from './legacy-message.ts';

/** Inflates batch bodies within a limit. */
export class Inflater {
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** @throws CompressionError */
  body(view: BatchView): Uint8Array {
    return decompress(view.codec as Codec, view.body, Math.max(this.#bytesMax, view.lengthBytes));
  }
}

/** Largest timestamp of the records themselves; that of the header when they cannot be read. */
export function maxTimestampOf(batch: BatchView | LegacyMessage, inflater: Inflater): number {
  if (!(batch instanceof BatchView)) return batch.timestampMs;
  let largest = -1;
  try {
    const cursor = new RecordCursor().reset(batch, inflater.body(batch));
    while (cursor.next()) largest = Math.max(largest, cursor.timestampMs);
  } catch {
    return batch.maxTimestamp;
  }
  return largest;
}
