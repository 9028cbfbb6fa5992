const MURMUR2_SEED = 0x9747b28c | 0;
const MURMUR2_MULTIPLIER = 0x5bd1e995;

/**
 * The 32-bit murmur2 hash that Kafka's default partitioner uses, as a signed integer. The partition
 * of a key is `(murmur2(key) & 0x7fffffff) % partitionCount`.
 */
export function murmur2(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const length = end - start;
  let hash = MURMUR2_SEED ^ length;
  let at = start;
  for (const stop = start + (length & ~3); at < stop; at += 4) {
    let word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    word = Math.imul(word, MURMUR2_MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MURMUR2_MULTIPLIER) ^ Math.imul(word, MURMUR2_MULTIPLIER);
  }
  const rest = end - at;
  if (rest >= 3) hash ^= (bytes[at + 2] as number) << 16;
  if (rest >= 2) hash ^= (bytes[at + 1] as number) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[at] as number), MURMUR2_MULTIPLIER);
  hash = Math.imul(hash ^ (hash >>> 13), MURMUR2_MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/**
 * Java's `String.hashCode`, as a signed integer. Kafka places groups with it: the partition of
 * `__consumer_offsets` is the absolute value modulo the partition count, with -2^31 counted as 0.
 */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}
