//! Writes the result of a compaction and puts it in the place of what it replaces.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use millrace_io::{Disk, Result};
use millrace_record::{BatchHeader, NO_TIMESTAMP};

use crate::access::Patience;
use crate::indexes::Indexes;
use crate::layout::{
    CLEANED, LOG, OFFSET_INDEX, SEGMENT_EXTENSIONS, SWAP, TIME_INDEX, TRANSACTION_INDEX,
    segment_path, with_suffix,
};
use crate::log::{Log, new_handle};
use crate::offset_index::OffsetEntry;
use crate::segment::{Segment, SegmentFacts};
use crate::time_index::TimeEntry;
use crate::types::AbortedTransaction;
use crate::{offset_index, time_index, transaction_index};

const BUFFER_BYTES: usize = 1 << 20;

/// A `.cleaned` file while it grows.
pub(crate) struct CleanedSegment<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    base_offset: i64,
    file: File,
    buffer: Vec<u8>,
    written_bytes: u64,
    interval_bytes: u64,
    bytes_since_index: u64,
    indexes: Indexes,
    largest: TimeEntry,
    last_modified_ms: i64,
}

impl<'a> CleanedSegment<'a> {
    /// An empty one for a group of neighbours.
    pub(crate) fn create(
        disk: &'a dyn Disk,
        dir: &'a Path,
        group: &[Arc<Segment>],
        interval_bytes: u64,
    ) -> io::Result<Self> {
        let base_offset = group.first().map_or(0, |segment| segment.base_offset);
        let file = disk.open(&cleaned_path(dir, base_offset, LOG), true)?;
        disk.set_len(&file, 0)?;
        Ok(Self {
            disk,
            dir,
            base_offset,
            file,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            written_bytes: 0,
            interval_bytes,
            bytes_since_index: 0,
            indexes: Indexes::new(base_offset),
            largest: TimeEntry {
                timestamp: NO_TIMESTAMP,
                offset: base_offset,
            },
            last_modified_ms: group.last().map_or(0, |segment| segment.last_modified_ms()),
        })
    }

    /// Appends a whole batch.
    pub(crate) fn push(&mut self, batch: &[u8]) -> io::Result<()> {
        let Some(header) = BatchHeader::read(batch) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let position = self.written_bytes + self.buffer.len() as u64;
        if position + header.size_bytes > i32::MAX as u64 {
            return Err(io::Error::other("the compacted segment would pass 2 GiB"));
        }
        let last_offset = header.last_offset();
        if header.max_timestamp > self.largest.timestamp {
            self.largest = TimeEntry {
                timestamp: header.max_timestamp,
                offset: last_offset,
            };
        }
        if self.bytes_since_index > self.interval_bytes {
            self.indexes.push(
                OffsetEntry {
                    last_offset,
                    position,
                },
                self.largest,
            );
            self.bytes_since_index = 0;
        }
        self.bytes_since_index += header.size_bytes;
        if self.buffer.len() + batch.len() > BUFFER_BYTES {
            self.write_buffer()?;
        }
        self.buffer.extend_from_slice(batch);
        Ok(())
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        self.disk
            .write_all_at(&self.file, &self.buffer, self.written_bytes)?;
        self.written_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Removes it again.
    pub(crate) fn discard(self) {
        // The next start removes what stays.
        let _ = self
            .disk
            .remove_file(&cleaned_path(self.dir, self.base_offset, LOG));
    }

    /// Writes what is left and the indexes, flushes all of it and renames it to `.swap`, the log
    /// last: from then on the next start finishes the swap.
    pub(crate) fn finish(mut self, aborted: &[AbortedTransaction]) -> io::Result<SegmentFacts> {
        self.write_buffer()?;
        self.indexes.push_time(self.largest);
        let modified = UNIX_EPOCH + Duration::from_millis(self.last_modified_ms.max(0) as u64);
        self.file.set_modified(modified)?;
        self.disk.sync_data(&self.file)?;
        let aborted = transaction_index::encode_all(aborted);
        let parts = [
            (OFFSET_INDEX, &self.indexes.offsets),
            (TIME_INDEX, &self.indexes.times),
            (TRANSACTION_INDEX, &aborted),
        ];
        for (extension, bytes) in parts {
            if extension == TRANSACTION_INDEX && bytes.is_empty() {
                continue;
            }
            let file = self.disk.open(&self.cleaned(extension), true)?;
            self.disk.set_len(&file, bytes.len() as u64)?;
            self.disk.write_all_at(&file, bytes, 0)?;
            self.disk.sync_data(&file)?;
        }
        self.disk.sync_dir(self.dir)?;
        for extension in SEGMENT_EXTENSIONS.iter().rev() {
            let to = with_suffix(&segment_path(self.dir, self.base_offset, extension), SWAP);
            rename_if_there(self.disk, &self.cleaned(extension), &to)?;
        }
        self.disk.sync_dir(self.dir)?;
        Ok(SegmentFacts {
            size_bytes: self.written_bytes,
            offset_entries: self.indexes.offsets.len() / offset_index::ENTRY_BYTES,
            time_entries: self.indexes.times.len() / time_index::ENTRY_BYTES,
            last_time_entry: self.indexes.last_time_entry,
            largest: self.largest,
            last_modified_ms: self.last_modified_ms,
            synced: true,
        })
    }

    fn cleaned(&self, extension: &str) -> PathBuf {
        cleaned_path(self.dir, self.base_offset, extension)
    }
}

fn cleaned_path(dir: &Path, base_offset: i64, extension: &str) -> PathBuf {
    with_suffix(&segment_path(dir, base_offset, extension), CLEANED)
}

fn rename_if_there(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
    match disk.rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Log {
    /// Replaces `group` by its `.swap`. Readers of the old files go on with what they have open.
    pub(crate) fn swap_in(&self, group: &[Arc<Segment>], facts: &SegmentFacts) -> Result<()> {
        // A flush must not look for files by a name that they no longer have.
        let _flushing = self.flushing.lock();
        let disk = &*self.dir.disk;
        let fail = |error: io::Error| self.dir.fail(&format!("compact {}", self.name), &error);
        let base_offset = group.first().map_or(0, |segment| segment.base_offset);
        for segment in group {
            segment.open_all(disk).map_err(fail)?;
        }
        self.remove_later(group)?;
        for extension in SEGMENT_EXTENSIONS.iter().rev() {
            let to = segment_path(self.directory(), base_offset, extension);
            rename_if_there(disk, &with_suffix(&to, SWAP), &to).map_err(fail)?;
        }
        self.dir.sync_dir(self.directory())?;
        let new = Arc::new(Segment::existing(
            self.directory(),
            base_offset,
            new_handle(),
            facts,
        ));
        // Open before anybody can ask who must not wait.
        let _ = new.file(disk, Patience::Disk);
        let mut view = self.view.write();
        let first = view
            .segments
            .partition_point(|segment| segment.base_offset < base_offset);
        view.segments.splice(first..first + group.len(), [new]);
        Ok(())
    }
}
