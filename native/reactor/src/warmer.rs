//! Threads that wait for the disk so that the owner of the reactor does not: they read a file range
//! that is not in the page cache, and report when it can be sent.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::thread::JoinHandle;

use millrace_io::{FileRange, read_ahead};
use parking_lot::{Condvar, Mutex};
use rustix::event::{EventfdFlags, eventfd};

const THREAD_COUNT: usize = 2;
const READ_BYTES: usize = 256 << 10;
/// How much of a range one job reads; the rest is asked of the kernel as read-ahead.
pub(crate) const WARM_BYTES: u64 = 1 << 20;

/// A queue of ranges to read, threads that read them, and an eventfd that says when.
#[derive(Debug)]
pub(crate) struct Warmer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    signal: OwnedFd,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<(u32, FileRange)>,
    done: Vec<u32>,
    is_closing: bool,
}

impl Warmer {
    pub(crate) fn new() -> io::Result<Self> {
        let signal = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let state = Mutex::new(State::default());
        let shared = Arc::new(Shared {
            state,
            work: Condvar::new(),
            signal,
        });
        Ok(Self {
            shared,
            threads: Vec::new(),
        })
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.shared.signal.as_fd()
    }

    /// Reads the range soon; `id` comes out of `drain` afterwards, also when the read failed (the
    /// sender then meets the error itself). Each id has at most one job.
    pub(crate) fn warm(&mut self, id: u32, range: FileRange) {
        let job_count = {
            let mut state = self.shared.state.lock();
            state.jobs.push_back((id, range));
            state.jobs.len()
        };
        self.shared.work.notify_one();
        if self.threads.len() < THREAD_COUNT && job_count > self.threads.len() {
            let shared = Arc::clone(&self.shared);
            let builder = std::thread::Builder::new().name("millrace-warm".to_owned());
            match builder.spawn(move || shared.run()) {
                Ok(thread) => self.threads.push(thread),
                Err(_) if self.threads.is_empty() => self.shared.give_up(),
                Err(_) => {}
            }
        }
    }

    /// Ids whose ranges were read.
    pub(crate) fn drain(&self, into: &mut Vec<u32>) {
        let mut counter = [0u8; 8];
        let mut state = self.shared.state.lock();
        let _ = rustix::io::read(&self.shared.signal, &mut counter);
        into.append(&mut state.done);
    }
}

impl Drop for Warmer {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state.lock();
            state.is_closing = true;
            state.jobs.clear();
        }
        self.shared.work.notify_all();
        // A thread may be waiting for a stuck disk; it holds only what it needs and ends by itself.
        self.threads.clear();
    }
}

impl Shared {
    fn run(&self) {
        let mut scratch = vec![0u8; READ_BYTES];
        loop {
            let (id, range) = {
                let mut state = self.state.lock();
                loop {
                    if state.is_closing {
                        return;
                    }
                    if let Some(job) = state.jobs.pop_front() {
                        break job;
                    }
                    self.work.wait(&mut state);
                }
            };
            let _ = read_ahead(
                &range.file,
                range.position,
                range.length.min(4 * WARM_BYTES),
            );
            read_through(
                &range.file,
                range.position,
                range.length.min(WARM_BYTES),
                &mut scratch,
            );
            drop(range);
            self.report(id);
        }
    }

    /// No thread can be had: everybody sends and waits for the disk.
    fn give_up(&self) {
        let jobs: Vec<_> = self.state.lock().jobs.drain(..).collect();
        for (id, _) in jobs {
            self.report(id);
        }
    }

    fn report(&self, id: u32) {
        let was_empty = {
            let mut state = self.state.lock();
            state.done.push(id);
            state.done.len() == 1
        };
        if was_empty {
            let _ = rustix::io::write(&self.signal, &1u64.to_ne_bytes());
        }
    }
}

fn read_through(file: &File, position: u64, length: u64, scratch: &mut [u8]) {
    let mut done = 0;
    while done < length {
        let room = scratch.len().min((length - done) as usize);
        match file.read_at(&mut scratch[..room], position + done) {
            Ok(0) => return,
            Ok(count) => done += count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
