//! The table of open directories and logs: what the boundary to Node talks to.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use millrace_io::{CompletionQueue, Disk, EngineError, ErrorCode, FileRange, Result};
use parking_lot::{Mutex, RwLock};

use crate::appender::Appender;
use crate::dir::LogDir;
use crate::janitor::{Janitor, Removal};
use crate::layout::{check_name, deleted_dir_name, is_deleted_dir};
use crate::log::Log;
use crate::recovery::open_log;
use crate::types::{DirId, LogId, OpenLogRequest, OpenedLog};

/// Directories and logs by number. Numbers are never used again.
#[derive(Debug)]
pub struct Store {
    disk: Arc<dyn Disk>,
    completions: Arc<CompletionQueue>,
    janitor: Arc<Janitor>,
    dirs: RwLock<Vec<Option<Arc<LogDir>>>>,
    logs: RwLock<Vec<Option<Arc<Log>>>>,
    /// Paths of logs that are open, or on their way.
    paths: Mutex<HashSet<PathBuf>>,
}

impl Store {
    /// An empty store that reports to `completions`.
    pub fn new(disk: Arc<dyn Disk>, completions: Arc<CompletionQueue>) -> Result<Arc<Self>> {
        let janitor = Janitor::new(Arc::clone(&disk));
        let (dirs, logs) = (RwLock::default(), RwLock::default());
        Ok(Arc::new(Self {
            disk,
            completions,
            janitor,
            dirs,
            logs,
            paths: Mutex::default(),
        }))
    }

    /// Takes a directory's lock, creating it when missing, and removes deleted logs in it.
    pub fn open_dir(&self, path: &Path) -> Result<DirId> {
        let id = {
            let mut dirs = self.dirs.write();
            dirs.push(None);
            (dirs.len() - 1) as DirId
        };
        let (disk, completions) = (Arc::clone(&self.disk), Arc::clone(&self.completions));
        let dir = LogDir::open(id, path, disk, completions)?;
        let deleted: Vec<_> = dir
            .list(&dir.path)?
            .into_iter()
            .filter(|path| {
                path.file_name()
                    .is_some_and(|name| is_deleted_dir(&name.to_string_lossy()))
            })
            .collect();
        if !deleted.is_empty() {
            let at = Instant::now();
            self.janitor.schedule(Removal {
                at,
                paths: deleted,
                retired: None,
            });
        }
        if let Some(slot) = self.dirs.write().get_mut(id as usize) {
            *slot = Some(dir);
        }
        Ok(id)
    }

    /// Stops the directory's flusher and releases its lock. Its logs must be closed.
    pub fn close_dir(&self, dir_id: DirId) -> Result<()> {
        let dir = self.dir(dir_id)?;
        let open = |log: &Option<Arc<Log>>| log.as_ref().is_some_and(|log| log.dir.id == dir_id);
        if self.logs.read().iter().any(open) && !dir.poison.is_set() {
            let what = format!("{} still has open logs", dir.path.display());
            return Err(EngineError::new(ErrorCode::UnknownHandle, what));
        }
        for slot in self.logs.write().iter_mut().filter(|log| open(log)) {
            if let Some(log) = slot.take() {
                self.paths.lock().remove(&log.path);
            }
        }
        if let Some(slot) = self.dirs.write().get_mut(dir_id as usize) {
            *slot = None;
        }
        dir.close();
        Ok(())
    }

    /// Names of the directories inside, deleted ones left out.
    pub fn list_logs(&self, dir_id: DirId) -> Result<Vec<String>> {
        self.dir(dir_id)?.list_logs()
    }

    /// Writes a small file of the directory durably. `name` may hold one slash.
    pub fn write_file(&self, dir_id: DirId, name: &str, bytes: &[u8]) -> Result<()> {
        let dir = self.dir(dir_id)?;
        dir.write_small(&dir.file_path(name)?, bytes)
    }

    /// Reads a small file of the directory; `None` when it does not exist.
    pub fn read_file(&self, dir_id: DirId, name: &str) -> Result<Option<Vec<u8>>> {
        let dir = self.dir(dir_id)?;
        dir.read_small(&dir.file_path(name)?)
    }

    /// Removes a small file of the directory, durably.
    pub fn remove_file(&self, dir_id: DirId, name: &str) -> Result<()> {
        let dir = self.dir(dir_id)?;
        dir.remove_small(&dir.file_path(name)?)
    }

