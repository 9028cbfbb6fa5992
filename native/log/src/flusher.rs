//! Group commit: native threads flush the logs of a directory. While a log is flushed its next group
//! gathers; every append that was committed before a flush began is covered by it.
//!
//! Several threads, because file systems join concurrent flushes into one journal commit: 36 small
//! logs took 109 ms one after the other, 4 ms with 16 threads (ext4, a busy machine with two cores).
//! Preallocating the files (kept size, unwritten, zeroed) made no difference beyond the noise.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;

use millrace_io::{CompletionKind, CompletionRow, EngineError, Result};
use parking_lot::{Condvar, Mutex};

use crate::dir::LogDir;
use crate::log::Log;
use crate::types::FlushMode;

/// They wait for the disk, not for a core.
const THREADS_MAX: usize = 16;
const STACK_BYTES: usize = 256 << 10;

/// The queue of dirty logs and the threads that flush them.
#[derive(Debug, Default)]
pub(crate) struct Flusher {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    dirty: VecDeque<Arc<Log>>,
    waiting: usize,
    stopping: bool,
    threads: Vec<JoinHandle<()>>,
}

impl Flusher {
    /// Starts the first thread; it starts others when logs wait for one.
    pub(crate) fn start(&self, dir: &Arc<LogDir>) -> Result<()> {
        let mut state = self.state.lock();
        let number = state.threads.len();
        let dir = Arc::clone(dir);
        let thread = std::thread::Builder::new()
            .name(format!("flush-{}-{number}", dir.id))
            .stack_size(STACK_BYTES)
            .spawn(move || run(&dir))
            .map_err(|error| EngineError::io("start a flush thread", &error))?;
        state.threads.push(thread);
        Ok(())
    }

    /// Ends the threads after what they are flushing now.
    pub(crate) fn stop(&self) {
        let threads = {
            let mut state = self.state.lock();
            state.stopping = true;
            state.dirty.clear();
            std::mem::take(&mut state.threads)
        };
        self.wake.notify_all();
        for thread in threads {
            // A panic in the thread has been reported by the panic hook; nothing is left to do.
            let _ = thread.join();
        }
    }

    /// Takes over logs that have something to flush. Constant time for each; wakes threads only
    /// when they sleep.
    pub(crate) fn enqueue(&self, logs: &mut Vec<Arc<Log>>) {
        let wake = {
            let mut state = self.state.lock();
            if state.stopping {
                logs.clear();
                return;
            }
            let wake = state.waiting.min(logs.len());
            state.dirty.extend(logs.drain(..));
            wake
        };
        for _ in 0..wake {
            self.wake.notify_one();
        }
    }

    /// Waits for a dirty log; `None` when the thread shall end. The flag tells that more wait and
    /// nobody is there to take them.
    fn next(&self) -> Option<(Arc<Log>, bool)> {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return None;
            }
            if let Some(log) = state.dirty.pop_front() {
                let short = !state.dirty.is_empty()
                    && state.waiting == 0
                    && state.threads.len() < THREADS_MAX;
                return Some((log, short));
            }
            state.waiting += 1;
            self.wake.wait(&mut state);
            state.waiting -= 1;
        }
    }
}

fn run(dir: &Arc<LogDir>) {
    while let Some((log, short)) = dir.flusher.next() {
        if short {
            // Without another thread the logs wait a little longer.
            let _ = dir.flusher.start(dir);
        }
        // A flush per commit is small, and tells of the disk by how long it takes. A whole segment of a log
        // that leaves flushing to the system is not: it may take its time.
        let began =
            (log.flush_mode() == FlushMode::Group).then(|| dir.pressure.lock().flush_begins());
        let flushed = log.flush();
        if let Some(began) = began {
            dir.pressure.lock().flush_ends(began);
        }
        if let Ok(value) = flushed {
            let kind = CompletionKind::Flushed;
            dir.report(CompletionRow {
                kind,
                subject: log.id(),
                value,
            });
        }
        // A failed flush has poisoned the directory and reported it.
    }
}
