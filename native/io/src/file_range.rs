//! Bytes of an open file, named so that they can be sent without being read.

use std::fs::File;
use std::sync::Arc;

/// A piece of an open file. Holding it keeps the file readable even after it was unlinked.
///
/// A truncation may still cut the range: whoever sends it must treat an early end of file as an error.
#[derive(Clone, Debug)]
pub struct FileRange {
    /// The open file.
    pub file: Arc<File>,
    /// First byte.
    pub position: u64,
    /// Number of bytes.
    pub length: u64,
}
