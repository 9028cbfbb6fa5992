//! Loads sealed segments without reading them: file sizes and the last entries of the indexes.

use std::path::Path;
use std::time::UNIX_EPOCH;

use millrace_io::Disk;
use millrace_record::NO_TIMESTAMP;

use crate::access::Patience;
use crate::index_file::IndexFile;
use crate::layout::{LOG, OFFSET_INDEX, TIME_INDEX, segment_path};
use crate::offset_index::{self, OffsetEntry};
use crate::scan::HeaderScan;
use crate::segment::SegmentFacts;
use crate::time_index::{self, TimeEntry};

/// A sealed segment whose indexes look right; `None` when they must be rebuilt.
pub(crate) fn load_sealed(
    disk: &dyn Disk,
    dir: &Path,
    base_offset: i64,
    next: i64,
) -> Option<SegmentFacts> {
    let metadata = std::fs::metadata(segment_path(dir, base_offset, LOG)).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let offsets = last_entry::<{ offset_index::ENTRY_BYTES }>(
        disk,
        &segment_path(dir, base_offset, OFFSET_INDEX),
    )?;
    let times = last_entry::<{ time_index::ENTRY_BYTES }>(
        disk,
        &segment_path(dir, base_offset, TIME_INDEX),
    )?;
    let mut indexed = OffsetEntry {
        last_offset: base_offset,
        position: 0,
    };
    if let Some(entry) = offsets.1 {
        let entry = offset_index::decode(base_offset, &entry);
        let inside = entry.last_offset > base_offset && entry.last_offset < next;
        if !inside || entry.position >= metadata.len() {
            return None;
        }
        indexed = entry;
    }
    let mut largest = TimeEntry {
        timestamp: NO_TIMESTAMP,
        offset: base_offset,
    };
    match times.1 {
        Some(entry) => {
            largest = time_index::decode(base_offset, &entry);
            if largest.timestamp < 0 || !(base_offset..next).contains(&largest.offset) {
                return None;
            }
        }
        // The final entry is missing, unless no batch has a timestamp: look.
        None if metadata.len() > 0 => return None,
        None => {}
    }
    // The final entry stands behind the last one of the offset index, unless times go back. Perhaps
    // the file was cut short.
    let doubtful = largest.offset <= indexed.last_offset;
    if doubtful && !is_largest(disk, dir, base_offset, metadata.len(), indexed, largest) {
        return None;
    }
    Some(SegmentFacts {
        size_bytes: metadata.len(),
        offset_entries: offsets.0,
        time_entries: times.0,
        last_time_entry: largest.timestamp,
        largest,
        last_modified_ms: modified.as_millis() as i64,
        synced: true,
    })
}

/// Whether no batch from the last indexed one on is younger: few bytes.
fn is_largest(
    disk: &dyn Disk,
    dir: &Path,
    base_offset: i64,
    size_bytes: u64,
    indexed: OffsetEntry,
    largest: TimeEntry,
) -> bool {
    let Ok(file) = disk.open_read(&segment_path(dir, base_offset, LOG)) else {
        return false;
    };
    let mut scan = HeaderScan::new(disk, &file, size_bytes, Patience::Disk);
    let mut position = indexed.position;
    while let Ok(Some(header)) = scan.header(position) {
        if header.max_timestamp > largest.timestamp {
            return false;
        }
        position += header.size_bytes;
    }
    position == size_bytes
}

/// Count of entries and the last one; `None` when the file is missing or has an odd size.
#[allow(clippy::type_complexity, reason = "used once, right above")]
fn last_entry<const ENTRY_BYTES: usize>(
    disk: &dyn Disk,
    path: &Path,
) -> Option<(usize, Option<[u8; ENTRY_BYTES]>)> {
    let bytes = std::fs::metadata(path).ok()?.len() as usize;
    if !bytes.is_multiple_of(ENTRY_BYTES) {
        return None;
    }
    let count = bytes / ENTRY_BYTES;
    let index = IndexFile::<ENTRY_BYTES>::existing(path.to_owned(), count);
    let last = index.last(disk, Patience::Disk).ok()?;
    Some((count, last))
}
