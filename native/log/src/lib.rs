//! Logs of record batches in Kafka's own on-disk format: append, locate, read, flush, roll, trim,
//! truncate, recover, compact. Knows batches, never topics or messages; decides nothing that a
//! caller could decide.
//!
//! Locks, in the order in which they may be taken: `Log::flushing`, `Log::writing`, `Log::tail`,
//! `Log::view`, and leaves. The last two are never held over a call into the disk, so that neither a
//! stalled flush nor a stalled write can hold up staging or locating.

mod access;
mod appender;
mod batch_walk;
mod cleaned_segment;
mod cleaner;
mod clock;
mod compaction;
mod cursor;
mod deferred;
mod dir;
mod epochs;
mod flusher;
mod index_file;
mod indexes;
mod janitor;
mod key_map;
mod layout;
mod log;
mod offset_index;
mod poison;
mod pressure;
mod producers;
mod reader;
mod recovery;
mod scan;
mod scan_segment;
mod sealed;
mod segment;
mod side_files;
mod store;
mod tail;
mod time_index;
mod timestamps;
mod transaction_index;
mod truncation;
mod types;
mod writer;

pub use appender::Appender;
pub use log::Log;
pub use store::Store;
pub use types::{
    AbortedTransaction, CompactRequest, CompactResult, DirId, EpochEntry, FlushMode, Locate,
    Located, LogId, LogOptions, OpenLogRequest, OpenedLog, ProducerRow, ReadBounds, SegmentInfo,
    StageRequest, Staged,
};
