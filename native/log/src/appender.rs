//! The deciding thread's way to append: stage many batches of many logs, then commit them together.

use std::io::IoSlice;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use millrace_io::ErrorCode;
use millrace_record::{BatchFault, check_batch, stamp_append_time, stamp_base_offset};

use crate::log::Log;
use crate::store::Store;
use crate::tail::{StagedBatches, TailMark};
use crate::types::{FlushMode, LogId, StageRequest, Staged};

/// Stages and commits. One per store and thread; batches of one log must go through one appender.
#[derive(Debug)]
pub struct Appender {
    store: Arc<Store>,
    /// Logs with something staged, in the order of their first batch.
    touched: Vec<Arc<Log>>,
    failed: Vec<LogId>,
    deferred: Vec<LogId>,
    may_defer: bool,
    /// Logs to flush after this commit.
    dirty: Vec<Arc<Log>>,
    /// Swapped with a log's staged batches while they are written.
    scratch: StagedBatches,
}

/// What became of one log's commit.
enum Outcome {
    Written { flush: bool },
    Deferred,
    Failed,
}

impl Appender {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            touched: Vec::new(),
            failed: Vec::new(),
            deferred: Vec::new(),
            may_defer: false,
            dirty: Vec::new(),
            scratch: StagedBatches::default(),
        }
    }

    /// Checks one batch and decides its offset; stamps base offset, leader epoch and, when asked,
    /// the append time into the given memory. Nothing is readable before `commit`. Batches of one
    /// log keep their order. A refused batch leaves no trace.
    ///
    /// # Safety
    /// `batch` must be valid for reads and writes, and nobody else may touch it, until the next
    /// `commit` (or the drop of the appender) returns.
    #[allow(
        unsafe_code,
        reason = "batches are borrowed from frame memory until commit"
    )]
    pub unsafe fn stage(
        &mut self,
        request: &StageRequest,
        batch: NonNull<[u8]>,
    ) -> Result<Staged, ErrorCode> {
        let log = self
            .store
            .log(request.log_id)
            .map_err(|error| error.code())?;
        if log.dir.poison.is_set() {
            return Err(ErrorCode::Poisoned);
        }
        // SAFETY: the caller promises that the memory is valid and ours alone until commit, which
        // is when the slice is dropped.
        let bytes: &'static mut [u8] = unsafe { &mut *batch.as_ptr() };
        let mut header = check_batch(bytes).map_err(|fault| match fault {
            BatchFault::Invalid => ErrorCode::InvalidBatch,
            BatchFault::Corrupt => ErrorCode::CorruptBatch,
        })?;
        let options = *log.options.read();
        if header.size_bytes > options.segment_bytes {
            return Err(ErrorCode::BatchLargerThanSegment);
        }
        if request.append_time_ms >= 0 {
            header.max_timestamp = request.append_time_ms;
            stamp_append_time(bytes, request.append_time_ms);
        }
        let mut tail = log.tail.lock();
        if tail.closed {
            return Err(ErrorCode::UnknownHandle);
        }
        if tail.is_broken && !tail.heal(log.dir.completions.drained_count()) {
            return Err(ErrorCode::NoSpace);
        }
        let (base_offset, staged) = tail.mark.stage(&header, &options);
        stamp_base_offset(bytes, base_offset, request.leader_epoch);
        let answer = Staged {
            base_offset,
            rolled_at: staged.roll_at,
            log_end_offset: tail.mark.next_offset,
        };
        let first = tail.staged.batches.is_empty();
        tail.staged.batches.push(staged);
        tail.staged.slices.push(IoSlice::new(bytes));
        drop(tail);
        if first {
            self.touched.push(log);
        }
        Ok(answer)
    }

    /// Whether something waits for `commit`.
    pub fn has_staged(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Writes everything staged, gathered per log, and queues the flushes. Gives the logs that
    /// failed: nothing of what they had staged was appended. While the disk is slow a commit is
    /// handed to a native thread; see `deferred`.
    pub fn commit(&mut self) -> &[LogId] {
        self.failed.clear();
        self.deferred.clear();
        let mut touched = std::mem::take(&mut self.touched);
        for log in touched.drain(..) {
            self.commit_log(log);
        }
        self.touched = touched;
        self.hand_over_dirty();
        &self.failed
    }

    fn commit_log(&mut self, log: Arc<Log>) {
        let (mark, waits, broken) = {
            let mut tail = log.tail.lock();
            std::mem::swap(&mut tail.staged, &mut self.scratch);
            (tail.mark, tail.deferred_count > 0, tail.is_broken)
        };
        let bytes = self
            .scratch
            .slices
            .iter()
            .map(|slice| slice.len() as u64)
            .sum();
        let defers = waits || (self.may_defer && log.dir.pressure.lock().is_high());
        let outcome = match (broken, defers) {
            (true, _) => Outcome::Failed,
            (false, true) => self.defer(&log, mark),
            (false, false) => self.write_now(&log, mark, bytes),
        };
        self.scratch.clear();
        // Give the memory back for the next batches.
        std::mem::swap(&mut log.tail.lock().staged, &mut self.scratch);
        match outcome {
            Outcome::Failed => self.failed.push(log.id()),
            Outcome::Deferred => self.deferred.push(log.id()),
            Outcome::Written { flush } => {
                if flush && log.enter_flush_queue() {
                    self.dirty.push(log);
                }
            }
        }
    }

    fn defer(&self, log: &Arc<Log>, mark: TailMark) -> Outcome {
        let dir = &log.dir;
        match dir.deferred.push(dir, log, &self.scratch, mark) {
            Ok(()) => Outcome::Deferred,
            // No thread to be had: then it is written here.
            Err(_) => self.write_now(log, mark, 0),
        }
    }

    fn write_now(&self, log: &Arc<Log>, mark: TailMark, bytes: u64) -> Outcome {
        let started = Instant::now();
        let written = log.write_staged(&self.scratch.batches, &self.scratch.slices);
        log.dir.pressure.lock().note_write(bytes, started.elapsed());
        let mut tail = log.tail.lock();
        if written.is_err() {
            tail.mark = tail.committed;
            return Outcome::Failed;
        }
        tail.committed = mark;
        // In `Os` mode the segments behind a roll are flushed, so that recovery need not scan them.
        let rolled = self
            .scratch
            .batches
            .iter()
            .any(|batch| batch.roll_at.is_some());
        Outcome::Written {
            flush: rolled || log.flush_mode() == FlushMode::Group,
        }
    }

    /// Whether commits may go to the writer thread while the disk is slow; off at first. Whoever
    /// turns it on answers nobody before the `Written` row of a deferred commit has come, and takes
    /// back what a `Refused` row says was refused.
    pub fn set_deferral(&mut self, may_defer: bool) {
        self.may_defer = may_defer;
    }

    /// Logs whose last commit went to the writer thread: a `Written` or `Refused` row follows for
    /// each. Empty while the disk keeps up.
    pub fn deferred(&self) -> &[LogId] {
        &self.deferred
    }

    /// Logs of one directory are handed over together; most brokers have one directory.
    fn hand_over_dirty(&mut self) {
        while let Some(first) = self.dirty.first() {
            let dir = Arc::clone(&first.dir);
            let mut same = std::mem::take(&mut self.dirty);
            if same.iter().any(|log| log.dir.id != dir.id) {
                (same, self.dirty) = same.into_iter().partition(|log| log.dir.id == dir.id);
            }
            dir.flusher.enqueue(&mut same);
            if self.dirty.is_empty() {
                // Keep the memory for the next commit.
                self.dirty = same;
                return;
            }
        }
    }
}

impl Drop for Appender {
    /// What was staged and never committed is dropped: its memory is not ours any longer.
    fn drop(&mut self) {
        for log in self.touched.drain(..) {
            let mut tail = log.tail.lock();
            tail.staged.clear();
            tail.mark = tail.committed;
        }
    }
}
