//! How native threads report to the deciding thread: rows in a queue and an eventfd to poll.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};

use crate::error::{EngineError, Result};

/// What a row reports. The numbers equal `EventKind` of the TypeScript engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CompletionKind {
    /// Everything of log `subject` below offset `value` is on the device.
    Flushed = 4,
    /// Log dir `subject` is poisoned; `value` is the error code.
    DirFailed = 5,
    /// A deferred commit of log `subject` is written: everything below offset `value` is readable.
    Written = 6,
    /// A deferred commit of log `subject` was refused for lack of space; `value` is the log end
    /// offset to which it was cut back.
    Refused = 7,
}

/// One report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompletionRow {
    /// What happened.
    pub kind: CompletionKind,
    /// Log id or dir id.
    pub subject: u32,
    /// Offset or error code.
    pub value: i64,
    /// How long a flush took; zero in other rows.
    pub took: Duration,
}

/// Many writers, one reader. The descriptor becomes readable when rows wait.
#[derive(Debug)]
pub struct CompletionQueue {
    rows: Mutex<Rows>,
    signal: OwnedFd,
}

#[derive(Debug, Default)]
struct Rows {
    waiting: Vec<CompletionRow>,
    pushed_count: u64,
}

impl CompletionQueue {
    /// Creates the queue with its eventfd (non-blocking, close-on-exec).
    pub fn new() -> Result<Self> {
        let signal = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .map_err(|errno| EngineError::io("eventfd", &errno.into()))?;
        Ok(Self {
            rows: Mutex::default(),
            signal,
        })
    }

    /// Appends rows; wakes the reader when the queue was empty.
    pub fn push(&self, rows: &[CompletionRow]) {
        if rows.is_empty() {
            return;
        }
        let was_empty = {
            let mut queue = self.rows.lock();
            let was_empty = queue.waiting.is_empty();
            queue.waiting.extend_from_slice(rows);
            queue.pushed_count += rows.len() as u64;
            was_empty
        };
        if was_empty {
            // The counter cannot overflow: it is raised once per drain. EINTR does not happen on
            // a non-blocking eventfd.
            let _ = rustix::io::write(&self.signal, &1u64.to_ne_bytes());
        }
    }

    /// Moves all waiting rows to the end of `into` and makes the descriptor unreadable again.
    pub fn drain(&self, into: &mut Vec<CompletionRow>) {
        let mut counter = [0u8; 8];
        let mut queue = self.rows.lock();
        let _ = rustix::io::read(&self.signal, &mut counter);
        into.append(&mut queue.waiting);
    }

    /// Rows ever pushed.
    pub fn pushed_count(&self) -> u64 {
        self.rows.lock().pushed_count
    }

    /// Rows ever taken out by `drain`.
    pub fn drained_count(&self) -> u64 {
        let queue = self.rows.lock();
        queue.pushed_count - queue.waiting.len() as u64
    }

    /// The descriptor to poll for readability.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.signal.as_fd()
    }
}

impl AsFd for CompletionQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signal.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_takes_all_rows_and_a_later_push_signals_again() {
        let queue = CompletionQueue::new().unwrap();
        let row = CompletionRow {
            kind: CompletionKind::Flushed,
            subject: 3,
            value: 9,
            took: Duration::ZERO,
        };
        for _ in 0..2 {
            queue.push(&[row, row]);
            let mut fds = [rustix::event::PollFd::new(
                &queue,
                rustix::event::PollFlags::IN,
            )];
            let none = rustix::event::Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            assert_eq!(rustix::event::poll(&mut fds, Some(&none)).unwrap(), 1);
            let mut rows = Vec::new();
            queue.drain(&mut rows);
            assert_eq!(rows, vec![row, row]);
            let mut fds = [rustix::event::PollFd::new(
                &queue,
                rustix::event::PollFlags::IN,
            )];
            assert_eq!(rustix::event::poll(&mut fds, Some(&none)).unwrap(), 0);
        }
    }
}
