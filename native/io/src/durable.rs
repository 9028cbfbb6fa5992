//! Small files that are either the old or the new content after a power cut, never a mixture.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;

/// A small file that could not be written.
#[derive(Debug)]
pub struct DurableWriteError {
    /// Nothing was flushed or renamed yet: the old content stands and the disk has broken no promise.
    pub before_flush: bool,
    /// What the operating system said.
    pub error: io::Error,
}

/// Writes `<path>.tmp`, flushes it, renames it over `path` and flushes the directory.
pub fn write_durably(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), DurableWriteError> {
    let temporary = temporary_name(path);
    let file = write_temporary(disk, &temporary, bytes).map_err(|error| {
        let _ = disk.remove_file(&temporary);
        DurableWriteError {
            before_flush: true,
            error,
        }
    })?;
    let finish = || {
        disk.sync_data(&file)?;
        disk.rename(&temporary, path)?;
        path.parent().map_or(Ok(()), |parent| disk.sync_dir(parent))
    };
    finish().map_err(|error| DurableWriteError {
        before_flush: false,
        error,
    })
}

fn write_temporary(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<File> {
    let file = disk.open(path, true)?;
    disk.set_len(&file, 0)?;
    disk.write_all_at(&file, bytes, 0)?;
    Ok(file)
}

/// The whole file, or `None` when it does not exist. Refuses files above `limit` bytes.
pub fn read_small_file(disk: &dyn Disk, path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open_read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    if length > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "file is larger than its limit",
        ));
    }
    let mut bytes = vec![0; length as usize];
    disk.read_exact_at(&file, &mut bytes, 0)?;
    Ok(Some(bytes))
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os_disk::OsDisk;

    #[test]
    fn replaces_the_content_and_leaves_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        write_durably(&OsDisk, &path, b"first, longer").unwrap();
        write_durably(&OsDisk, &path, b"second").unwrap();
        assert_eq!(
            read_small_file(&OsDisk, &path, 100).unwrap().unwrap(),
            b"second"
        );
        assert_eq!(OsDisk.list(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_missing_file_is_none_and_an_oversized_one_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        assert!(read_small_file(&OsDisk, &path, 100).unwrap().is_none());
        write_durably(&OsDisk, &path, &[0; 101]).unwrap();
        assert!(read_small_file(&OsDisk, &path, 100).is_err());
    }
}
