//! `leader-epoch-checkpoint`: which leader epoch began at which offset.

use std::path::PathBuf;

use millrace_io::{EngineError, ErrorCode, Result};
use parking_lot::Mutex;

use crate::dir::LogDir;
use crate::types::EpochEntry;

/// The entries in memory and their file.
#[derive(Debug)]
pub(crate) struct Epochs {
    path: PathBuf,
    entries: Mutex<Vec<EpochEntry>>,
    /// Held over the write, so that an older list never overwrites a newer one.
    saving: Mutex<()>,
}

impl Epochs {
    /// Reads the file; a missing or empty one has no entries, anything else unreadable is refused.
    pub(crate) fn load(dir: &LogDir, path: PathBuf) -> Result<Self> {
        let bytes = dir.read_small(&path)?.unwrap_or_default();
        let entries = parse(&bytes).ok_or_else(|| {
            let what = format!("{} is not a leader epoch checkpoint", path.display());
            EngineError::new(ErrorCode::CorruptFile, what)
        })?;
        Ok(Self {
            path,
            entries: Mutex::new(entries),
            saving: Mutex::new(()),
        })
    }

    pub(crate) fn entries(&self) -> Vec<EpochEntry> {
        self.entries.lock().clone()
    }

    /// Starts an epoch. Entries of epochs in which nothing was written give way.
    pub(crate) fn assign(&self, dir: &LogDir, epoch: i32, start_offset: i64) -> Result<()> {
        self.change(dir, |entries| push(entries, epoch, start_offset))
    }

    /// Epochs that recovery saw in batches; saved with the next change.
    pub(crate) fn learn(&self, epoch: i32, start_offset: i64) {
        push(&mut self.entries.lock(), epoch, start_offset);
    }

    /// Nothing begins at or above `log_end`.
    pub(crate) fn cut_end(&self, dir: &LogDir, log_end: i64) -> Result<()> {
        self.change(dir, |entries| {
            entries.retain(|entry| entry.start_offset < log_end)
        })
    }

    /// The epoch that holds `log_start` begins there now; older ones go.
    pub(crate) fn cut_start(&self, dir: &LogDir, log_start: i64) -> Result<()> {
        self.change(dir, |entries| {
            let above = entries.partition_point(|entry| entry.start_offset <= log_start);
            let Some(first) = above.checked_sub(1) else {
                return;
            };
            entries.drain(..first);
            entries[0].start_offset = log_start;
        })
    }

    /// Writes the file when it does not exist, so that a new log has all of Kafka's files.
    pub(crate) fn save(&self, dir: &LogDir) -> Result<()> {
        let _saving = self.saving.lock();
        let text = format_entries(&self.entries.lock());
        dir.write_small(&self.path, text.as_bytes())
    }

    fn change(&self, dir: &LogDir, apply: impl FnOnce(&mut Vec<EpochEntry>)) -> Result<()> {
        let changed = {
            let mut entries = self.entries.lock();
            let before = entries.clone();
            apply(&mut entries);
            *entries != before
        };
        if changed { self.save(dir) } else { Ok(()) }
    }
}

fn push(entries: &mut Vec<EpochEntry>, epoch: i32, start_offset: i64) {
    if epoch < 0 || entries.last().is_some_and(|last| last.epoch >= epoch) {
        return;
    }
    entries.retain(|entry| entry.start_offset < start_offset);
    entries.push(EpochEntry {
        epoch,
        start_offset,
    });
}

fn format_entries(entries: &[EpochEntry]) -> String {
    let mut text = format!("0\n{}\n", entries.len());
    for entry in entries {
        text.push_str(&format!("{} {}\n", entry.epoch, entry.start_offset));
    }
    text
}

fn parse(bytes: &[u8]) -> Option<Vec<EpochEntry>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let Some(version) = lines.next() else {
        return Some(Vec::new());
    };
    if version.trim() != "0" {
        return None;
    }
    let count: usize = lines.next()?.trim().parse().ok()?;
    let entries = lines
        .map(|line| {
            let (epoch, start_offset) = line.trim().split_once(' ')?;
            Some(EpochEntry {
                epoch: epoch.parse().ok()?,
                start_offset: start_offset.parse().ok()?,
            })
        })
        .collect::<Option<Vec<_>>>()?;
    let ascending = entries
        .windows(2)
        .all(|pair| pair[0].epoch < pair[1].epoch && pair[0].start_offset <= pair[1].start_offset);
    (entries.len() == count && ascending).then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_kafkas() {
        let entries = [(0, 0), (3, 17)].map(|(epoch, start_offset)| EpochEntry {
            epoch,
            start_offset,
        });
        assert_eq!(format_entries(&entries), "0\n2\n0 0\n3 17\n");
        assert_eq!(parse(b"0\n2\n0 0\n3 17\n").unwrap(), entries);
        assert_eq!(parse(b"").unwrap(), []);
        for bad in [
            "1\n0\n",
            "0\n1\n",
            "0\n1\n0\n",
            "0\n2\n3 0\n1 5\n",
            "garbage",
            "0\n1\n0 x\n",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn an_epoch_without_records_gives_way() {
        let mut entries = Vec::new();
        for (epoch, start) in [(0, 0), (1, 10), (2, 10), (1, 12), (2, 20)] {
            push(&mut entries, epoch, start);
        }
        let expected = [(0, 0), (2, 10)].map(|(epoch, start_offset)| EpochEntry {
            epoch,
            start_offset,
        });
        assert_eq!(entries, expected);
    }
}
