//! Record batches of magic 2 as bytes: header view, CRC32C, validation, records, varints. No I/O.
//!
//! ```text
//!  0 base offset i64 | 8 batch length i32 (from byte 12) | 12 leader epoch i32 | 16 magic i8 | 17 crc u32
//! 21 attributes i16 | 23 last offset delta i32 | 27 base timestamp i64 | 35 max timestamp i64
//! 43 producer id i64 | 51 producer epoch i16 | 53 base sequence i32 | 57 record count i32 | 61 records
//! ```
//! The CRC covers byte 21 to the end, so that base offset and leader epoch can be stamped freely.

mod batch_writer;
mod crc;
mod header;
mod record;
mod validate;
mod varint;

pub use batch_writer::{BatchFields, KeyValue, write_batch};
pub use crc::{COVERED_FROM, crc_append, crc_of_batch, seal};
pub use header::{
    ATTRIBUTE_CODEC_MASK, ATTRIBUTE_CONTROL, ATTRIBUTE_DELETE_HORIZON, ATTRIBUTE_LOG_APPEND_TIME,
    ATTRIBUTE_TRANSACTIONAL, BatchHeader, HEADER_BYTES, LOG_OVERHEAD_BYTES, MAGIC, NO_TIMESTAMP,
    stamp_append_time, stamp_base_offset,
};
pub use record::{RawRecord, RawRecords, control_type, write_record};
pub use validate::{BatchFault, check_batch, check_header};
pub use varint::{read_varint, read_varlong, write_varint, write_varlong};
