//! Reads a segment from a trusted place to its end, checks what is asked for, and writes its indexes
//! anew from there on.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use millrace_io::Disk;
use millrace_record::{
    BatchHeader, COVERED_FROM, HEADER_BYTES, NO_TIMESTAMP, check_header, crc_append,
};

use crate::access::Miss;
use crate::index_file::IndexFile;
use crate::indexes::Indexes;
use crate::layout::{LOG, OFFSET_INDEX, TIME_INDEX, segment_path};
use crate::offset_index::{self, OffsetEntry};
use crate::segment::SegmentFacts;
use crate::tail::TailMark;
use crate::time_index::{self, TimeEntry};
use crate::types::EpochEntry;

const CHUNK_BYTES: usize = 1 << 20;

/// What to believe and what to check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanPlan {
    /// Index entries of batches that end below it are believed, after a look at the last one.
    pub(crate) trust_below: i64,
    /// The CRC of batches that end at or above it is checked.
    pub(crate) check_from: i64,
    pub(crate) index_interval_bytes: u64,
}

/// What a scan found.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) facts: SegmentFacts,
    pub(crate) next_offset: i64,
    /// Bytes in the file; above `facts.size_bytes` when the rest is no batch.
    pub(crate) file_bytes: u64,
    /// Leader epochs seen for the first time, in order.
    pub(crate) epochs: Vec<EpochEntry>,
    first_timestamp: Option<i64>,
    bytes_since_index: u64,
}

impl Scanned {
    /// Whether something behind the last good batch must be cut.
    pub(crate) fn is_torn(&self) -> bool {
        self.file_bytes > self.facts.size_bytes
    }

    /// Where the next batch goes when this segment is the active one.
    pub(crate) fn tail_mark(&self, base_offset: i64) -> TailMark {
        TailMark {
            next_offset: self.next_offset,
            segment_base: base_offset,
            position: self.facts.size_bytes,
            first_timestamp: self.first_timestamp,
            bytes_since_index: self.bytes_since_index,
            offset_entries: self.facts.offset_entries as u64,
            time_entries: self.facts.time_entries as u64,
            largest_timestamp: self.facts.largest.timestamp,
            last_time_entry: self.facts.last_time_entry,
            ..TailMark::of_new_segment(base_offset)
        }
    }
}

/// Reads ahead in large pieces.
struct Chunks<'a> {
    disk: &'a dyn Disk,
    file: &'a File,
    bytes: Vec<u8>,
    at: u64,
    filled: usize,
}

impl Chunks<'_> {
    /// At least one byte at `position`, at most `want`; empty at the end of the file.
    fn get(&mut self, position: u64, want: usize) -> io::Result<&[u8]> {
        let inside = position.checked_sub(self.at).map(|at| at as usize);
        let from = match inside.filter(|from| *from < self.filled) {
            Some(from) => from,
            None => self.refill(position)?,
        };
        Ok(&self.bytes[from..self.filled.min(from + want)])
    }

    fn refill(&mut self, position: u64) -> io::Result<usize> {
        self.at = position;
        self.filled = self.disk.read_at(self.file, &mut self.bytes, position)?;
        Ok(0)
    }

    fn header(&mut self, position: u64) -> io::Result<Option<BatchHeader>> {
        if self.get(position, HEADER_BYTES)?.len() < HEADER_BYTES {
            self.refill(position)?;
        }
        Ok(BatchHeader::read(self.get(position, HEADER_BYTES)?))
    }

    fn crc(&mut self, position: u64, end: u64) -> io::Result<Option<u32>> {
        let (mut position, mut crc) = (position, 0);
        while position < end {
            let bytes = self.get(position, (end - position) as usize)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            crc = crc_append(crc, bytes);
            position += bytes.len() as u64;
        }
        Ok(Some(crc))
    }
}

/// Why a scan did not end. What cannot be read concerns one log, what cannot be written the whole disk.
#[derive(Debug)]
pub(crate) enum ScanFailure {
    Read(io::Error),
    Write(io::Error),
}

impl From<ScanFailure> for Miss {
    fn from(failure: ScanFailure) -> Self {
        match failure {
            ScanFailure::Read(error) | ScanFailure::Write(error) => Self::Failed(error),
        }
    }
}

/// Scans a segment and writes its indexes. The `.log` file is not changed.
pub(crate) fn scan_segment(
    disk: &dyn Disk,
    dir: &Path,
    base_offset: i64,
    plan: &ScanPlan,
) -> Result<Scanned, ScanFailure> {
    let (scanned, indexes) =
        read_segment(disk, dir, base_offset, plan).map_err(ScanFailure::Read)?;
    let files = [
        (OFFSET_INDEX, &indexes.offsets),
        (TIME_INDEX, &indexes.times),
    ];
    for (extension, bytes) in files {
        let path = segment_path(dir, base_offset, extension);
        write_index(disk, &path, bytes).map_err(ScanFailure::Write)?;
    }
    Ok(scanned)
}

