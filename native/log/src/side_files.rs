//! Small files beside the segments: `partition.metadata` and producer snapshots.

use std::path::{Path, PathBuf};

use millrace_io::{EngineError, ErrorCode, Result};

use crate::dir::LogDir;
use crate::layout::{PARTITION_METADATA, SNAPSHOT, parse_segment_file, segment_path};
use crate::log::Log;

impl Log {
    /// Writes `<offset>.snapshot` durably.
    pub fn write_snapshot(&self, offset: i64, bytes: &[u8]) -> Result<()> {
        self.dir.write_small(&self.snapshot_path(offset), bytes)
    }

    /// Reads `<offset>.snapshot`; `None` when it does not exist.
    pub fn read_snapshot(&self, offset: i64) -> Result<Option<Vec<u8>>> {
        self.dir.read_small(&self.snapshot_path(offset))
    }

    /// Removes `<offset>.snapshot`.
    pub fn remove_snapshot(&self, offset: i64) -> Result<()> {
        self.dir.remove_small(&self.snapshot_path(offset))
    }

    fn snapshot_path(&self, offset: i64) -> PathBuf {
        segment_path(self.directory(), offset, SNAPSHOT)
    }
}

/// The topic id in `partition.metadata`; writes `wanted` when the file is absent.
pub(crate) fn topic_id(
    dir: &LogDir,
    log_path: &Path,
    wanted: Option<&str>,
) -> Result<Option<String>> {
    let path = log_path.join(PARTITION_METADATA);
    if let Some(bytes) = dir.read_small(&path)? {
        let found = parse_topic_id(&bytes).ok_or_else(|| {
            let what = format!("{} is not partition metadata", path.display());
            EngineError::new(ErrorCode::CorruptFile, what)
        })?;
        return Ok(Some(found));
    }
    if let Some(id) = wanted {
        dir.write_small(&path, format!("version: 0\ntopic_id: {id}").as_bytes())?;
    }
    Ok(wanted.map(str::to_owned))
}

fn parse_topic_id(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    if lines.next()?.trim() != "version: 0" {
        return None;
    }
    let id = lines.next()?.strip_prefix("topic_id:")?.trim();
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (id.len() == 22 && id.bytes().all(valid)).then(|| id.to_owned())
}

/// Offsets of the snapshots up to `log_end`, ascending. Later ones are removed: they describe
/// records that are lost.
pub(crate) fn snapshot_offsets(dir: &LogDir, log_path: &Path, log_end: i64) -> Result<Vec<i64>> {
    let mut offsets = Vec::new();
    for path in dir.list(log_path)? {
        let name = parse_segment_file(&path)
            .filter(|name| name.extension == SNAPSHOT && name.suffix.is_empty());
        match name {
            Some(name) if name.base_offset > log_end => dir.remove_small(&path)?,
            Some(name) => offsets.push(name.base_offset),
            None => {}
        }
    }
    offsets.sort_unstable();
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_metadata_as_kafka_writes_it() {
        let id = "AAAAAAAAAAAAAAAAAAAAAQ";
        let text = format!("version: 0\ntopic_id: {id}");
        assert_eq!(parse_topic_id(text.as_bytes()).unwrap(), id);
        for bad in [
            "",
            "version: 1\ntopic_id: x",
            "version: 0\ntopic_id: ../../etc/passwd",
        ] {
            assert_eq!(parse_topic_id(bad.as_bytes()), None);
        }
    }
}
