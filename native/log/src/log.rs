//! One log: its segments, its end, and who may look at what.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use millrace_io::{EngineError, ErrorCode, FileRange, Result};
use parking_lot::{Mutex, RwLock};

use crate::access::Patience;
use crate::cursor::{Mark, Marks};
use crate::dir::LogDir;
use crate::epochs::Epochs;
use crate::janitor::Janitor;
use crate::segment::Segment;
use crate::tail::{Tail, TailMark};
use crate::types::{EpochEntry, FlushMode, LogId, LogOptions, SegmentInfo};

/// What readers see. Replaced piece by piece under a lock that is never held over I/O.
#[derive(Debug)]
pub(crate) struct View {
    /// Ascending; never empty; the last one is active.
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) log_start: i64,
    /// Log end offset: everything below it is written and readable.
    pub(crate) log_end: i64,
    pub(crate) flushed: i64,
}

impl View {
    /// The log end as a batch boundary.
    pub(crate) fn end_mark(&self) -> Option<Mark> {
        self.segments.last().map(|active| Mark {
            offset: self.log_end,
            segment: active.handle,
            position: active.size_bytes(),
        })
    }
}

/// A log of record batches. Shared by the deciding thread and native threads.
#[derive(Debug)]
pub struct Log {
    /// Itself, for what outlives a call.
    pub(crate) me: Weak<Log>,
    pub(crate) id: LogId,
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) dir: Arc<LogDir>,
    pub(crate) janitor: Arc<Janitor>,
    pub(crate) options: RwLock<LogOptions>,
    /// Held over fdatasync, by whoever flushes.
    pub(crate) flushing: Mutex<()>,
    /// Held over writes to the end of the log, by whoever writes, truncates or closes.
    pub(crate) writing: Mutex<()>,
    pub(crate) tail: Mutex<Tail>,
    pub(crate) view: RwLock<View>,
    /// Where readers stopped.
    pub(crate) cursors: Marks,
    /// Where commits and flushes ended.
    pub(crate) ends: Marks,
    /// Ranges that `warm` has just read, so that the next locate need not ask the page cache again.
    pub(crate) warmed: Marks,
    pub(crate) epochs: Epochs,
    /// Segments out of the view whose files are still there: file slices may name them.
    retired: Mutex<Vec<Arc<Segment>>>,
    in_flush_queue: AtomicBool,
    /// The directory was renamed away; nothing of it may be opened by name any longer.
    pub(crate) gone: AtomicBool,
    /// Compaction, trim and truncation exclude one another.
    pub(crate) rearranging: Mutex<()>,
}

/// What opening a log has put together.
pub(crate) struct LogParts {
    pub(crate) id: LogId,
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) dir: Arc<LogDir>,
    pub(crate) janitor: Arc<Janitor>,
    pub(crate) options: LogOptions,
    pub(crate) tail: TailMark,
    pub(crate) view: View,
    pub(crate) epochs: Epochs,
}

/// Handles of segments that compaction wrote; see `Segment::handle`.
static NEXT_HANDLE: AtomicI64 = AtomicI64::new(-1);

/// A handle for a rewritten segment.
pub(crate) fn new_handle() -> i64 {
    NEXT_HANDLE.fetch_sub(1, Ordering::Relaxed)
}

