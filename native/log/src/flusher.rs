//! Group commit: one native thread per log directory. While one round of fdatasync runs, the next
//! one gathers; every append that was committed before a round began is covered by it.

use std::sync::Arc;
use std::thread::JoinHandle;

use millrace_io::{CompletionKind, CompletionRow, EngineError, Result};
use parking_lot::{Condvar, Mutex};

use crate::dir::LogDir;
use crate::log::Log;

/// The queue of dirty logs and the thread that flushes them.
#[derive(Debug, Default)]
pub(crate) struct Flusher {
    state: Mutex<State>,
    wake: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct State {
    dirty: Vec<Arc<Log>>,
    waiting: bool,
    stopping: bool,
}

impl Flusher {
    /// Starts the thread.
    pub(crate) fn start(&self, dir: &Arc<LogDir>) -> Result<()> {
        let dir = Arc::clone(dir);
        let thread = std::thread::Builder::new()
            .name(format!("flush-{}", dir.id))
            .spawn(move || run(&dir))
            .map_err(|error| EngineError::io("start the flush thread", &error))?;
        *self.thread.lock() = Some(thread);
        Ok(())
    }

    /// Ends the thread after its current round.
    pub(crate) fn stop(&self) {
        {
            let mut state = self.state.lock();
            state.stopping = true;
            state.dirty.clear();
        }
        self.wake.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            // A panic in the thread has been reported by the panic hook; nothing is left to do.
            let _ = thread.join();
        }
    }

    /// Hands over logs that have something to flush. Constant time for each; wakes the thread only
    /// when it sleeps.
    pub(crate) fn enqueue(&self, logs: &mut Vec<Arc<Log>>) {
        if logs.is_empty() {
            return;
        }
        let wake = {
            let mut state = self.state.lock();
            if state.stopping {
                logs.clear();
                return;
            }
            state.dirty.append(logs);
            state.waiting
        };
        if wake {
            self.wake.notify_one();
        }
    }

    /// Waits for dirty logs and moves them into `round`; false when the thread shall end.
    fn next_round(&self, round: &mut Vec<Arc<Log>>) -> bool {
        let mut state = self.state.lock();
        while state.dirty.is_empty() && !state.stopping {
            state.waiting = true;
            self.wake.wait(&mut state);
            state.waiting = false;
        }
        std::mem::swap(&mut state.dirty, round);
        !state.stopping
    }
}

fn run(dir: &Arc<LogDir>) {
    let mut round = Vec::new();
    let mut rows = Vec::new();
    while dir.flusher.next_round(&mut round) {
        for log in round.drain(..) {
            log.leave_flush_queue();
            if dir.poison.is_set() {
                continue;
            }
            match log.flush() {
                Ok(value) => {
                    let kind = CompletionKind::Flushed;
                    rows.push(CompletionRow {
                        kind,
                        subject: log.id(),
                        value,
                    });
                }
                // `flush` has poisoned the directory and reported it.
                Err(_) => rows.clear(),
            }
        }
        if !dir.poison.is_set() {
            dir.completions.push(&rows);
        }
        rows.clear();
    }
}
