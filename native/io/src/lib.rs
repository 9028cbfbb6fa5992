//! What the native core knows of the operating system's files: a [`Disk`] behind which faults can be
//! injected, durable small files, directory locks, page-cache probes, and the queue by which native
//! threads report to the thread that decides. Knows nothing of logs or of Kafka.

mod completion;
mod disk;
mod durable;
mod error;
#[cfg(feature = "faulty")]
mod faulty;
mod file_range;
mod lock;
mod os_disk;
mod page_cache;

pub use completion::{CompletionKind, CompletionQueue, CompletionRow};
pub use disk::Disk;
pub use durable::{DurableWriteError, read_small_file, write_durably};
pub use error::{EngineError, ErrorCode, Result};
#[cfg(feature = "faulty")]
pub use faulty::{DiskOperation, FaultyDisk, Rule};
pub use file_range::FileRange;
pub use lock::DirLock;
pub use os_disk::OsDisk;
pub use page_cache::{read_ahead, resident, try_read_at};
