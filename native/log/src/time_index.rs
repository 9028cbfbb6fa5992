//! `.timeindex`: int64 timestamp, int32 offset minus base: the largest timestamp so far and the last
//! offset of the batch that holds it. Timestamps strictly ascend.

use std::io;
use std::path::PathBuf;

use millrace_io::Disk;
use millrace_record::NO_TIMESTAMP;
use parking_lot::Mutex;

use crate::access::{Miss, Patience};
use crate::index_file::IndexFile;

pub(crate) const ENTRY_BYTES: usize = 12;

/// A timestamp and where it was first reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    pub(crate) timestamp: i64,
    pub(crate) offset: i64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct TimeIndex {
    base_offset: i64,
    last_timestamp: Mutex<i64>,
    pub(crate) file: IndexFile<ENTRY_BYTES>,
}

impl TimeIndex {
    pub(crate) fn create(
        disk: &dyn Disk,
        path: PathBuf,
        base_offset: i64,
        size_bytes: u64,
    ) -> io::Result<Self> {
        let file = IndexFile::create(disk, path, size_bytes)?;
        Ok(Self {
            base_offset,
            last_timestamp: Mutex::new(NO_TIMESTAMP),
            file,
        })
    }

    pub(crate) fn existing(
        path: PathBuf,
        base_offset: i64,
        count: usize,
        last_timestamp: i64,
    ) -> Self {
        let file = IndexFile::existing(path, count);
        Self {
            base_offset,
            last_timestamp: Mutex::new(last_timestamp),
            file,
        }
    }

    /// Drops entries from `keep_count` on and makes the file writable again.
    pub(crate) fn reopen(
        &self,
        disk: &dyn Disk,
        keep_count: usize,
        last_timestamp: i64,
        size_bytes: u64,
    ) -> io::Result<()> {
        *self.last_timestamp.lock() = last_timestamp;
        self.file.reopen(disk, keep_count, size_bytes)
    }

    /// Appends the entry when its timestamp is above the last one.
    pub(crate) fn push_if_later(&self, disk: &dyn Disk, entry: TimeEntry) -> io::Result<()> {
        {
            let mut last = self.last_timestamp.lock();
            if entry.timestamp <= *last {
                return Ok(());
            }
            *last = entry.timestamp;
        }
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..8].copy_from_slice(&entry.timestamp.to_be_bytes());
        bytes[8..].copy_from_slice(&((entry.offset - self.base_offset) as i32).to_be_bytes());
        self.file.push(disk, bytes)
    }

    /// The last entry at or before `timestamp`.
    pub(crate) fn floor(
        &self,
        disk: &dyn Disk,
        patience: Patience,
        timestamp: i64,
    ) -> Result<Option<TimeEntry>, Miss> {
        let found = self.file.floor(disk, patience, timestamp, |entry| {
            decode(self.base_offset, entry).timestamp
        })?;
        Ok(found.map(|entry| decode(self.base_offset, &entry)))
    }
}

/// Reads an entry.
pub(crate) fn decode(base_offset: i64, entry: &[u8; ENTRY_BYTES]) -> TimeEntry {
    let (timestamp, offset) = entry.split_at(8);
    let offset = offset
        .iter()
        .fold(0i32, |value, byte| value << 8 | i32::from(*byte));
    let timestamp = timestamp
        .iter()
        .fold(0i64, |value, byte| value << 8 | i64::from(*byte));
    TimeEntry {
        timestamp,
        offset: base_offset + i64::from(offset),
    }
}