    /// Opens, and when asked creates, a log. Waits for the disk.
    pub fn open_log(&self, request: &OpenLogRequest) -> Result<OpenedLog> {
        check_name(&request.name)?;
        let dir = self.dir(request.dir_id)?;
        dir.poison.check()?;
        let path = dir.path.join(&request.name);
        if request.create && !path.is_dir() {
            let what = format!("create {}", path.display());
            dir.disk
                .create_dir(&path)
                .map_err(|error| dir.judge(&what, &error))?;
            dir.sync_dir(&dir.path)?;
        }
        if !path.is_dir() {
            let what = format!("{} does not exist", path.display());
            return Err(EngineError::new(ErrorCode::IoError, what));
        }
        if !self.paths.lock().insert(path.clone()) {
            let what = format!("{} is open already", path.display());
            return Err(EngineError::new(ErrorCode::InvalidName, what));
        }
        let id = {
            let mut logs = self.logs.write();
            logs.push(None);
            (logs.len() - 1) as LogId
        };
        let opened = open_log(id, &dir, &self.janitor, path.clone(), request);
        let (log, opened) = opened.inspect_err(|_| {
            self.paths.lock().remove(&path);
        })?;
        if let Some(slot) = self.logs.write().get_mut(id as usize) {
            *slot = Some(log);
        }
        Ok(opened)
    }

    /// Trims indexes, writes the final time index entry, flushes, forgets the log. A log of a
    /// poisoned directory is only forgotten.
    pub fn close_log(&self, log_id: LogId) -> Result<()> {
        let log = self.log(log_id)?;
        let closed = if log.dir.poison.is_set() {
            Ok(())
        } else {
            log.close()
        };
        self.forget(log_id);
        closed
    }

    /// Renames the log's directory to `…-delete` durably; it is removed later.
    pub fn delete_log(&self, log_id: LogId) -> Result<()> {
        let log = self.log(log_id)?;
        let path = log.rename_away(&new_deleted_name(&log.name, log_id))?;
        self.forget(log_id);
        self.remove_after(path, log.options.read().file_delete_delay);
        Ok(())
    }

    /// The same for a log that is not open, because it cannot be or need not. Nothing happens when
    /// its directory is not there.
    pub fn discard_log(&self, dir_id: DirId, name: &str) -> Result<()> {
        check_name(name)?;
        let dir = self.dir(dir_id)?;
        dir.poison.check()?;
        let path = dir.path.join(name);
        // Held, so that nobody opens it meanwhile.
        let paths = self.paths.lock();
        if paths.contains(&path) {
            let what = format!("{} is open", path.display());
            return Err(EngineError::new(ErrorCode::InvalidName, what));
        }
        let to = dir.path.join(new_deleted_name(name, LogId::MAX));
        match self.disk.rename(&path, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| dir.fail(&format!("rename {name}"), &error))?,
        }
        drop(paths);
        dir.sync_dir(&dir.path)?;
        self.remove_after(to, Duration::ZERO);
        Ok(())
    }

    fn remove_after(&self, path: PathBuf, delay: Duration) {
        self.janitor.schedule(Removal {
            at: Instant::now() + delay,
            paths: vec![path],
            retired: None,
        });
    }

    /// An open log.
    pub fn log(&self, log_id: LogId) -> Result<Arc<Log>> {
        self.logs
            .read()
            .get(log_id as usize)
            .and_then(Clone::clone)
            .ok_or_else(|| EngineError::new(ErrorCode::UnknownHandle, String::new()))
    }

    /// The bytes that a file slice names; never waits. `None` when log or file are gone.
    pub fn file_range(
        &self,
        log_id: LogId,
        segment: i64,
        position: u64,
        length: u64,
    ) -> Option<FileRange> {
        self.log(log_id).ok()?.file_range(segment, position, length)
    }

    /// A way to append, for one thread.
    pub fn appender(self: &Arc<Self>) -> Appender {
        Appender::new(Arc::clone(self))
    }

    fn forget(&self, log_id: LogId) {
        if let Some(slot) = self.logs.write().get_mut(log_id as usize)
            && let Some(log) = slot.take()
        {
            self.paths.lock().remove(&log.path);
        }
    }

    fn dir(&self, dir_id: DirId) -> Result<Arc<LogDir>> {
        self.dirs
            .read()
            .get(dir_id as usize)
            .and_then(Clone::clone)
            .ok_or_else(|| EngineError::new(ErrorCode::UnknownHandle, format!("no dir {dir_id}")))
    }
}

/// A name that no other deleted log has.
fn new_deleted_name(name: &str, log_id: LogId) -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    deleted_dir_name(name, since.as_nanos() << 32 | u128::from(log_id))
}

impl Drop for Store {
    fn drop(&mut self) {
        self.janitor.stop();
        for dir in self.dirs.write().iter().flatten() {
            dir.close();
        }
    }
}
