//! Once a write or a flush has failed, nobody knows what is on the device.

use std::sync::atomic::{AtomicU8, Ordering};

use millrace_io::{EngineError, ErrorCode, Result};

/// Set once, never cleared.
#[derive(Debug, Default)]
pub(crate) struct Poison(AtomicU8);

impl Poison {
    /// Whether the directory is unusable.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }

    /// Sets it; true for the first.
    pub(crate) fn set(&self) -> bool {
        self.0.swap(1, Ordering::AcqRel) == 0
    }

    /// An error when it is set.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_set() {
            return Err(EngineError::new(
                ErrorCode::Poisoned,
                "the log directory failed earlier and is offline",
            ));
        }
        Ok(())
    }
}
