//! Opens a log: finishes or drops what a crash left half done, loads segments, scans what may be
//! torn, cuts it, rebuilds indexes.
//!
//! ```text
//!   sealed, below the recovery point      at or above it          active
//!   | indexes looked at, not scanned |  CRC of every batch  | CRC from the recovery point on |x torn
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_io::{Disk, EngineError, ErrorCode, Result};

use crate::dir::LogDir;
use crate::epochs::Epochs;
use crate::janitor::Janitor;
use crate::layout::{
    CLEANED, DELETED, EPOCHS, LOG, SEGMENT_EXTENSIONS, SWAP, SegmentFileName, parse_segment_file,
    segment_path,
};
use crate::log::{Log, LogParts, View};
use crate::scan_segment::{ScanFailure, ScanPlan, Scanned, scan_segment};
use crate::sealed::load_sealed;
use crate::segment::{Segment, SegmentFacts};
use crate::side_files::{snapshot_offsets, topic_id};
use crate::tail::TailMark;
use crate::transaction_index;
use crate::types::{EpochEntry, FlushMode, LogId, OpenLogRequest, OpenedLog};

/// Opens the log at `path`, which exists.
pub(crate) fn open_log(
    id: LogId,
    dir: &Arc<LogDir>,
    janitor: &Arc<Janitor>,
    path: PathBuf,
    request: &OpenLogRequest,
) -> Result<(Arc<Log>, OpenedLog)> {
    let mut recovery = Recovery {
        dir,
        path: &path,
        request,
        segments: Vec::new(),
        epochs: Vec::new(),
        truncated_bytes: 0,
        tail: TailMark::of_new_segment(request.log_start_offset),
    };
    let topic = topic_id(dir, &path, request.topic_id.as_deref())?;
    let bases = recovery.tidy()?;
    recovery.load(&bases)?;
    let (segments, tail, seen) = (recovery.segments, recovery.tail, recovery.epochs);
    let truncated_bytes = recovery.truncated_bytes;
    let log_end = tail.next_offset;
    let first = segments
        .first()
        .map_or(log_end, |segment| segment.base_offset);
    let log_start = request.log_start_offset.max(first);

    let epochs = Epochs::load(dir, path.join(EPOCHS))?;
    for entry in seen {
        epochs.learn(entry.epoch, entry.start_offset);
    }
    if dir.read_small(&path.join(EPOCHS))?.is_none() {
        epochs.save(dir)?;
    }
    // An epoch may have begun at the log end without a record so far.
    epochs.cut_end(dir, log_end + 1)?;
    let snapshot_offsets = snapshot_offsets(dir, &path, log_end)?;

    let flushed = if request.clean {
        log_end
    } else {
        request.recovery_point.min(log_end)
    };
    let log = Log::new(LogParts {
        id,
        name: request.name.clone(),
        path,
        dir: Arc::clone(dir),
        janitor: Arc::clone(janitor),
        options: request.options,
        tail,
        view: View {
            segments,
            log_start,
            log_end,
            flushed,
        },
        epochs,
    });
    // What a killed process had written may still be in the page cache only.
    let is_unflushed = request.options.flush_mode == FlushMode::Group && flushed < log_end;
    if is_unflushed || request.create || truncated_bytes > 0 {
        log.flush()?;
    }
    let opened = OpenedLog {
        log_id: id,
        log_start_offset: log_start,
        log_end_offset: log_end,
        flushed_offset: log.flushed_offset(),
        topic_id: topic,
        epochs: log.epochs(),
        truncated_bytes,
        snapshot_offsets,
    };
    Ok((log, opened))
}

struct Recovery<'a> {
    dir: &'a Arc<LogDir>,
    path: &'a Path,
    request: &'a OpenLogRequest,
    segments: Vec<Arc<Segment>>,
    epochs: Vec<EpochEntry>,
    truncated_bytes: u64,
    tail: TailMark,
}

