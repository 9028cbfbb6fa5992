//! Reads a sealed segment batch by batch, bytes and all, with the CRC checked.

use std::fs::File;
use std::io;

use millrace_io::Disk;
use millrace_record::{BatchHeader, HEADER_BYTES, check_batch};

/// Walks whole batches of `[0, end)`.
pub(crate) struct BatchWalk<'a> {
    disk: &'a dyn Disk,
    file: &'a File,
    position: u64,
    end: u64,
    bytes: Vec<u8>,
    at: usize,
    filled: usize,
}

const CHUNK_BYTES: usize = 1 << 20;

impl<'a> BatchWalk<'a> {
    pub(crate) fn new(disk: &'a dyn Disk, file: &'a File, end: u64) -> Self {
        Self {
            disk,
            file,
            position: 0,
            end,
            bytes: vec![0; CHUNK_BYTES],
            at: 0,
            filled: 0,
        }
    }

    /// The next batch; `None` at the end. Anything else than a good batch is `InvalidData`.
    pub(crate) fn next(&mut self) -> io::Result<Option<(BatchHeader, &[u8])>> {
        if self.position >= self.end {
            return Ok(None);
        }
        self.need(HEADER_BYTES)?;
        let head = BatchHeader::read(&self.bytes[self.at..self.filled]).ok_or_else(invalid)?;
        if head.size_bytes > self.end - self.position || head.size_bytes < HEADER_BYTES as u64 {
            return Err(invalid());
        }
        let size = head.size_bytes as usize;
        self.need(size)?;
        let batch = &self.bytes[self.at..self.at + size];
        let header = check_batch(batch).map_err(|_| invalid())?;
        self.at += size;
        self.position += head.size_bytes;
        Ok(Some((header, batch)))
    }

    /// Makes `count` bytes from the current position available.
    fn need(&mut self, count: usize) -> io::Result<()> {
        if self.filled - self.at >= count {
            return Ok(());
        }
        self.bytes.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.at = 0;
        if self.bytes.len() < count {
            self.bytes.resize(count, 0);
        }
        while self.filled < count {
            let position = self.position + self.filled as u64;
            let into = &mut self.bytes[self.filled..];
            match self.disk.read_at(self.file, into, position)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.filled += read,
            }
        }
        Ok(())
    }
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a batch is damaged")
}
