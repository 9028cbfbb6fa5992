import { compressRaw } from '@millrace/compression';
import { Codec } from '@millrace/gateway-protocol';

/** Codecs of Records frames by their numbers there. */
const NAMES = {
  [Codec.LZ4]: 'lz4',
  [Codec.DEFLATE_RAW]: 'deflate-raw',
  [Codec.ZSTD]: 'zstd',
} as const;
/** A payload that does not shrink below this share goes as it is (§5). */
const WORTH_IT = 0.9;

/** A payload under the class's codec, or as it is where that does not pay. */
export function compressedPayload(
  { codec, compressAtBytes }: { readonly codec: number; readonly compressAtBytes: number },
  payload: Uint8Array,
): { readonly codec: number; readonly payload: Uint8Array } {
  const name = (NAMES as Readonly<Record<number, (typeof NAMES)[1 | 2 | 3]>>)[codec];
  if (name === undefined || payload.length < compressAtBytes) return { codec: Codec.NONE, payload };
  const smaller = compressRaw(name, payload);
  if (smaller.length > WORTH_IT * payload.length) return { codec: Codec.NONE, payload };
  return { codec, payload: smaller };
}
