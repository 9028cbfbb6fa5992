//! One segment: a `.log` file with its indexes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use millrace_io::Disk;
use millrace_record::NO_TIMESTAMP;
use parking_lot::Mutex;

use crate::access::{Miss, Patience};
use crate::clock::now_ms;
use crate::layout::{LOG, OFFSET_INDEX, TIME_INDEX, TRANSACTION_INDEX, segment_path};
use crate::offset_index::{OffsetEntry, OffsetIndex};
use crate::time_index::{TimeEntry, TimeIndex};

/// What loading or recovering a segment found out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentFacts {
    pub(crate) size_bytes: u64,
    pub(crate) offset_entries: usize,
    pub(crate) time_entries: usize,
    pub(crate) last_time_entry: i64,
    pub(crate) largest: TimeEntry,
    pub(crate) last_modified_ms: i64,
    pub(crate) synced: bool,
}

/// A segment. Everything readers ask for is atomic or immutable; one thread at a time appends.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) base_offset: i64,
    /// Names this very file in file slices: the base offset, or for a file that compaction wrote in
    /// this process a negative number of its own, so that a slice of the old file never resolves to
    /// the new one.
    pub(crate) handle: i64,
    dir: PathBuf,
    file: OnceLock<Arc<File>>,
    size_bytes: AtomicU64,
    synced_bytes: AtomicU64,
    /// The directory entries of its files are durable.
    pub(crate) entry_synced: AtomicBool,
    sealed: AtomicBool,
    indexes_synced: AtomicBool,
    largest: Mutex<TimeEntry>,
    last_modified_ms: AtomicI64,
    pub(crate) offset_index: OffsetIndex,
    pub(crate) time_index: TimeIndex,
}

impl Segment {
    /// Creates the files of a new, empty, active segment.
    pub(crate) fn create(
        disk: &dyn Disk,
        dir: &Path,
        base_offset: i64,
        index_bytes: u64,
    ) -> io::Result<Self> {
        let log = disk.open(&segment_path(dir, base_offset, LOG), true)?;
        disk.set_len(&log, 0)?;
        let offsets = segment_path(dir, base_offset, OFFSET_INDEX);
        let times = segment_path(dir, base_offset, TIME_INDEX);
        Ok(Self {
            base_offset,
            handle: base_offset,
            dir: dir.to_owned(),
            file: OnceLock::from(Arc::new(log)),
            size_bytes: AtomicU64::new(0),
            synced_bytes: AtomicU64::new(0),
            entry_synced: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            indexes_synced: AtomicBool::new(false),
            largest: Mutex::new(TimeEntry {
                timestamp: NO_TIMESTAMP,
                offset: base_offset,
            }),
            last_modified_ms: AtomicI64::new(now_ms()),
            offset_index: OffsetIndex::create(disk, offsets, base_offset, index_bytes)?,
            time_index: TimeIndex::create(disk, times, base_offset, index_bytes)?,
        })
    }

    /// A segment whose files exist; sealed until `activate`.
    pub(crate) fn existing(
        dir: &Path,
        base_offset: i64,
        handle: i64,
        facts: &SegmentFacts,
    ) -> Self {
        let offsets = segment_path(dir, base_offset, OFFSET_INDEX);
        let times = segment_path(dir, base_offset, TIME_INDEX);
        let entries = facts.time_entries;
        Self {
            base_offset,
            handle,
            dir: dir.to_owned(),
            file: OnceLock::new(),
            size_bytes: AtomicU64::new(facts.size_bytes),
            synced_bytes: AtomicU64::new(if facts.synced { facts.size_bytes } else { 0 }),
            entry_synced: AtomicBool::new(facts.synced),
            sealed: AtomicBool::new(true),
            indexes_synced: AtomicBool::new(facts.synced),
            largest: Mutex::new(facts.largest),
            last_modified_ms: AtomicI64::new(facts.last_modified_ms),
            offset_index: OffsetIndex::existing(offsets, base_offset, facts.offset_entries),
            time_index: TimeIndex::existing(times, base_offset, entries, facts.last_time_entry),
        }
    }

    /// Makes it the active segment again: its indexes get their preallocated hole back.
    pub(crate) fn activate(
        &self,
        disk: &dyn Disk,
        facts: &SegmentFacts,
        index_bytes: u64,
    ) -> io::Result<()> {
        self.offset_index
            .file
            .reopen(disk, facts.offset_entries, index_bytes)?;
        let (count, last) = (facts.time_entries, facts.last_time_entry);
        self.time_index.reopen(disk, count, last, index_bytes)?;
        *self.largest.lock() = facts.largest;
        self.indexes_synced.store(false, Ordering::Release);
        self.sealed.store(false, Ordering::Release);
        Ok(())
    }

