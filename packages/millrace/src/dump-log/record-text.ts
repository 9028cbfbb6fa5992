import { DecodeError, Reader } from '@millrace/bytes';
import type { ByteFormat, DumpOptions } from './dump-options.ts';
import {
  groupKeyText,
  groupValueText,
  transactionKeyText,
  transactionValueText,
} from './state-records.ts';

/** Key and value of a record as text; undefined is not printed. */
export interface RecordText {
  readonly key: string | undefined;
  readonly payload: string | undefined;
}

const DELETED = '<DELETE>';
const utf8 = new TextDecoder();

/** What is printed of a record's key and value under the decoder asked for. */
export function recordText(
  options: DumpOptions,
  offset: number,
  key: Uint8Array | null,
  value: Uint8Array | null,
): RecordText {
  if (options.decoder === 'plain') {
    return { key: plain(options.keyDecoder, key), payload: plain(options.valueDecoder, value) };
  }
  const [keyText, valueText] =
    options.decoder === 'offsets'
      ? [groupKeyText, groupValueText]
      : [transactionKeyText, transactionValueText];
  if (key === null)
    return { key: `Error at offset ${offset}, the record has no key`, payload: undefined };
  try {
    const type = new Reader(key).int16();
    const text = keyText(key);
    if (text === undefined) {
      return {
        key: `Unknown record type ${type} at offset ${offset}, skipping.`,
        payload: undefined,
      };
    }
    return { key: text, payload: value === null ? DELETED : valueText(type, value) };
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof RangeError)) throw error;
    return {
      key: `Error at offset ${offset}, skipping. ${error.message}`,
      payload: undefined,
    };
  }
}

function plain(format: ByteFormat, bytes: Uint8Array | null): string | undefined {
  if (bytes === null) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (format === 'IntegerDecoder' && bytes.length >= 4) return String(view.getInt32(0));
  if (format === 'LongDecoder' && bytes.length >= 8) return String(view.getBigInt64(0));
  if (format === 'StringDecoder') return utf8.decode(bytes);
  return Buffer.from(bytes).toString('hex');
}
