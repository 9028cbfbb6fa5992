//! `.txnindex`: int16 version 0, int64 producer id, first offset, last offset (the marker), last
//! stable offset. Few entries; read whole.

use std::io;
use std::path::Path;

use millrace_io::{Disk, EngineError, ErrorCode, Result};

use crate::dir::LogDir;
use crate::layout::TRANSACTION_INDEX;
use crate::log::Log;
use crate::types::AbortedTransaction;

const ENTRY_BYTES: usize = 34;

impl Log {
    /// Aborted transactions that overlap `[from_offset, up_to_offset)`, from the indexes of all
    /// segments that can name them. Waits for the disk.
    pub fn aborted_transactions(
        &self,
        from_offset: i64,
        up_to_offset: i64,
    ) -> Result<Vec<AbortedTransaction>> {
        let mut found = Vec::new();
        let segments = self.all_segments();
        for (index, segment) in segments.iter().enumerate() {
            let next = segments
                .get(index + 1)
                .map_or(i64::MAX, |next| next.base_offset);
            if next <= from_offset {
                continue;
            }
            for entry in read_entries(&self.dir, &segment.transaction_index_path())? {
                if entry.last_offset >= from_offset && entry.first_offset < up_to_offset {
                    found.push(entry);
                }
                // Whatever was aborted later began at or above this last stable offset.
                if entry.last_stable_offset >= up_to_offset {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// Adds an entry to the index of the segment that holds the marker, durably.
    pub fn append_aborted_transaction(&self, entry: AbortedTransaction) -> Result<()> {
        let _writing = self.writing.lock();
        self.check_open()?;
        let segment = self.segment_of(entry.last_offset).ok_or_else(|| {
            EngineError::new(ErrorCode::OffsetOutOfRange, "no segment holds the marker")
        })?;
        let path = segment.path(TRANSACTION_INDEX);
        append(&*self.dir.disk, &path, &entry).map_err(|error| {
            self.dir
                .judge(&format!("append to {}", path.display()), &error)
        })?;
        self.dir.sync_dir(self.directory())
    }
}

fn append(disk: &dyn Disk, path: &Path, entry: &AbortedTransaction) -> io::Result<()> {
    let file = disk.open(path, true)?;
    let length = file.metadata()?.len();
    let whole = length - length % ENTRY_BYTES as u64;
    disk.write_all_at(&file, &encode(entry), whole)?;
    disk.sync_data(&file)
}

/// Entries of a file; none when it does not exist. A torn last entry is left out.
pub(crate) fn read_entries(dir: &LogDir, path: &Path) -> Result<Vec<AbortedTransaction>> {
    let Some(bytes) = dir.read_small(path)? else {
        return Ok(Vec::new());
    };
    let (entries, _torn) = bytes.as_chunks::<ENTRY_BYTES>();
    entries
        .iter()
        .map(|entry| {
            decode(entry).ok_or_else(|| {
                let what = format!("{} has an entry of an unknown version", path.display());
                EngineError::new(ErrorCode::CorruptFile, what)
            })
        })
        .collect()
}

/// Drops entries whose marker lies at or above `offset`.
pub(crate) fn truncate(dir: &LogDir, path: &Path, offset: i64) -> Result<()> {
    let entries = read_entries(dir, path)?;
    let kept: Vec<u8> = entries
        .iter()
        .filter(|entry| entry.last_offset < offset)
        .flat_map(encode)
        .collect();
    if kept.len() == entries.len() * ENTRY_BYTES {
        return Ok(());
    }
    dir.write_small(path, &kept)
}

/// The bytes of a whole file.
pub(crate) fn encode_all(entries: &[AbortedTransaction]) -> Vec<u8> {
    entries.iter().flat_map(encode).collect()
}

fn encode(entry: &AbortedTransaction) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[2..10].copy_from_slice(&entry.producer_id.to_be_bytes());
    bytes[10..18].copy_from_slice(&entry.first_offset.to_be_bytes());
    bytes[18..26].copy_from_slice(&entry.last_offset.to_be_bytes());
    bytes[26..34].copy_from_slice(&entry.last_stable_offset.to_be_bytes());
    bytes
}

fn decode(bytes: &[u8; ENTRY_BYTES]) -> Option<AbortedTransaction> {
    let field = |at: usize| {
        let mut eight = [0; 8];
        eight.copy_from_slice(&bytes[at..at + 8]);
        i64::from_be_bytes(eight)
    };
    (bytes[..2] == [0, 0]).then(|| AbortedTransaction {
        producer_id: field(2),
        first_offset: field(10),
        last_offset: field(18),
        last_stable_offset: field(26),
    })
}
