//! The writer thread of a directory: takes over commits while the disk is slow, so that the deciding
//! thread never waits for it.
//!
//! ```text
//!   calm:  stage → commit → pwritev here → readable
//!   slow:  stage → commit → copy → queue → pwritev there → readable → `Written`
//! ```
//! A log whose commits wait in the queue sends later ones after them, calm or not. When one of them
//! is refused for lack of space, so are those behind it, and one `Refused` tells so.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millrace_io::{CompletionKind, CompletionRow, EngineError, ErrorCode, Result};
use parking_lot::{Condvar, Mutex};

use crate::dir::LogDir;
use crate::log::Log;
use crate::tail::{StagedBatch, StagedBatches, TailMark};
use crate::types::FlushMode;

/// Bytes that may wait. Beyond them waiting is all one can do: memory is as finite as the disk.
const QUEUED_BYTES_MAX: usize = 256 << 20;

/// A commit of one log.
#[derive(Debug)]
struct Job {
    log: Arc<Log>,
    batches: Vec<StagedBatch>,
    bytes: Vec<u8>,
    /// The tail behind it.
    mark: TailMark,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct DeferredWriter {
    state: Mutex<State>,
    /// Work for the thread.
    wake: Condvar,
    /// A job is done.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    queued_bytes: usize,
    stopping: bool,
    thread: Option<JoinHandle<()>>,
}

impl DeferredWriter {
    /// Takes over what a log has staged, with a copy of its bytes. Starts the thread when needed.
    pub(crate) fn push(
        &self,
        dir: &Arc<LogDir>,
        log: &Arc<Log>,
        staged: &StagedBatches,
        mark: TailMark,
    ) -> Result<()> {
        let mut bytes = Vec::with_capacity(staged.slices.iter().map(|slice| slice.len()).sum());
        for slice in &staged.slices {
            bytes.extend_from_slice(slice);
        }
        let mut state = self.state.lock();
        while state.queued_bytes > 0 && state.queued_bytes + bytes.len() > QUEUED_BYTES_MAX {
            self.done.wait(&mut state);
        }
        if state.thread.is_none() {
            let name = format!("write-{}", dir.id);
            let dir = Arc::clone(dir);
            let thread = std::thread::Builder::new()
                .name(name)
                .spawn(move || run(&dir))
                .map_err(|error| EngineError::io("start the writer thread", &error))?;
            state.thread = Some(thread);
        }
        log.tail.lock().deferred_count += 1;
        state.queued_bytes += bytes.len();
        let batches = staged.batches.clone();
        state.jobs.push_back(Job {
            log: Arc::clone(log),
            batches,
            bytes,
            mark,
        });
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Waits until nothing of the log is queued.
    pub(crate) fn drain(&self, log: &Log) {
        let mut state = self.state.lock();
        while log.tail.lock().deferred_count > 0 && !state.stopping {
            self.done.wait(&mut state);
        }
    }

    /// Ends the thread; what waits is dropped (its logs are closed or poisoned).
    pub(crate) fn stop(&self) {
        let thread = {
            let mut state = self.state.lock();
            state.stopping = true;
            state.thread.take()
        };
        self.wake.notify_one();
        self.done.notify_all();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            self.wake.wait(&mut state);
        }
    }

    fn finish(&self, bytes: usize) {
        self.state.lock().queued_bytes -= bytes;
        self.done.notify_all();
    }
}

fn run(dir: &Arc<LogDir>) {
    while let Some(job) = dir.deferred.next() {
        let bytes = job.bytes.len();
        execute(dir, job);
        dir.deferred.finish(bytes);
    }
}

fn execute(dir: &Arc<LogDir>, job: Job) {
    let log = &job.log;
    let refused_before = log.tail.lock().is_broken;
    let written = if refused_before {
        Err(EngineError::new(
            ErrorCode::NoSpace,
            "an earlier commit was refused",
        ))
    } else {
        let mut rest = &job.bytes[..];
        let mut slices = Vec::with_capacity(job.batches.len());
        for batch in &job.batches {
            let (one, after) = rest.split_at(batch.size_bytes as usize);
            slices.push(IoSlice::new(one));
            rest = after;
        }
        let started = Instant::now();
        let written = log.write_staged(&job.batches, &slices);
        let took = started.elapsed();
        dir.pressure.lock().note_write(job.bytes.len() as u64, took);
        written
    };
    let mut tail = log.tail.lock();
    match written {
        Ok(()) => {
            tail.deferred_count -= 1;
            tail.committed = job.mark;
            drop(tail);
            let value = job.mark.next_offset;
            dir.report(CompletionRow {
                kind: CompletionKind::Written,
                subject: log.id(),
                value,
                took: Duration::ZERO,
            });
            let rolled = job.batches.iter().any(|batch| batch.roll_at.is_some());
            if (rolled || log.flush_mode() == FlushMode::Group) && log.enter_flush_queue() {
                dir.flusher.enqueue(&mut vec![Arc::clone(log)]);
            }
        }
        Err(_) => {
            tail.is_broken = true;
            tail.deferred_count -= 1;
            if tail.deferred_count == 0 && !dir.poison.is_set() {
                let value = tail.committed.next_offset;
                let kind = CompletionKind::Refused;
                dir.report(CompletionRow {
                    kind,
                    subject: log.id(),
                    value,
                    took: Duration::ZERO,
                });
                tail.refusals_reported = dir.completions.pushed_count();
            }
        }
    }
}
