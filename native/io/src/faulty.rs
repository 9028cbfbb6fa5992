//! A disk that fails on request.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::disk::Disk;
use crate::os_disk::OsDisk;

/// Operations a rule can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskOperation {
    /// Opening or creating.
    Open,
    /// Any write.
    Write,
    /// Any read.
    Read,
    /// fdatasync.
    SyncData,
    /// fsync of a directory.
    SyncDir,
    /// Truncation or growth.
    SetLen,
    /// Rename.
    Rename,
    /// Removal of a file or directory.
    Remove,
    /// Creation of a directory.
    CreateDir,
}

/// Fails matching calls.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which calls.
    pub operation: DiskOperation,
    /// Only paths ending so; empty matches all.
    pub path_suffix: String,
    /// Matching calls that still succeed before the rule bites.
    pub skip: u32,
    /// How many calls it bites.
    pub times: u32,
    /// The errno to fail with; `None` only delays.
    pub errno: Option<i32>,
    /// For writes: this many bytes are written before the failure (a short write, a torn batch).
    pub written_bytes: usize,
    /// Waits so long first, or until the disk is healed.
    pub delay: Duration,
    /// Panics instead, as a bug in the code at hand would.
    pub panics: bool,
}

impl Rule {
    /// Fails every such call with `errno`.
    pub fn fail(operation: DiskOperation, errno: i32) -> Self {
        Self {
            operation,
            path_suffix: String::new(),
            skip: 0,
            times: u32::MAX,
            errno: Some(errno),
            written_bytes: 0,
            delay: Duration::ZERO,
            panics: false,
        }
    }

    /// Only for paths with this suffix.
    pub fn on(mut self, path_suffix: &str) -> Self {
        self.path_suffix = path_suffix.to_owned();
        self
    }

    /// Only once, after `skip` successes.
    pub fn once_after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self.times = 1;
        self
    }
}

/// The real disk with rules and a record of the calls made, in order.
#[derive(Clone, Debug, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
    healed: Arc<Condvar>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    calls: Vec<(DiskOperation, PathBuf)>,
    heals: u64,
}

impl FaultyDisk {
    /// A disk without rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule.
    pub fn add(&self, rule: Rule) {
        self.state.lock().rules.push(rule);
    }

    /// Removes all rules and ends the delays that are under way.
    pub fn heal(&self) {
        let mut state = self.state.lock();
        state.rules.clear();
        state.heals += 1;
        self.healed.notify_all();
    }

    /// The calls made since the last `take_calls`.
    pub fn take_calls(&self) -> Vec<(DiskOperation, PathBuf)> {
        std::mem::take(&mut self.state.lock().calls)
    }

    /// Bytes to write before failing, when a rule bites.
    fn check(&self, operation: DiskOperation, path: &Path) -> Result<(), (usize, io::Error)> {
        let mut bite = None;
        let heals;
        {
            let mut state = self.state.lock();
            heals = state.heals;
            state.calls.push((operation, path.to_owned()));
            for rule in &mut state.rules {
                let matches = rule.operation == operation
                    && path.to_string_lossy().ends_with(&rule.path_suffix);
                if !matches || rule.times == 0 {
                    continue;
                }
                if rule.skip > 0 {
                    rule.skip -= 1;
                    continue;
                }
                rule.times -= 1;
                bite = Some(rule.clone());
                break;
            }
        }
        let Some(rule) = bite else { return Ok(()) };
        {
            let mut state = self.state.lock();
            let not_healed = |state: &mut State| state.heals == heals;
            self.healed
                .wait_while_for(&mut state, not_healed, rule.delay);
        }
        assert!(!rule.panics, "a rule says so");
        match rule.errno {
            Some(errno) => Err((rule.written_bytes, io::Error::from_raw_os_error(errno))),
            None => Ok(()),
        }
    }

    fn check_file(&self, operation: DiskOperation, file: &File) -> Result<(), (usize, io::Error)> {
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        self.check(operation, &std::fs::read_link(link).unwrap_or_default())
    }
}

fn cause(failure: (usize, io::Error)) -> io::Error {
    failure.1
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<File> {
        self.check(DiskOperation::Open, path).map_err(cause)?;
        OsDisk.open(path, create)
    }

    fn open_read(&self, path: &Path) -> io::Result<File> {
        self.check(DiskOperation::Open, path).map_err(cause)?;
        OsDisk.open_read(path)
    }

    fn write_vectored_at(
        &self,
        file: &File,
        slices: &[IoSlice<'_>],
        position: u64,
    ) -> io::Result<usize> {
        match self.check_file(DiskOperation::Write, file) {
            Ok(()) => OsDisk.write_vectored_at(file, slices, position),
            Err((0, error)) => Err(error),
            // A real disk reports the short count now and the error at the next try.
            Err((written, error)) => {
                let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
                let count = written.min(bytes.len());
                OsDisk.write_all_at(file, &bytes[..count], position)?;
                let errno = error.raw_os_error().unwrap_or(libc::EIO);
                self.add(Rule::fail(DiskOperation::Write, errno).once_after(0));
                Ok(count)
            }
        }
    }

    fn write_all_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        match self.check_file(DiskOperation::Write, file) {
            Ok(()) => OsDisk.write_all_at(file, bytes, position),
            Err((written, error)) => {
                OsDisk.write_all_at(file, &bytes[..written.min(bytes.len())], position)?;
                Err(error)
            }
        }
    }

    fn read_at(&self, file: &File, into: &mut [u8], position: u64) -> io::Result<usize> {
        self.check_file(DiskOperation::Read, file).map_err(cause)?;
        OsDisk.read_at(file, into, position)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        self.check_file(DiskOperation::SyncData, file)
            .map_err(cause)?;
        OsDisk.sync_data(file)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.check(DiskOperation::SyncDir, path).map_err(cause)?;
        OsDisk.sync_dir(path)
    }

    fn set_len(&self, file: &File, length: u64) -> io::Result<()> {
        self.check_file(DiskOperation::SetLen, file)
            .map_err(cause)?;
        OsDisk.set_len(file, length)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check(DiskOperation::Rename, to).map_err(cause)?;
        OsDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.check(DiskOperation::Remove, path).map_err(cause)?;
        OsDisk.remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.check(DiskOperation::CreateDir, path).map_err(cause)?;
        OsDisk.create_dir(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.check(DiskOperation::Remove, path).map_err(cause)?;
        OsDisk.remove_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        OsDisk.list(path)
    }
}
