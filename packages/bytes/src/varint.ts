/** Longest unsigned varint, in bytes. */
export const VARINT_BYTES_MAX = 5;
/** Longest varlong, in bytes. */
export const VARLONG_BYTES_MAX = 10;

/** Encoded size of an unsigned 32-bit value. */
export function unsignedVarintSize(value: number): number {
  const bits = 32 - Math.clz32(value | 1);
  return ((bits + 6) / 7) | 0;
}

/** Encoded size of a signed (zigzag) 32-bit value. */
export function varintSize(value: number): number {
  return unsignedVarintSize(((value << 1) ^ (value >> 31)) >>> 0);
}

/** Encoded size of a signed (zigzag) value in the safe integer range. */
export function varlongSize(value: number): number {
  // Zigzag in floating point. Above 2^53 the last bit may be rounded, which moves no size limit.
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  let size = 1;
  while (rest >= 128) {
    rest = Math.floor(rest / 128);
    size++;
  }
  return size;
}
