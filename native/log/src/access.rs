//! How long a reader is willing to wait.

use std::fs::File;
use std::io;

use millrace_io::{Disk, EngineError, ErrorCode, try_read_at};

/// Whether a read may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Only what is in memory; for the deciding thread.
    Memory,
    /// Wait for the disk; for native threads.
    Disk,
}

/// Why a read gave nothing.
#[derive(Debug)]
pub(crate) enum Miss {
    /// It would have had to wait.
    Cold,
    /// The disk failed.
    Failed(io::Error),
    /// The bytes are not what they should be.
    Corrupt,
}

impl From<io::Error> for Miss {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Miss {
    /// As an error of a caller that was willing to wait.
    pub(crate) fn into_error(self, what: &str) -> EngineError {
        match self {
            Self::Failed(error) => EngineError::io(what, &error),
            Self::Corrupt => EngineError::new(
                ErrorCode::CorruptFile,
                format!("{what}: a batch header is not what it should be"),
            ),
            // A concurrent truncation can make a file end early.
            Self::Cold => {
                EngineError::new(ErrorCode::IoError, format!("{what}: the file ended early"))
            }
        }
    }
}

/// Reads up to `into.len()` bytes.
pub(crate) fn read_some(
    disk: &dyn Disk,
    file: &File,
    into: &mut [u8],
    position: u64,
    patience: Patience,
) -> Result<usize, Miss> {
    match patience {
        Patience::Disk => loop {
            match disk.read_at(file, into, position) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return Ok(other?),
            }
        },
        Patience::Memory => try_read_at(file, into, position)?.ok_or(Miss::Cold),
    }
}

/// Fills `into`; a shorter file is `Cold` for the impatient (ask again by way of a patient reader).
pub(crate) fn read_exact(
    disk: &dyn Disk,
    file: &File,
    into: &mut [u8],
    position: u64,
    patience: Patience,
) -> Result<(), Miss> {
    let mut filled = 0;
    while filled < into.len() {
        match read_some(
            disk,
            file,
            &mut into[filled..],
            position + filled as u64,
            patience,
        )? {
            0 if patience == Patience::Memory => return Err(Miss::Cold),
            0 => return Err(Miss::Failed(io::ErrorKind::UnexpectedEof.into())),
            count => filled += count,
        }
    }
    Ok(())
}
