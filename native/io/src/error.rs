//! Stable codes of everything that can go wrong, equal to `packages/engine/src/engine-error.ts`.

use std::fmt;
use std::io;

/// Stable error codes. Never renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorCode {
    /// The batch's CRC32C does not match.
    CorruptBatch = 1,
    /// The batch's lengths or counts do not fit its bytes.
    InvalidBatch = 2,
    /// The batch is larger than `segment.bytes`.
    BatchLargerThanSegment = 3,
    /// The log dir is poisoned by an earlier failed write or flush.
    Poisoned = 4,
    /// A read, write, flush or rename failed.
    IoError = 5,
    /// No space left; what was staged was cut back and refused.
    NoSpace = 6,
    /// Another process holds the directory's `.lock`.
    DirLocked = 7,
    /// A file of the data directory cannot be read as what it should be.
    CorruptFile = 8,
    /// No log, dir, listener or connection of that number.
    UnknownHandle = 9,
    /// Offset outside the log.
    OffsetOutOfRange = 10,
    /// The address is taken.
    AddressInUse = 11,
    /// The address cannot be bound for another reason.
    AddressUnavailable = 12,
    /// A name that never becomes a path.
    InvalidName = 13,
    /// The native binary for this platform is missing (raised by TypeScript only).
    NativeBinaryMissing = 14,
    /// A panic, caught at the boundary.
    Panic = 15,
    /// The system refuses an option of a socket.
    SocketOption = 16,
}

/// An error with a stable code and a sentence about what it concerned.
#[derive(Debug)]
pub struct EngineError {
    code: ErrorCode,
    message: String,
}

/// Result of the native core.
pub type Result<T> = std::result::Result<T, EngineError>;

impl EngineError {
    /// An error with its sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// Wraps an error of the operating system; `what` says which operation on what.
    pub fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::NoSpace,
            _ => ErrorCode::IoError,
        };
        Self {
            code,
            message: format!("{what}: {error}"),
        }
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What it was about.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}

impl std::error::Error for EngineError {}