impl Log {
    pub(crate) fn new(parts: LogParts) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            id: parts.id,
            name: parts.name,
            path: parts.path,
            dir: parts.dir,
            janitor: parts.janitor,
            options: RwLock::new(parts.options),
            flushing: Mutex::new(()),
            writing: Mutex::new(()),
            tail: Mutex::new(Tail::new(parts.tail)),
            view: RwLock::new(parts.view),
            cursors: Marks::default(),
            ends: Marks::default(),
            warmed: Marks::default(),
            epochs: parts.epochs,
            retired: Mutex::new(Vec::new()),
            in_flush_queue: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            rearranging: Mutex::new(()),
        })
    }

    /// Its number.
    pub fn id(&self) -> LogId {
        self.id
    }

    /// Takes a changed configuration; it holds from the next staged batch on.
    pub fn configure(&self, options: LogOptions) {
        *self.options.write() = options;
    }

    /// First offset kept.
    pub fn log_start_offset(&self) -> i64 {
        self.view.read().log_start
    }

    /// Offset after the last readable record.
    pub fn log_end_offset(&self) -> i64 {
        self.view.read().log_end
    }

    /// Everything below it is on the device.
    pub fn flushed_offset(&self) -> i64 {
        self.view.read().flushed
    }

    /// What retention looks at, oldest first.
    pub fn segments(&self) -> Vec<SegmentInfo> {
        let view = self.view.read();
        let mut infos: Vec<SegmentInfo> = view
            .segments
            .iter()
            .map(|segment| SegmentInfo {
                base_offset: segment.base_offset,
                size_bytes: segment.size_bytes(),
                largest_timestamp: segment.largest().timestamp,
                next_offset: view.log_end,
                last_modified_ms: segment.last_modified_ms(),
            })
            .collect();
        for index in 1..infos.len() {
            infos[index - 1].next_offset = infos[index].base_offset;
        }
        infos
    }

    /// Bytes of all `.log` files.
    pub fn size_bytes(&self) -> u64 {
        self.view
            .read()
            .segments
            .iter()
            .map(|segment| segment.size_bytes())
            .sum()
    }

    /// Leader epochs, ascending.
    pub fn epochs(&self) -> Vec<EpochEntry> {
        self.epochs.entries()
    }

    /// Starts a leader epoch at the log end, durably. Nothing happens for the current or an older
    /// epoch.
    pub fn assign_leader_epoch(&self, epoch: i32) -> Result<()> {
        self.epochs.assign(&self.dir, epoch, self.log_end_offset())
    }

    /// Flushes what is not on the device yet, on the calling thread. Gives the flushed offset. A
    /// failure poisons the directory.
    pub fn flush(&self) -> Result<i64> {
        self.flush_timed().map(|(offset, _took)| offset)
    }

    /// The same, and how long it took without the wait for another flush or a truncation.
    pub(crate) fn flush_timed(&self) -> Result<(i64, Duration)> {
        let _flushing = self.flushing.lock();
        let started = Instant::now();
        // Before the look at what is there: a commit that comes later queues the log again.
        self.in_flush_queue.store(false, Ordering::Release);
        if self.gone.load(Ordering::Acquire) {
            return Ok((self.flushed_offset(), started.elapsed()));
        }
        self.dir.poison.check()?;
        let (segments, end) = {
            let view = self.view.read();
            let synced = view
                .segments
                .iter()
                .rposition(|segment| !segment.needs_sync());
            let from = synced.map_or(0, |index| index + 1);
            (view.segments[from..].to_vec(), view.end_mark())
        };
        self.sync_segments(&segments)?;
        if let Some(end) = end {
            self.ends.remember(end);
            let mut view = self.view.write();
            view.flushed = view.flushed.max(end.offset).min(view.log_end);
        }
        Ok((self.flushed_offset(), started.elapsed()))
    }

    fn sync_segments(&self, segments: &[Arc<Segment>]) -> Result<()> {
        let disk = &*self.dir.disk;
        // New names first: a file whose entry is lost is lost, however well it was flushed.
        if segments
            .iter()
            .any(|segment| !segment.entry_synced.load(Ordering::Acquire))
        {
            self.dir.sync_dir(&self.path)?;
            for segment in segments {
                segment.entry_synced.store(true, Ordering::Release);
            }
        }
        for segment in segments {
            segment
                .sync(disk)
                .map_err(|error| self.dir.fail(&format!("flush {}", self.name), &error))?;
        }
        Ok(())
    }

    /// True when the caller shall put the log into the flush queue.
    pub(crate) fn enter_flush_queue(&self) -> bool {
        !self.in_flush_queue.swap(true, Ordering::AcqRel)
    }

    /// Whether a commit must be followed by a flush.
    pub(crate) fn flush_mode(&self) -> FlushMode {
        self.options.read().flush_mode
    }

    /// The bytes that a file slice names. `segment` is the handle that `locate` gave. `None` when
    /// the file is gone.
    pub fn file_range(&self, segment: i64, position: u64, length: u64) -> Option<FileRange> {
        let found = {
            let view = self.view.read();
            let by_handle = |candidate: &&Arc<Segment>| candidate.handle == segment;
            view.segments.iter().rev().find(by_handle).cloned()
        };
        let found = found.or_else(|| {
            let retired = self.retired.lock();
            retired
                .iter()
                .rev()
                .find(|candidate| candidate.handle == segment)
                .cloned()
        })?;
        let file = Arc::clone(found.opened_file()?);
        Some(FileRange {
            file,
            position,
            length,
        })
    }

    /// Keeps segments that left the view reachable for file slices.
    pub(crate) fn retire(&self, segments: &[Arc<Segment>]) {
        let mut retired = self.retired.lock();
        for segment in segments {
            // A slice can only name a file that was open when it was located.
            let _ = segment.file(&*self.dir.disk, Patience::Disk);
            retired.push(Arc::clone(segment));
        }
    }

    /// The files are about to be removed.
    pub(crate) fn forget_retired(&self, handle: i64) {
        self.retired
            .lock()
            .retain(|segment| segment.handle != handle);
    }

    /// The segment that holds `offset`, or would.
    pub(crate) fn segment_of(&self, offset: i64) -> Option<Arc<Segment>> {
        let view = self.view.read();
        let above = view
            .segments
            .partition_point(|segment| segment.base_offset <= offset);
        view.segments.get(above.checked_sub(1)?).cloned()
    }

    /// All segments of the moment.
    pub(crate) fn all_segments(&self) -> Vec<Arc<Segment>> {
        self.view.read().segments.clone()
    }

    /// Directory of the log.
    pub(crate) fn directory(&self) -> &Path {
        &self.path
    }

    /// An error unless batches may be appended.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.dir.poison.check()?;
        if self.tail.lock().closed {
            let what = format!("log {} is closed", self.name);
            return Err(EngineError::new(ErrorCode::UnknownHandle, what));
        }
        Ok(())
    }
}
