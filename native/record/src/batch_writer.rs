//! Writes small uncompressed batches: control batches of the future, and tests of today.

use crate::crc::seal;
use crate::header::{BatchHeader, HEADER_BYTES, MAGIC};
use crate::record::write_record;

/// Header fields of a batch to be written.
#[derive(Clone, Copy, Debug)]
pub struct BatchFields {
    /// Offset of the first record.
    pub base_offset: i64,
    /// Leader epoch.
    pub leader_epoch: i32,
    /// Attribute bits.
    pub attributes: i16,
    /// Timestamp of every record.
    pub base_timestamp: i64,
    /// Producer id or -1.
    pub producer_id: i64,
    /// Producer epoch or -1.
    pub producer_epoch: i16,
    /// Base sequence or -1.
    pub base_sequence: i32,
}

impl Default for BatchFields {
    fn default() -> Self {
        Self {
            base_offset: 0,
            leader_epoch: -1,
            attributes: 0,
            base_timestamp: 0,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
        }
    }
}

/// Key and value of a record to be written.
pub type KeyValue<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// A sealed batch of the given records, one offset each, all with the base timestamp.
pub fn write_batch(fields: &BatchFields, records: &[KeyValue<'_>]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    for (delta, (key, value)) in records.iter().enumerate() {
        write_record(&mut bytes, 0, delta as i32, *key, *value, &[0]);
    }
    let header = BatchHeader {
        base_offset: fields.base_offset,
        size_bytes: bytes.len() as u64,
        leader_epoch: fields.leader_epoch,
        magic: MAGIC,
        crc: 0,
        attributes: fields.attributes,
        last_offset_delta: records.len() as i32 - 1,
        base_timestamp: fields.base_timestamp,
        max_timestamp: fields.base_timestamp,
        producer_id: fields.producer_id,
        producer_epoch: fields.producer_epoch,
        base_sequence: fields.base_sequence,
        record_count: records.len() as i32,
    };
    header.write(&mut bytes);
    seal(&mut bytes);
    bytes
}
