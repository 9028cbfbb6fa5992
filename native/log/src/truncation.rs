//! Cutting a log: the end (truncate) and the beginning (trim).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use millrace_io::{EngineError, ErrorCode, Result};

use crate::access::{Miss, Patience};
use crate::janitor::Removal;
use crate::layout::{DELETED, SEGMENT_EXTENSIONS, TRANSACTION_INDEX, with_suffix};
use crate::log::Log;
use crate::scan::HeaderScan;
use crate::scan_segment::{ScanPlan, scan_segment};
use crate::segment::Segment;
use crate::transaction_index;

/// How long a segment that left the log stays open at least.
const RETIREMENT: Duration = Duration::from_secs(10);

impl Log {
    /// Raises the log start; whole segments below it are renamed `.deleted` and removed later. Gives
    /// how many. Waits for the disk.
    pub fn trim_to(&self, log_start_offset: i64) -> Result<usize> {
        let _rearranging = self.rearranging.lock();
        // A flush must not look for files by a name that they no longer have.
        let _flushing = self.flushing.lock();
        self.check_open()?;
        let removed = {
            let mut view = self.view.write();
            if log_start_offset > view.log_end {
                return Err(EngineError::new(
                    ErrorCode::OffsetOutOfRange,
                    format!("{} ends at {}", self.name, view.log_end),
                ));
            }
            view.log_start = view.log_start.max(log_start_offset);
            let above = view
                .segments
                .partition_point(|segment| segment.base_offset <= view.log_start);
            // The segment before the first one above the log start still holds it.
            view.segments
                .drain(..above.saturating_sub(1))
                .collect::<Vec<_>>()
        };
        self.epochs.cut_start(&self.dir, log_start_offset)?;
        self.remove_later(&removed)?;
        Ok(removed.len())
    }

    /// Renames the files of segments that left the view and schedules their removal.
    pub(crate) fn remove_later(&self, segments: &[Arc<Segment>]) -> Result<()> {
        self.retire(segments);
        let delay = self.options.read().file_delete_delay;
        for segment in segments {
            let mut paths = Vec::new();
            for extension in SEGMENT_EXTENSIONS {
                let from = segment.path(extension);
                let to = with_suffix(&from, DELETED);
                match self.dir.disk.rename(&from, &to) {
                    Ok(()) => paths.push(to),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => {
                        return Err(self.dir.fail(&format!("rename {}", from.display()), &error));
                    }
                }
            }
            self.schedule_removal(segment, paths, Instant::now() + delay);
        }
        Ok(())
    }

    /// Removes paths at an instant; until then, and for a while at least, file slices of the segment
    /// resolve: an answer may wait for the ones before it.
    fn schedule_removal(&self, segment: &Arc<Segment>, paths: Vec<PathBuf>, at: Instant) {
        self.janitor.schedule(Removal {
            at,
            paths,
            retired: None,
        });
        let at = at.max(Instant::now() + RETIREMENT);
        let retired = self.me.upgrade().map(|log| (log, segment.handle));
        self.janitor.schedule(Removal {
            at,
            paths: Vec::new(),
            retired,
        });
    }

    /// Cuts the end at a batch boundary at or below `offset`, which becomes the log end offset.
    /// Waits for the disk. Nothing may be staged.
    pub fn truncate_to(&self, offset: i64) -> Result<()> {
        self.dir.deferred.drain(self);
        let _rearranging = self.rearranging.lock();
        let _flushing = self.flushing.lock();
        let _writing = self.writing.lock();
        self.check_open()?;
        let (log_start, log_end) = {
            let view = self.view.read();
            (view.log_start, view.log_end)
        };
        if offset >= log_end {
            return Ok(());
        }
        if offset < log_start {
            let what = format!("{} starts at {log_start}", self.name);
            return Err(EngineError::new(ErrorCode::OffsetOutOfRange, what));
        }
        let fail = |miss: Miss| match miss {
            Miss::Failed(error) => self.dir.fail(&format!("truncate {}", self.name), &error),
            other => other.into_error(&format!("truncate {}", self.name)),
        };
        let segment = self.segment_of(offset).ok_or_else(|| {
            EngineError::new(ErrorCode::OffsetOutOfRange, "no segment holds the offset")
        })?;
        let position = self.boundary_at(&segment, offset).map_err(fail)?;
        let removed = {
            let mut view = self.view.write();
            let keep = view
                .segments
                .partition_point(|other| other.base_offset <= segment.base_offset);
            segment.cut(position);
            view.log_end = offset;
            view.flushed = view.flushed.min(offset);
            view.segments.split_off(keep)
        };
        self.cursors.clear();
        self.ends.clear();
        self.warmed.clear();
        self.cut_files(&segment, &removed, position, offset)
            .map_err(fail)?;
        transaction_index::truncate(&self.dir, &segment.path(TRANSACTION_INDEX), offset)?;
        self.dir.sync_dir(self.directory())?;
        self.epochs.cut_end(&self.dir, offset)
    }

