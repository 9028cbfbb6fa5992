/** The Castagnoli polynomial, bit-reversed (RFC 3720 appendix B.4). */
const POLYNOMIAL = 0x82f63b78;

/** Eight tables of 256 entries, so that the loop takes eight bytes a turn. */
const tables = buildTables();

function buildTables(): Int32Array {
  const all = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    all[byte] = crc;
  }
  for (let at = 256; at < all.length; at++) {
    const previous = all[at - 256] as number;
    all[at] = (previous >>> 8) ^ (all[previous & 0xff] as number);
  }
  return all;
}

/**
 * CRC32C of `bytes[start, end)` as an unsigned 32-bit number.
 * @param previous result for the bytes before, to continue a running checksum.
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, previous = 0): number {
  const t = tables;
  let crc = ~previous;
  let at = start;
  for (const stop = end - 7; at < stop; at += 8) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (t[0x700 + (crc & 0xff)] as number) ^
      (t[0x600 + ((crc >>> 8) & 0xff)] as number) ^
      (t[0x500 + ((crc >>> 16) & 0xff)] as number) ^
      (t[0x400 + (crc >>> 24)] as number) ^
      (t[0x300 + (bytes[at + 4] as number)] as number) ^
      (t[0x200 + (bytes[at + 5] as number)] as number) ^
      (t[0x100 + (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