impl Recovery<'_> {
    fn disk(&self) -> &dyn Disk {
        &*self.dir.disk
    }

    fn failed(&self, error: &io::Error) -> EngineError {
        self.dir
            .judge(&format!("open {}", self.path.display()), error)
    }

    /// Removes what waits for removal, finishes or drops compactions, removes orphaned indexes. Gives
    /// the base offsets of the segments.
    fn tidy(&self) -> Result<Vec<i64>> {
        let mut files = self.segment_files()?;
        let mut swaps = Vec::new();
        for (path, name) in &files {
            match name.suffix.as_str() {
                DELETED | CLEANED => self.remove(path)?,
                // A log is renamed to `.swap` last, so that its indexes are complete by then.
                SWAP if name.extension == LOG => swaps.push(name.base_offset),
                _ => {}
            }
        }
        swaps.sort_unstable();
        for base_offset in &swaps {
            self.finish_swap(*base_offset)?;
        }
        if !swaps.is_empty() {
            files = self.segment_files()?;
        }
        let bases = bases_of(&files);
        for (path, name) in &files {
            let segment_file = SEGMENT_EXTENSIONS.contains(&name.extension.as_str());
            let is_orphan = bases.binary_search(&name.base_offset).is_err();
            if segment_file && (!name.suffix.is_empty() || is_orphan) {
                self.remove(path)?;
            }
        }
        Ok(bases)
    }

    fn segment_files(&self) -> Result<Vec<(PathBuf, SegmentFileName)>> {
        let named = |path: PathBuf| parse_segment_file(&path).map(|name| (path, name));
        Ok(self
            .dir
            .list(self.path)?
            .into_iter()
            .filter_map(named)
            .collect())
    }

    /// The compacted segment is complete: it takes the place of all it covers.
    fn finish_swap(&self, base_offset: i64) -> Result<()> {
        let swap = |extension: &str| {
            crate::layout::with_suffix(&segment_path(self.path, base_offset, extension), SWAP)
        };
        let end = end_of_file(self.disk(), &swap(LOG)).map_err(|error| self.failed(&error))?;
        for covered in bases_of(&self.segment_files()?) {
            if covered == base_offset || (covered > base_offset && covered < end) {
                for extension in SEGMENT_EXTENSIONS {
                    self.remove(&segment_path(self.path, covered, extension))?;
                }
            }
        }
        for extension in SEGMENT_EXTENSIONS.iter().rev() {
            let to = segment_path(self.path, base_offset, extension);
            match self.disk().rename(&swap(extension), &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.failed(&error));
                }
                _ => {}
            }
        }
        self.dir.sync_dir(self.path)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        match self.disk().remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }

    fn load(&mut self, bases: &[i64]) -> Result<()> {
        for (index, base_offset) in bases.iter().enumerate() {
            let next = bases.get(index + 1).copied();
            let go_on = self.load_segment(*base_offset, next)?;
            if !go_on {
                self.drop_segments(&bases[index + 1..])?;
                break;
            }
        }
        if self.segments.is_empty() && self.request.recovery_point > 0 {
            return Err(self.refuse(self.path, "holds no segment"));
        }
        if self.segments.is_empty() || self.tail.next_offset < self.request.log_start_offset {
            // Nothing, or nothing that is still wanted: begin at the log start.
            let bases: Vec<i64> = self
                .segments
                .iter()
                .map(|segment| segment.base_offset)
                .collect();
            self.drop_segments(&bases)?;
            let start = self.request.log_start_offset;
            let index_bytes = self.request.options.segment_index_bytes;
            let segment = Segment::create(self.disk(), self.path, start, index_bytes)
                .map_err(|error| self.failed(&error))?;
            self.segments = vec![Arc::new(segment)];
            self.tail = TailMark::of_new_segment(start);
        }
        Ok(())
    }

    /// False when the log ends in this segment although more files follow.
    fn load_segment(&mut self, base_offset: i64, next: Option<i64>) -> Result<bool> {
        let recovery_point = self.request.recovery_point;
        if let Some(next) = next
            && (self.request.clean || next <= recovery_point)
        {
            let facts = match load_sealed(self.disk(), self.path, base_offset, next) {
                Some(facts) => facts,
                None => self.rebuild_sealed(base_offset)?,
            };
            let segment = Segment::existing(self.path, base_offset, base_offset, &facts);
            self.segments.push(Arc::new(segment));
            return Ok(true);
        }
        let mut scanned = match self.request.clean {
            true => self.scan(base_offset, i64::MAX, i64::MAX)?,
            false => self.scan(base_offset, recovery_point, recovery_point)?,
        };
        if self.request.clean && scanned.is_torn() {
            // Whoever said that the shutdown was clean was wrong.
            scanned = self.scan(base_offset, i64::MIN, i64::MIN)?;
        }
        let torn = scanned.is_torn();
        let last = next.is_none() || torn;
        // Compaction may leave the end of a segment empty that another one follows.
        if last && scanned.next_offset < recovery_point {
            return Err(self.flushed_data_lost(base_offset, &scanned));
        }
        if torn {
            self.cut(base_offset, &scanned)?;
        }
        self.epochs.append(&mut scanned.epochs);
        let mut facts = scanned.facts;
        facts.synced = self.request.clean && !torn;
        let segment = Segment::existing(self.path, base_offset, base_offset, &facts);
        if last {
            let index_bytes = self.request.options.segment_index_bytes;
            segment
                .activate(self.disk(), &facts, index_bytes)
                .map_err(|error| self.failed(&error))?;
            self.tail = scanned.tail_mark(base_offset);
        }
        self.segments.push(Arc::new(segment));
        Ok(!torn)
    }

    fn scan(&self, base_offset: i64, trust_below: i64, check_from: i64) -> Result<Scanned> {
        let index_interval_bytes = self.request.options.index_interval_bytes;
        let plan = ScanPlan {
            trust_below,
            check_from,
            index_interval_bytes,
        };
        scan_segment(self.disk(), self.path, base_offset, &plan).map_err(|failure| match failure {
            ScanFailure::Write(error) => self.failed(&error),
            ScanFailure::Read(error) => {
                let path = segment_path(self.path, base_offset, LOG);
                EngineError::io(format_args!("read {}", path.display()), &error)
            }
        })
    }

    /// Makes the indexes of a segment anew that was on the device as a whole.
    fn rebuild_sealed(&self, base_offset: i64) -> Result<SegmentFacts> {
        let scanned = self.scan(base_offset, i64::MIN, i64::MAX)?;
        if scanned.is_torn() {
            return Err(self.flushed_data_lost(base_offset, &scanned));
        }
        Ok(scanned.facts)
    }

    /// Records that were on the device are no torn end: to cut them would lose what was acknowledged,
    /// and to go on at their offsets would give these away twice. Nothing is changed.
    fn flushed_data_lost(&self, base_offset: i64, scanned: &Scanned) -> EngineError {
        let what = if scanned.is_torn() {
            format!("is damaged at byte {}", scanned.facts.size_bytes)
        } else {
            format!("ends at offset {}", scanned.next_offset)
        };
        self.refuse(&segment_path(self.path, base_offset, LOG), &what)
    }

    fn refuse(&self, path: &Path, what: &str) -> EngineError {
        let told = match self.request.recovery_point {
            0 => "although it was closed cleanly".to_owned(),
            offset => format!("although everything below offset {offset} was flushed"),
        };
        let message = format!("{} {what}, {told}; it is left as it is", path.display());
        EngineError::new(ErrorCode::CorruptFile, message)
    }

    /// Cuts the torn end, which never reached the device as a whole.
    fn cut(&mut self, base_offset: i64, scanned: &Scanned) -> Result<()> {
        let path = segment_path(self.path, base_offset, LOG);
        self.truncated_bytes += scanned.file_bytes - scanned.facts.size_bytes;
        let cut = || -> io::Result<()> {
            let file = self.disk().open(&path, false)?;
            self.disk().set_len(&file, scanned.facts.size_bytes)?;
            self.disk().sync_data(&file)
        };
        cut().map_err(|error| self.failed(&error))?;
        let transactions = segment_path(self.path, base_offset, "txnindex");
        transaction_index::truncate(self.dir, &transactions, scanned.next_offset)
    }

    /// Segments behind the end of the log.
    fn drop_segments(&mut self, bases: &[i64]) -> Result<()> {
        for base_offset in bases {
            let path = segment_path(self.path, *base_offset, LOG);
            self.truncated_bytes += std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
            for extension in SEGMENT_EXTENSIONS {
                self.remove(&segment_path(self.path, *base_offset, extension))?;
            }
        }
        if bases.is_empty() {
            Ok(())
        } else {
            self.dir.sync_dir(self.path)
        }
    }
}

/// Base offsets of the segments among the files, ascending.
fn bases_of(files: &[(PathBuf, SegmentFileName)]) -> Vec<i64> {
    let is_log = |name: &SegmentFileName| name.extension == LOG && name.suffix.is_empty();
    let logs = files.iter().filter(|(_, name)| is_log(name));
    let mut bases: Vec<i64> = logs.map(|(_, name)| name.base_offset).collect();
    bases.sort_unstable();
    bases
}

/// Offset after the last whole batch of a file.
fn end_of_file(disk: &dyn Disk, path: &Path) -> io::Result<i64> {
    let file = disk.open_read(path)?;
    let length = file.metadata()?.len();
    let mut scan = crate::scan::HeaderScan::new(disk, &file, length, crate::access::Patience::Disk);
    let (mut position, mut end) = (0, i64::MIN);
    while let Ok(Some(header)) = scan.header(position) {
        position += header.size_bytes;
        end = header.next_offset();
    }
    Ok(end)
}
