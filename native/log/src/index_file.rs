//! What offset index and time index share: a file of fixed-size ascending entries.
//!
//! ```text
//! file   |e0 e1 e2 ... e511|e512 ... |0 0 0 0 ... (preallocated hole, cut when sealed)
//! memory                              |tail: at most a page of entries not yet in the file
//! ```
//! The page that was searched last is kept: readers who go on where they stopped find their next
//! entry in it. The file is read with pread, never mapped: a file that shrinks under us is a short read, not a
//! dead process. Entries are a cache; losing the tail in a crash costs a scan of what it covered.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use millrace_io::Disk;
use parking_lot::Mutex;

use crate::access::{Miss, Patience, read_exact};

/// The tail is written to the file when it has this many entries.
const SPILL_COUNT: usize = 512;

/// See the module.
#[derive(Debug)]
pub(crate) struct IndexFile<const ENTRY_BYTES: usize> {
    path: PathBuf,
    file: OnceLock<File>,
    entries: Mutex<Entries<ENTRY_BYTES>>,
}

#[derive(Debug)]
struct Entries<const ENTRY_BYTES: usize> {
    written_count: usize,
    tail: Vec<[u8; ENTRY_BYTES]>,
    /// A copy of consecutive entries of the file, empty at first.
    page: Vec<[u8; ENTRY_BYTES]>,
    /// Changes when entries are dropped.
    generation: u64,
}

impl<const ENTRY_BYTES: usize> IndexFile<ENTRY_BYTES> {
    /// A new file, empty or with what an older one held dropped, preallocated as a hole.
    pub(crate) fn create(disk: &dyn Disk, path: PathBuf, size_bytes: u64) -> io::Result<Self> {
        let index = Self::existing(path, 0);
        let file = disk.open(&index.path, true)?;
        disk.set_len(&file, 0)?;
        disk.set_len(&file, size_bytes - size_bytes % ENTRY_BYTES as u64)?;
        let _ = index.file.set(file);
        Ok(index)
    }

    /// A file known to hold `count` good entries; opened when first needed.
    pub(crate) fn existing(path: PathBuf, count: usize) -> Self {
        let entries = Mutex::new(Entries {
            written_count: count,
            tail: Vec::new(),
            page: Vec::new(),
            generation: 0,
        });
        Self {
            path,
            file: OnceLock::new(),
            entries,
        }
    }

    /// Grows the file by a hole so that a sealed index becomes active again; drops entries from
    /// `keep_count` on.
    pub(crate) fn reopen(
        &self,
        disk: &dyn Disk,
        keep_count: usize,
        size_bytes: u64,
    ) -> io::Result<()> {
        let file = self.open_writable(disk)?;
        let kept_bytes = (keep_count * ENTRY_BYTES) as u64;
        disk.set_len(file, kept_bytes)?;
        disk.set_len(
            file,
            (size_bytes - size_bytes % ENTRY_BYTES as u64).max(kept_bytes),
        )?;
        let mut entries = self.entries.lock();
        entries.written_count = keep_count;
        entries.tail.clear();
        entries.page.clear();
        entries.generation += 1;
        Ok(())
    }

    /// Appends an entry; now and then writes a page of them.
    pub(crate) fn push(&self, disk: &dyn Disk, entry: [u8; ENTRY_BYTES]) -> io::Result<()> {
        let full = {
            let mut entries = self.entries.lock();
            entries.tail.push(entry);
            // The first entry goes to the file at once: whoever looks at the files of a running
            // broker would take the zeros of the hole for it.
            entries.written_count == 0 || entries.tail.len() >= SPILL_COUNT
        };
        if full { self.spill(disk) } else { Ok(()) }
    }