    /// The `.log` file.
    pub(crate) fn file(&self, disk: &dyn Disk, patience: Patience) -> Result<&Arc<File>, Miss> {
        match (self.file.get(), patience) {
            (Some(file), _) => Ok(file),
            (None, Patience::Memory) => Err(Miss::Cold),
            (None, Patience::Disk) => {
                let file = disk.open(&self.path(LOG), false)?;
                Ok(self.file.get_or_init(|| Arc::new(file)))
            }
        }
    }

    /// Opens all files that are not open yet: they are about to lose their names.
    pub(crate) fn open_all(&self, disk: &dyn Disk) -> io::Result<()> {
        self.offset_index.file.open_now(disk)?;
        self.time_index.file.open_now(disk)?;
        match self.file(disk, Patience::Disk) {
            Err(Miss::Failed(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// The `.log` file, when it is open already.
    pub(crate) fn opened_file(&self) -> Option<&Arc<File>> {
        self.file.get()
    }

    /// Path of one of its files.
    pub(crate) fn path(&self, extension: &str) -> PathBuf {
        segment_path(&self.dir, self.base_offset, extension)
    }

    /// Path of its transaction index, which need not exist.
    pub(crate) fn transaction_index_path(&self) -> PathBuf {
        self.path(TRANSACTION_INDEX)
    }

    /// Bytes that may be read.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes.load(Ordering::Acquire)
    }

    /// Publishes bytes that were written.
    pub(crate) fn set_size_bytes(&self, size: u64) {
        self.size_bytes.store(size, Ordering::Release);
        self.last_modified_ms.store(now_ms(), Ordering::Relaxed);
    }

    /// Largest timestamp so far and the last offset of the batch that holds it.
    pub(crate) fn largest(&self) -> TimeEntry {
        *self.largest.lock()
    }

    /// Wall-clock time of the last append.
    pub(crate) fn last_modified_ms(&self) -> i64 {
        self.last_modified_ms.load(Ordering::Relaxed)
    }

    /// Accounts for a written batch; `indexed` is its position when it gets index entries.
    pub(crate) fn note_batch(
        &self,
        disk: &dyn Disk,
        last_offset: i64,
        max_timestamp: i64,
        indexed: Option<u64>,
    ) -> io::Result<()> {
        let largest = {
            let mut largest = self.largest.lock();
            if max_timestamp > largest.timestamp {
                *largest = TimeEntry {
                    timestamp: max_timestamp,
                    offset: last_offset,
                };
            }
            *largest
        };
        let Some(position) = indexed else {
            return Ok(());
        };
        self.offset_index.push(
            disk,
            OffsetEntry {
                last_offset,
                position,
            },
        )?;
        self.time_index.push_if_later(disk, largest)
    }

    /// The final time index entry; indexes cut to what they hold.
    pub(crate) fn seal(&self, disk: &dyn Disk) -> io::Result<()> {
        if self.sealed.load(Ordering::Acquire) {
            return Ok(());
        }
        let largest = self.largest();
        self.time_index.push_if_later(disk, largest)?;
        self.offset_index.file.seal(disk)?;
        self.time_index.file.seal(disk)?;
        // Only now: whoever sees it sealed may flush the indexes and call them done.
        self.sealed.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether something of it is not known to be on the device.
    pub(crate) fn needs_sync(&self) -> bool {
        !self.entry_synced.load(Ordering::Acquire)
            || self.synced_bytes.load(Ordering::Acquire) < self.size_bytes()
            || (self.sealed.load(Ordering::Acquire) && !self.indexes_synced.load(Ordering::Acquire))
    }

    /// Flushes the data and, once sealed, the indexes. The directory is the caller's matter.
    pub(crate) fn sync(&self, disk: &dyn Disk) -> io::Result<()> {
        let size = self.size_bytes();
        let sealed = self.sealed.load(Ordering::Acquire);
        if self.synced_bytes.load(Ordering::Acquire) < size {
            let file = self.file(disk, Patience::Disk).map_err(|miss| match miss {
                Miss::Failed(error) => error,
                Miss::Cold | Miss::Corrupt => io::ErrorKind::UnexpectedEof.into(),
            })?;
            disk.sync_data(file)?;
            // No truncation can have come between: it takes the same `flushing` lock.
            self.synced_bytes.store(size, Ordering::Release);
        }
        if sealed && !self.indexes_synced.load(Ordering::Acquire) {
            self.offset_index.file.sync(disk)?;
            self.time_index.file.sync(disk)?;
            self.indexes_synced.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// After a truncation: nothing above `size` is on the device, nor anywhere.
    pub(crate) fn cut(&self, size: u64) {
        self.synced_bytes.store(0, Ordering::Release);
        self.set_size_bytes(size);
    }
}
