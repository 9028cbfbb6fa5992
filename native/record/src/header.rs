//! The fixed part of a batch.

use crate::crc::seal;

/// Bytes before the first record.
pub const HEADER_BYTES: usize = 61;
/// Bytes before those that the batch length counts.
pub const LOG_OVERHEAD_BYTES: usize = 12;
/// The only magic this core stores.
pub const MAGIC: i8 = 2;
/// A batch or segment without timestamps.
pub const NO_TIMESTAMP: i64 = -1;
/// Attribute bits of the codec.
pub const ATTRIBUTE_CODEC_MASK: i16 = 0x07;
/// Attribute bit 3: the max timestamp is the broker's append time.
pub const ATTRIBUTE_LOG_APPEND_TIME: i16 = 0x08;
/// Attribute bit 4.
pub const ATTRIBUTE_TRANSACTIONAL: i16 = 0x10;
/// Attribute bit 5.
pub const ATTRIBUTE_CONTROL: i16 = 0x20;
/// Attribute bit 6: the base timestamp holds the delete horizon.
pub const ATTRIBUTE_DELETE_HORIZON: i16 = 0x40;

/// All fields of the header, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record the batch was appended with.
    pub base_offset: i64,
    /// Size of the whole batch, including the 12 bytes before the length's own count.
    pub size_bytes: u64,
    /// Leader epoch.
    pub leader_epoch: i32,
    /// Format version.
    pub magic: i8,
    /// CRC32C as stored.
    pub crc: u32,
    /// Attribute bits.
    pub attributes: i16,
    /// Last offset minus base offset.
    pub last_offset_delta: i32,
    /// Timestamp of the first record, or the delete horizon.
    pub base_timestamp: i64,
    /// Largest timestamp.
    pub max_timestamp: i64,
    /// Producer id or -1.
    pub producer_id: i64,
    /// Producer epoch or -1.
    pub producer_epoch: i16,
    /// Sequence of the first record or -1.
    pub base_sequence: i32,
    /// Records present (compaction may have removed some).
    pub record_count: i32,
}

fn i16_at(bytes: &[u8; HEADER_BYTES], at: usize) -> i16 {
    i16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn i32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> i32 {
    i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn i64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> i64 {
    (i64::from(i32_at(bytes, at)) << 32) | i64::from(i32_at(bytes, at + 4) as u32)
}

impl BatchHeader {
    /// Decodes the first 61 bytes; `None` when there are fewer. Nothing is checked: a negative
    /// length gives a `size_bytes` below `HEADER_BYTES`.
    #[inline]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let length = i32_at(bytes, 8);
        Some(Self {
            base_offset: i64_at(bytes, 0),
            size_bytes: u64::try_from(length).map_or(0, |n| n + LOG_OVERHEAD_BYTES as u64),
            leader_epoch: i32_at(bytes, 12),
            magic: bytes[16] as i8,
            crc: i32_at(bytes, 17) as u32,
            attributes: i16_at(bytes, 21),
            last_offset_delta: i32_at(bytes, 23),
            base_timestamp: i64_at(bytes, 27),
            max_timestamp: i64_at(bytes, 35),
            producer_id: i64_at(bytes, 43),
            producer_epoch: i16_at(bytes, 51),
            base_sequence: i32_at(bytes, 53),
            record_count: i32_at(bytes, 57),
        })
    }

    /// Offset of the last record the batch was appended with.
    pub fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// Offset after the batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset() + 1
    }

    /// Sequence of the last record, wrapping from 2^31-1 to 0; -1 when there is none.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return -1;
        }
        self.base_sequence.wrapping_add(self.last_offset_delta) & i32::MAX
    }

    /// Codec number, 0 = none.
    pub fn codec(&self) -> u8 {
        (self.attributes & ATTRIBUTE_CODEC_MASK) as u8
    }

    /// Whether the batch holds a control record.
    pub fn is_control(&self) -> bool {
        self.attributes & ATTRIBUTE_CONTROL != 0
    }

    /// Whether the batch is part of a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & ATTRIBUTE_TRANSACTIONAL != 0
    }

    /// Whether the base timestamp is a delete horizon.
    pub fn has_delete_horizon(&self) -> bool {
        self.attributes & ATTRIBUTE_DELETE_HORIZON != 0
    }

    /// Writes all fields to the first 61 bytes of `into`. Panics when there are fewer.
    pub fn write(&self, into: &mut [u8]) {
        into[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        let length = self.size_bytes as i32 - LOG_OVERHEAD_BYTES as i32;
        into[8..12].copy_from_slice(&length.to_be_bytes());
        into[12..16].copy_from_slice(&self.leader_epoch.to_be_bytes());
        into[16] = self.magic as u8;
        into[17..21].copy_from_slice(&self.crc.to_be_bytes());
        into[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        into[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        into[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        into[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        into[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        into[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        into[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        into[57..61].copy_from_slice(&self.record_count.to_be_bytes());
    }
}

/// Writes base offset and leader epoch, which lie outside the CRC. Panics below 16 bytes.
#[inline]
pub fn stamp_base_offset(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    batch[0..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[12..16].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// Sets the LogAppendTime bit and the max timestamp, and computes the CRC anew.
pub fn stamp_append_time(batch: &mut [u8], append_time_ms: i64) {
    batch[22] |= ATTRIBUTE_LOG_APPEND_TIME as u8;
    batch[35..43].copy_from_slice(&append_time_ms.to_be_bytes());
    seal(batch);
}