    /// Writes the tail to the file. Lack of space is no error: the entries stay in memory. Only one
    /// thread writes an index; readers may look at it all the while.
    pub(crate) fn spill(&self, disk: &dyn Disk) -> io::Result<()> {
        let (bytes, count, position) = {
            let entries = self.entries.lock();
            let position = (entries.written_count * ENTRY_BYTES) as u64;
            (
                entries.tail.as_flattened().to_vec(),
                entries.tail.len(),
                position,
            )
        };
        if count == 0 {
            return Ok(());
        }
        match disk.write_all_at(self.open_writable(disk)?, &bytes, position) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error),
        }
        let mut entries = self.entries.lock();
        entries.written_count += count;
        entries.tail.drain(..count);
        Ok(())
    }

    /// Writes the tail and cuts the preallocated hole. A full disk leaves both for the next start.
    pub(crate) fn seal(&self, disk: &dyn Disk) -> io::Result<()> {
        self.spill(disk)?;
        let size = {
            let entries = self.entries.lock();
            if !entries.tail.is_empty() {
                return Ok(());
            }
            (entries.written_count * ENTRY_BYTES) as u64
        };
        disk.set_len(self.open_writable(disk)?, size)
    }

    /// Flushes the file.
    pub(crate) fn sync(&self, disk: &dyn Disk) -> io::Result<()> {
        disk.sync_data(self.open_writable(disk)?)
    }

    /// The last entry, when it is in memory or can be read.
    pub(crate) fn last(
        &self,
        disk: &dyn Disk,
        patience: Patience,
    ) -> Result<Option<[u8; ENTRY_BYTES]>, Miss> {
        let written_count = {
            let entries = self.entries.lock();
            if let Some(entry) = entries.tail.last() {
                return Ok(Some(*entry));
            }
            entries.written_count
        };
        match written_count {
            0 => Ok(None),
            count => self.read_entry(disk, count - 1, patience).map(Some),
        }
    }

    /// The last entry whose key is at or below `target`; keys ascend.
    pub(crate) fn floor(
        &self,
        disk: &dyn Disk,
        patience: Patience,
        target: i64,
        key: impl Fn(&[u8; ENTRY_BYTES]) -> i64,
    ) -> Result<Option<[u8; ENTRY_BYTES]>, Miss> {
        let (written_count, generation) = {
            let entries = self.entries.lock();
            let above = entries.tail.partition_point(|entry| key(entry) <= target);
            if above > 0 {
                return Ok(Some(entries.tail[above - 1]));
            }
            let above = entries.page.partition_point(|entry| key(entry) <= target);
            if above > 0 && above < entries.page.len() {
                return Ok(Some(entries.page[above - 1]));
            }
            (entries.written_count, entries.generation)
        };
        // Narrow down to a page with single reads, then read the page.
        let (mut low, mut high) = (0, written_count);
        while high - low > SPILL_COUNT {
            let middle = low + (high - low) / 2;
            if key(&self.read_entry(disk, middle, patience)?) <= target {
                low = middle;
            } else {
                high = middle;
            }
        }
        if low == high {
            return Ok(None);
        }
        // Entries from `low` on, also those behind `high`: that is where a reader goes next.
        let count = (written_count - low).min(SPILL_COUNT);
        let mut page = [[0u8; ENTRY_BYTES]; SPILL_COUNT];
        let page = &mut page[..count];
        let file = self.open(disk, patience)?;
        let position = (low * ENTRY_BYTES) as u64;
        read_exact(disk, file, page.as_flattened_mut(), position, patience)?;
        let above = page.partition_point(|entry| key(entry) <= target);
        let mut entries = self.entries.lock();
        if entries.generation == generation {
            entries.page.clear();
            entries.page.extend_from_slice(page);
        }
        Ok(above.checked_sub(1).map(|index| page[index]))
    }

    /// The first entries as long as they are good, for recovery. Behind them a crash leaves a hole of
    /// megabytes, which is not read.
    pub(crate) fn read_while(
        disk: &dyn Disk,
        path: &Path,
        mut is_good: impl FnMut(&[u8; ENTRY_BYTES]) -> bool,
    ) -> io::Result<Vec<u8>> {
        let file = disk.open_read(path)?;
        let mut good = Vec::new();
        let mut chunk = vec![0; SPILL_COUNT * ENTRY_BYTES];
        loop {
            let filled = disk.read_at(&file, &mut chunk, good.len() as u64)?;
            let (entries, _) = chunk[..filled].as_chunks::<ENTRY_BYTES>();
            let count = entries.iter().take_while(|entry| is_good(entry)).count();
            good.extend_from_slice(&chunk[..count * ENTRY_BYTES]);
            if count < entries.len() || entries.is_empty() {
                return Ok(good);
            }
        }
    }

    fn read_entry(
        &self,
        disk: &dyn Disk,
        index: usize,
        patience: Patience,
    ) -> Result<[u8; ENTRY_BYTES], Miss> {
        let mut entry = [0u8; ENTRY_BYTES];
        let file = self.open(disk, patience)?;
        read_exact(
            disk,
            file,
            &mut entry,
            (index * ENTRY_BYTES) as u64,
            patience,
        )?;
        Ok(entry)
    }

    fn open(&self, disk: &dyn Disk, patience: Patience) -> Result<&File, Miss> {
        match (self.file.get(), patience) {
            (Some(file), _) => Ok(file),
            (None, Patience::Memory) => Err(Miss::Cold),
            (None, Patience::Disk) => Ok(self.open_writable(disk)?),
        }
    }

    /// Opens the file if it is not open yet.
    pub(crate) fn open_now(&self, disk: &dyn Disk) -> io::Result<()> {
        self.open_writable(disk).map(|_| ())
    }

    fn open_writable(&self, disk: &dyn Disk) -> io::Result<&File> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let file = disk.open(&self.path, false)?;
        Ok(self.file.get_or_init(|| file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_io::OsDisk;

    #[test]
    fn recovery_reads_no_further_than_the_entries_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.index");
        let count = SPILL_COUNT as u64 * 2 + 3;
        let entries: Vec<u8> = (1..=count).flat_map(u64::to_be_bytes).collect();
        std::fs::write(&path, &entries).unwrap();
        // As a crash leaves it, and larger than could be read.
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(1 << 40).unwrap();
        let mut last = 0;
        let good = IndexFile::<8>::read_while(&OsDisk, &path, |entry| {
            let ascends = u64::from_be_bytes(*entry) > last;
            last = u64::from_be_bytes(*entry);
            ascends
        });
        assert!(good.unwrap() == entries);
        file.set_len(entries.len() as u64 + 5).unwrap();
        let all = IndexFile::<8>::read_while(&OsDisk, &path, |entry| entry != &[0; 8]);
        assert!(all.unwrap() == entries);
    }
}
