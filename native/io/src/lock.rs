//! One process per log directory.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::disk::Disk;
use crate::error::{EngineError, ErrorCode, Result};

/// Holds the advisory lock of a directory's `.lock` file; dropping it releases the lock.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Takes the lock, or reports `DirLocked` at once when somebody else holds it.
    pub fn acquire(disk: &dyn Disk, dir: &Path) -> Result<Self> {
        let path = dir.join(".lock");
        let file = disk
            .open(&path, true)
            .map_err(|error| EngineError::io(format_args!("open {}", path.display()), &error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(EngineError::new(
                ErrorCode::DirLocked,
                format!("{} is in use by another process", dir.display()),
            )),
            Err(errno) => Err(EngineError::io(
                format_args!("lock {}", path.display()),
                &errno.into(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os_disk::OsDisk;

    #[test]
    fn a_second_holder_is_refused_until_the_first_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirLock::acquire(&OsDisk, dir.path()).unwrap();
        let refused = DirLock::acquire(&OsDisk, dir.path()).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::DirLocked);
        drop(first);
        DirLock::acquire(&OsDisk, dir.path()).unwrap();
    }
}
