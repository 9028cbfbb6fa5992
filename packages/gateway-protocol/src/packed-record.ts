/**
 * One packed record. No padding, little-endian:
 *
 *      0  u32 offsetDelta     offset − from_offset, strictly increasing
 *      4  i32 timestampDelta  timestamp − base_timestamp; ignored with WIDE_TIME
 *      8  u32 valueLength     0xFFFFFFFF = null
 *     12  u16 keyLength       0xFFFF = null, 0xFFFE = the real length is in keyLengthWide
 *     14  u8  headerCount     0xFF = the real count is in headerCountWide
 *     15  u8  flags
 *     16  i64 timestamp       with WIDE_TIME
 *         u32 keyLengthWide   with keyLength 0xFFFE
 *         u16 headerCountWide with headerCount 0xFF
 *         key, value
 *         headerCount × { u16 nameLength, u32 valueLength (0xFFFFFFFF = null), name, value }
 */
export const RECORD_HEAD_BYTES = 16;
export const HEADER_HEAD_BYTES = 6;

export const RecordFlag = { WIDE_TIME: 1, TOMBSTONE: 2, LOG_APPEND_TIME: 4 } as const;

export const NULL_LENGTH = 0xffffffff;
export const NULL_KEY = 0xffff;
export const WIDE_KEY = 0xfffe;
export const WIDE_HEADERS = 0xff;
