//! Walks from batch header to batch header.

use std::fs::File;

use millrace_io::Disk;
use millrace_record::{BatchHeader, HEADER_BYTES, MAGIC};

use crate::access::{Miss, Patience, read_some};

/// Kafka's index interval: one read covers a walk over small batches, and costs hardly more than one
/// of a single header.
const WINDOW_BYTES: usize = 4096;
/// Read where the batch before was large: its neighbour's header will not be in the same window.
const LONE_HEADER_BYTES: usize = 128;
const SMALL_BATCH_BYTES: u64 = 1024;

/// Reads headers of a file through a small window.
pub(crate) struct HeaderScan<'a> {
    disk: &'a dyn Disk,
    file: &'a File,
    end: u64,
    patience: Patience,
    window: [u8; WINDOW_BYTES],
    window_at: u64,
    window_bytes: usize,
    /// How much the next read takes.
    want_bytes: usize,
}

impl<'a> HeaderScan<'a> {
    /// Over `[0, end)` of the file, where `end` is a batch boundary.
    pub(crate) fn new(disk: &'a dyn Disk, file: &'a File, end: u64, patience: Patience) -> Self {
        let window = [0; WINDOW_BYTES];
        Self {
            disk,
            file,
            end,
            patience,
            window,
            window_at: 0,
            window_bytes: 0,
            want_bytes: LONE_HEADER_BYTES * 4,
        }
    }

    /// The header at `position`, which must be a batch boundary; `None` at the end.
    pub(crate) fn header(&mut self, position: u64) -> Result<Option<BatchHeader>, Miss> {
        if position >= self.end {
            return Ok(None);
        }
        let left = self.end - position;
        if left < HEADER_BYTES as u64 {
            return Err(Miss::Corrupt);
        }
        let in_window = position.checked_sub(self.window_at).map(|at| at as usize);
        let bytes = match in_window {
            Some(at) if at + HEADER_BYTES <= self.window_bytes => {
                &self.window[at..self.window_bytes]
            }
            _ => self.fill(position, left)?,
        };
        let header = BatchHeader::read(bytes).ok_or(Miss::Corrupt)?;
        let sane = header.magic == MAGIC
            && header.size_bytes >= HEADER_BYTES as u64
            && header.size_bytes <= left
            && header.last_offset_delta >= 0;
        let is_small = header.size_bytes <= SMALL_BATCH_BYTES;
        self.want_bytes = if is_small {
            WINDOW_BYTES
        } else {
            LONE_HEADER_BYTES
        };
        if sane {
            Ok(Some(header))
        } else {
            Err(Miss::Corrupt)
        }
    }

    fn fill(&mut self, position: u64, left: u64) -> Result<&[u8], Miss> {
        let want = left.min(self.want_bytes as u64) as usize;
        let mut filled = 0;
        self.window_bytes = 0;
        while filled < HEADER_BYTES {
            let into = &mut self.window[filled..want];
            match read_some(
                self.disk,
                self.file,
                into,
                position + filled as u64,
                self.patience,
            )? {
                // Shorter than what was written: a truncation overtook us, or the disk lost it.
                0 => return Err(Miss::Cold),
                count => filled += count,
            }
        }
        self.window_at = position;
        self.window_bytes = filled;
        Ok(&self.window[..filled])
    }
}
