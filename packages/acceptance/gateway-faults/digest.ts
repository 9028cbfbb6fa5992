// What is remembered of a record: one number.

interface HeaderLike {
  readonly name: string;
  readonly value: Uint8Array | null;
}

/** A record as the gateway's client and the Kafka client both give it. */
export interface RecordLike {
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly HeaderLike[];
}

/** Records are sorted into this many classes, by the first character of their keys: filters choose among them. */
export const CLASSES = 8;

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const NULL_MARK = 0x1ff;
const DIGEST_SHIFT = 5;

const mix = (hash: number, word: number): number => Math.imul(hash ^ word, FNV_PRIME);

function mixBytes(hash: number, bytes: Uint8Array | null): number {
  if (bytes === null) return mix(hash, NULL_MARK);
  let mixed = mix(hash, bytes.length);
  for (let i = 0; i < bytes.length; i++) mixed = mix(mixed, bytes[i] as number);
  return mixed;
}

/** FNV-1a over timestamp, key, value and headers, as 27 bits. */
export function digestOf(record: RecordLike): number {
  let hash = mix(FNV_BASIS, (record.timestamp % 2 ** 32) | 0);
  hash = mixBytes(mixBytes(hash, record.key), record.value);
  for (const { name, value } of record.headers) {
    for (let i = 0; i < name.length; i++) hash = mix(hash, name.charCodeAt(i));
    hash = mixBytes(hash, value);
  }
  return hash >>> DIGEST_SHIFT;
}

/** Class of a key `<digit>…`; records without key are in class 0. */
export function classOf(key: Uint8Array | null): number {
  const digit = (key?.[0] ?? 0x30) - 0x30;
  return digit >= 0 && digit < CLASSES ? digit : 0;
}