    /// Position of the first batch that ends at or after `offset`.
    fn boundary_at(&self, segment: &Segment, offset: i64) -> std::result::Result<u64, Miss> {
        let disk = &*self.dir.disk;
        let entry = segment
            .offset_index
            .floor_offset(disk, Patience::Disk, offset)?;
        let mut position = entry.map_or(0, |entry| entry.position);
        let file = segment.file(disk, Patience::Disk)?;
        let mut scan = HeaderScan::new(disk, file, segment.size_bytes(), Patience::Disk);
        while let Some(header) = scan.header(position)? {
            if header.last_offset() >= offset {
                break;
            }
            position += header.size_bytes;
        }
        Ok(position)
    }

    fn cut_files(
        &self,
        segment: &Segment,
        removed: &[Arc<Segment>],
        position: u64,
        offset: i64,
    ) -> std::result::Result<(), Miss> {
        let disk = &*self.dir.disk;
        let file = segment.file(disk, Patience::Disk)?;
        disk.set_len(file, position)?;
        // Later segments go first to last: a crash in between leaves a hole, which recovery cuts.
        for segment in removed {
            for extension in SEGMENT_EXTENSIONS {
                match disk.remove_file(&segment.path(extension)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(error.into());
                    }
                    _ => {}
                }
            }
        }
        disk.sync_data(file)?;
        // Entries still in memory would be missing from what the scan reads; it then walks further.
        let options = *self.options.read();
        let plan = ScanPlan {
            trust_below: offset,
            check_from: i64::MAX,
            index_interval_bytes: options.index_interval_bytes,
        };
        let scanned = scan_segment(disk, self.directory(), segment.base_offset, &plan)?;
        segment.activate(disk, &scanned.facts, options.segment_index_bytes)?;
        let mut tail = self.tail.lock();
        tail.mark = scanned.tail_mark(segment.base_offset);
        // In the middle of a batch: the offsets below it stay unused.
        tail.mark.next_offset = offset;
        tail.committed = tail.mark;
        Ok(())
    }

    /// No batch is taken any more; indexes are cut to what they hold; everything is flushed.
    pub(crate) fn close(&self) -> Result<()> {
        self.tail.lock().closed = true;
        self.dir.deferred.drain(self);
        self.dir.poison.check()?;
        {
            let _writing = self.writing.lock();
            let active = self.view.read().segments.last().cloned();
            if let Some(active) = active {
                active
                    .seal(&*self.dir.disk)
                    .map_err(|error| self.dir.fail(&format!("index {}", self.name), &error))?;
            }
        }
        self.flush().map(|_| ())
    }

    /// Renames the directory durably; nothing of the log is opened by name afterwards. Gives where
    /// it is now.
    pub(crate) fn rename_away(&self, new_name: &str) -> Result<PathBuf> {
        self.tail.lock().closed = true;
        self.dir.deferred.drain(self);
        let _rearranging = self.rearranging.lock();
        let _flushing = self.flushing.lock();
        let _writing = self.writing.lock();
        self.dir.poison.check()?;
        let to = self.dir.path.join(new_name);
        self.gone.store(true, Ordering::Release);
        self.dir
            .disk
            .rename(self.directory(), &to)
            .map_err(|error| self.dir.fail(&format!("rename {}", self.name), &error))?;
        self.dir.sync_dir(&self.dir.path)?;
        Ok(to)
    }
}
