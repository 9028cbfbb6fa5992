//! The seam between the core and the disk.

use std::fs::File;
use std::io;
use std::io::IoSlice;
use std::path::{Path, PathBuf};

/// Everything that changes files or asks whether a change is safe. Reads of data go through it as
/// well, so that a faulty body can fail them.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// Opens for reading and writing; creates an empty file when `create` is set and it is absent.
    fn open(&self, path: &Path, create: bool) -> io::Result<File>;
    /// Opens for reading.
    fn open_read(&self, path: &Path) -> io::Result<File>;
    /// Writes the slices one after another from `position`; may write less than given.
    fn write_vectored_at(
        &self,
        file: &File,
        slices: &[IoSlice<'_>],
        position: u64,
    ) -> io::Result<usize>;
    /// Writes all of `bytes` at `position`.
    fn write_all_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()>;
    /// Reads up to `into.len()` bytes; 0 at the end of the file.
    fn read_at(&self, file: &File, into: &mut [u8], position: u64) -> io::Result<usize>;
    /// Flushes the data, and the metadata needed to read it, to the device.
    fn sync_data(&self, file: &File) -> io::Result<()>;
    /// Makes created, renamed and removed entries of the directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Sets the length; grows with a hole.
    fn set_len(&self, file: &File, length: u64) -> io::Result<()>;
    /// Renames over what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Creates a directory; its parent must exist.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory and everything in it.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Paths of the entries of a directory, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;

    /// Fills `into` from `position`, or reports `UnexpectedEof`.
    fn read_exact_at(&self, file: &File, into: &mut [u8], position: u64) -> io::Result<()> {
        let mut filled = 0;
        while filled < into.len() {
            match self.read_at(file, &mut into[filled..], position + filled as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
