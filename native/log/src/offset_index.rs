//! `.index`: int32 offset minus base, int32 position. An entry points at the start of a batch and
//! names that batch's last offset.

use std::io;
use std::path::PathBuf;

use millrace_io::Disk;

use crate::access::{Miss, Patience};
use crate::index_file::IndexFile;

pub(crate) const ENTRY_BYTES: usize = 8;

/// A batch that an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    pub(crate) last_offset: i64,
    pub(crate) position: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct OffsetIndex {
    base_offset: i64,
    pub(crate) file: IndexFile<ENTRY_BYTES>,
}

impl OffsetIndex {
    pub(crate) fn create(
        disk: &dyn Disk,
        path: PathBuf,
        base_offset: i64,
        size_bytes: u64,
    ) -> io::Result<Self> {
        Ok(Self {
            base_offset,
            file: IndexFile::create(disk, path, size_bytes)?,
        })
    }

    pub(crate) fn existing(path: PathBuf, base_offset: i64, count: usize) -> Self {
        Self {
            base_offset,
            file: IndexFile::existing(path, count),
        }
    }

    pub(crate) fn push(&self, disk: &dyn Disk, entry: OffsetEntry) -> io::Result<()> {
        self.file.push(disk, encode(self.base_offset, entry))
    }

    /// The last entry whose batch ends at or below `offset`.
    pub(crate) fn floor_offset(
        &self,
        disk: &dyn Disk,
        patience: Patience,
        offset: i64,
    ) -> Result<Option<OffsetEntry>, Miss> {
        let target = offset - self.base_offset;
        let found = self
            .file
            .floor(disk, patience, target, |entry| i64::from(relative(entry)))?;
        Ok(found.map(|entry| decode(self.base_offset, &entry)))
    }

    /// The last entry whose batch starts at or below `position`.
    pub(crate) fn floor_position(
        &self,
        disk: &dyn Disk,
        patience: Patience,
        position: u64,
    ) -> Result<Option<OffsetEntry>, Miss> {
        let found = self.file.floor(disk, patience, position as i64, |entry| {
            decode(self.base_offset, entry).position as i64
        })?;
        Ok(found.map(|entry| decode(self.base_offset, &entry)))
    }
}

fn relative(entry: &[u8; ENTRY_BYTES]) -> i32 {
    i32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]])
}

fn encode(base_offset: i64, entry: OffsetEntry) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..4].copy_from_slice(&((entry.last_offset - base_offset) as i32).to_be_bytes());
    bytes[4..].copy_from_slice(&(entry.position as i32).to_be_bytes());
    bytes
}

/// Reads an entry.
pub(crate) fn decode(base_offset: i64, entry: &[u8; ENTRY_BYTES]) -> OffsetEntry {
    let position = i32::from_be_bytes([entry[4], entry[5], entry[6], entry[7]]);
    OffsetEntry {
        last_offset: base_offset + i64::from(relative(entry)),
        position: u64::from(position as u32),
    }
}