fn read_segment(
    disk: &dyn Disk,
    dir: &Path,
    base_offset: i64,
    plan: &ScanPlan,
) -> io::Result<(Scanned, Indexes)> {
    let file = disk.open_read(&segment_path(dir, base_offset, LOG))?;
    let metadata = file.metadata()?;
    let modified = metadata
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let chunks = Chunks {
        disk,
        file: &file,
        bytes: vec![0; CHUNK_BYTES],
        at: 0,
        filled: 0,
    };
    let mut scan = SegmentScan {
        chunks,
        plan,
        file_bytes: metadata.len(),
        indexes: Indexes::new(base_offset),
        largest: TimeEntry {
            timestamp: NO_TIMESTAMP,
            offset: base_offset,
        },
        next_offset: base_offset,
        position: 0,
        bytes_since_index: 0,
        epochs: Vec::new(),
    };
    let first_timestamp = scan.chunks.header(0)?.map(|header| header.max_timestamp);
    scan.trust_indexes(disk, dir)?;
    scan.walk()?;
    let indexes = scan.indexes;
    let facts = SegmentFacts {
        size_bytes: scan.position,
        offset_entries: indexes.offsets.len() / offset_index::ENTRY_BYTES,
        time_entries: indexes.times.len() / time_index::ENTRY_BYTES,
        last_time_entry: indexes.last_time_entry,
        largest: scan.largest,
        last_modified_ms: modified.map_or(0, |since| since.as_millis() as i64),
        synced: false,
    };
    let scanned = Scanned {
        facts,
        next_offset: scan.next_offset,
        file_bytes: scan.file_bytes,
        epochs: scan.epochs,
        first_timestamp: first_timestamp.filter(|_| scan.position > 0),
        bytes_since_index: scan.bytes_since_index,
    };
    Ok((scanned, indexes))
}

struct SegmentScan<'a> {
    chunks: Chunks<'a>,
    plan: &'a ScanPlan,
    file_bytes: u64,
    indexes: Indexes,
    largest: TimeEntry,
    next_offset: i64,
    position: u64,
    bytes_since_index: u64,
    epochs: Vec<EpochEntry>,
}

impl SegmentScan<'_> {
    /// Takes over the index entries that can be believed and starts behind them: ascending, below
    /// the trusted offset, and the last one names a batch that is really there.
    fn trust_indexes(&mut self, disk: &dyn Disk, dir: &Path) -> io::Result<()> {
        let base = self.indexes.base_offset;
        let path = segment_path(dir, base, OFFSET_INDEX);
        let mut last = OffsetEntry {
            last_offset: base - 1,
            position: 0,
        };
        let trust_below = self.plan.trust_below;
        let entries =
            IndexFile::<{ offset_index::ENTRY_BYTES }>::read_while(disk, &path, |entry| {
                let entry = offset_index::decode(base, entry);
                let ascends =
                    entry.last_offset > last.last_offset && entry.position > last.position;
                let is_good = ascends && entry.last_offset < trust_below;
                if is_good {
                    last = entry;
                }
                is_good
            });
        let Ok(entries) = entries else {
            return Ok(());
        };
        if entries.is_empty() || last.position + HEADER_BYTES as u64 > self.file_bytes {
            return Ok(());
        }
        let there = self.chunks.header(last.position)?;
        let Some(there) = there.filter(|header| header.last_offset() == last.last_offset) else {
            return Ok(());
        };
        self.indexes.offsets = entries;
        self.trust_times(disk, dir, last.last_offset);
        // The indexed batch is walked again below, without a second entry.
        self.position = last.position;
        self.next_offset = there.base_offset;
        Ok(())
    }

    fn trust_times(&mut self, disk: &dyn Disk, dir: &Path, up_to: i64) {
        let base = self.indexes.base_offset;
        let path = segment_path(dir, base, TIME_INDEX);
        let mut last = TimeEntry {
            timestamp: self.indexes.last_time_entry,
            offset: base,
        };
        let entries = IndexFile::<{ time_index::ENTRY_BYTES }>::read_while(disk, &path, |entry| {
            let entry = time_index::decode(base, entry);
            let is_good =
                entry.timestamp > last.timestamp && (base..=up_to).contains(&entry.offset);
            if is_good {
                last = entry;
            }
            is_good
        });
        if let Ok(entries) = entries
            && !entries.is_empty()
        {
            self.indexes.times = entries;
            self.indexes.last_time_entry = last.timestamp;
            self.largest = last;
        }
    }

    /// Walks to the end or to the first batch that is none.
    fn walk(&mut self) -> io::Result<()> {
        let mut resumed = !self.indexes.offsets.is_empty();
        while let Some(header) = self.good_batch()? {
            let last_offset = header.last_offset();
            if header.max_timestamp > self.largest.timestamp {
                self.largest = TimeEntry {
                    timestamp: header.max_timestamp,
                    offset: last_offset,
                };
            }
            if resumed {
                resumed = false;
            } else if self.bytes_since_index > self.plan.index_interval_bytes {
                let entry = OffsetEntry {
                    last_offset,
                    position: self.position,
                };
                self.indexes.push(entry, self.largest);
                self.bytes_since_index = 0;
            }
            let known = self.epochs.last().map_or(-1, |entry| entry.epoch);
            if header.leader_epoch > known {
                let start_offset = header.base_offset;
                self.epochs.push(EpochEntry {
                    epoch: header.leader_epoch,
                    start_offset,
                });
            }
            self.bytes_since_index += header.size_bytes;
            self.position += header.size_bytes;
            self.next_offset = last_offset + 1;
        }
        Ok(())
    }

    fn good_batch(&mut self) -> io::Result<Option<BatchHeader>> {
        let Some(header) = self.chunks.header(self.position)? else {
            return Ok(None);
        };
        let end = self.position + header.size_bytes;
        let base = self.indexes.base_offset;
        let fits = check_header(&header).is_ok()
            && end <= self.file_bytes
            && header.base_offset >= self.next_offset
            && header.last_offset() - base <= i64::from(i32::MAX);
        if !fits {
            return Ok(None);
        }
        if header.last_offset() >= self.plan.check_from {
            let from = self.position + COVERED_FROM as u64;
            if self.chunks.crc(from, end)? != Some(header.crc) {
                return Ok(None);
            }
        }
        Ok(Some(header))
    }
}

fn write_index(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = disk.open(path, true)?;
    disk.set_len(&file, bytes.len() as u64)?;
    disk.write_all_at(&file, bytes, 0)
}
