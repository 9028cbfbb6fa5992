//! Removes renamed files and directories after their delay, on a thread of its own: unlinking a
//! large file costs the disk more than a flush may wait for.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millrace_io::Disk;
use parking_lot::{Condvar, Mutex};

use crate::log::Log;

/// Something to remove.
#[derive(Debug)]
pub(crate) struct Removal {
    pub(crate) at: Instant,
    pub(crate) paths: Vec<PathBuf>,
    /// Whose retired segment goes with it: (log, handle).
    pub(crate) retired: Option<(Arc<Log>, i64)>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Janitor {
    disk: Arc<dyn Disk>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    removals: Vec<Removal>,
    stopping: bool,
    thread: Option<JoinHandle<()>>,
}

impl Janitor {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Arc<Self> {
        Arc::new(Self {
            disk,
            state: Mutex::default(),
            wake: Condvar::new(),
        })
    }

    /// Schedules a removal; starts the thread with the first one.
    pub(crate) fn schedule(self: &Arc<Self>, removal: Removal) {
        let mut state = self.state.lock();
        state.removals.push(removal);
        if state.thread.is_none() && !state.stopping {
            let janitor = Arc::clone(self);
            let builder = std::thread::Builder::new().name("janitor".to_owned());
            // Without a thread the files stay until the next start removes them.
            state.thread = builder.spawn(move || janitor.run()).ok();
        }
        self.wake.notify_one();
    }

    /// Ends the thread; what is not due stays for the next start.
    pub(crate) fn stop(&self) {
        let thread = {
            let mut state = self.state.lock();
            state.stopping = true;
            state.removals.clear();
            state.thread.take()
        };
        self.wake.notify_one();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    fn run(&self) {
        let mut state = self.state.lock();
        while !state.stopping {
            let now = Instant::now();
            if let Some(index) = state.removals.iter().position(|removal| removal.at <= now) {
                let removal = state.removals.swap_remove(index);
                drop(state);
                self.remove(removal);
                state = self.state.lock();
                continue;
            }
            let next = state.removals.iter().map(|removal| removal.at).min();
            let sleep = next.map_or(Duration::from_secs(3600), |at| at.duration_since(now));
            self.wake.wait_for(&mut state, sleep);
        }
    }

    /// Failures are left to the next start, which removes what it finds.
    fn remove(&self, removal: Removal) {
        if let Some((log, handle)) = &removal.retired {
            log.forget_retired(*handle);
        }
        for path in &removal.paths {
            let _ = match path.is_dir() {
                true => self.disk.remove_dir_all(path),
                false => self.disk.remove_file(path),
            };
        }
    }
}
