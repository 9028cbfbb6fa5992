//! One log directory: its lock, its small files, its poison.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millrace_io::{
    CompletionKind, CompletionQueue, CompletionRow, DirLock, Disk, EngineError, ErrorCode, Result,
    read_small_file, write_durably,
};
use parking_lot::Mutex;

use crate::deferred::DeferredWriter;
use crate::flusher::Flusher;
use crate::layout::{check_file_name, is_deleted_dir};
use crate::poison::Poison;
use crate::pressure::Pressure;
use crate::types::DirId;

/// Checkpoints and metadata; far above what any of them needs.
const SMALL_FILE_BYTES_MAX: u64 = 256 << 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct LogDir {
    pub(crate) id: DirId,
    pub(crate) path: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) poison: Poison,
    pub(crate) completions: Arc<CompletionQueue>,
    pub(crate) flusher: Flusher,
    pub(crate) deferred: DeferredWriter,
    pub(crate) pressure: Mutex<Pressure>,
    lock: Mutex<Option<DirLock>>,
    /// Held over a look at the poison and the report that follows from it.
    reporting: Mutex<()>,
}

impl LogDir {
    /// Creates the directory when missing, takes its lock, starts its flusher.
    pub(crate) fn open(
        id: DirId,
        path: &Path,
        disk: Arc<dyn Disk>,
        completions: Arc<CompletionQueue>,
    ) -> Result<Arc<Self>> {
        create_dirs(&*disk, path)
            .map_err(|error| EngineError::io(format_args!("create {}", path.display()), &error))?;
        let lock = Mutex::new(Some(DirLock::acquire(&*disk, path)?));
        let poison = Poison::default();
        let flusher = Flusher::default();
        let path = path.to_owned();
        let dir = Arc::new(Self {
            id,
            path,
            disk,
            poison,
            completions,
            flusher,
            lock,
            reporting: Mutex::new(()),
            deferred: DeferredWriter::default(),
            pressure: Mutex::default(),
        });
        dir.flusher.start(&dir)?;
        Ok(dir)
    }

    /// Stops the flusher and releases the lock.
    pub(crate) fn close(&self) {
        self.deferred.stop();
        self.flusher.stop();
        self.lock.lock().take();
    }

    /// Poisons the directory and tells the deciding thread, the first time.
    pub(crate) fn fail(&self, what: &str, error: &io::Error) -> EngineError {
        let _reporting = self.reporting.lock();
        if self.poison.set() {
            let value = i64::from(ErrorCode::IoError as u8);
            let kind = CompletionKind::DirFailed;
            self.completions.push(&[CompletionRow {
                kind,
                subject: self.id,
                value,
                took: Duration::ZERO,
            }]);
        }
        EngineError::new(ErrorCode::IoError, format!("{what}: {error}"))
    }

    /// Reports good news; none comes after the news of the failure.
    pub(crate) fn report(&self, row: CompletionRow) {
        let _reporting = self.reporting.lock();
        if !self.poison.is_set() {
            self.completions.push(&[row]);
        }
    }

    /// Judges a failed change: lack of space is refused and heals, anything else is final.
    pub(crate) fn judge(&self, what: &str, error: &io::Error) -> EngineError {
        let refused = EngineError::io(what, error);
        if refused.code() == ErrorCode::NoSpace {
            refused
        } else {
            self.fail(what, error)
        }
    }

    /// Writes a small file durably. Lack of space before the flush is refused; a failed flush or
    /// rename poisons the directory, whatever its errno.
    pub(crate) fn write_small(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.poison.check()?;
        let what = format!("write {}", path.display());
        write_durably(&*self.disk, path, bytes).map_err(|failure| {
            if failure.before_flush {
                self.judge(&what, &failure.error)
            } else {
                self.fail(&what, &failure.error)
            }
        })
    }

    /// Reads a small file; `None` when it does not exist.
    pub(crate) fn read_small(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        read_small_file(&*self.disk, path, SMALL_FILE_BYTES_MAX)
            .map_err(|error| EngineError::io(format_args!("read {}", path.display()), &error))
    }

    /// Removes a file, durably; nothing to do when it does not exist.
    pub(crate) fn remove_small(&self, path: &Path) -> Result<()> {
        self.poison.check()?;
        let what = format!("remove {}", path.display());
        match self.disk.remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| self.fail(&what, &error))?,
        }
        self.sync_dir(path.parent().unwrap_or(&self.path))
    }

    /// Makes changes of a directory durable.
    pub(crate) fn sync_dir(&self, path: &Path) -> Result<()> {
        self.disk
            .sync_dir(path)
            .map_err(|error| self.fail(&format!("flush directory {}", path.display()), &error))
    }

    /// Path of a small file by its name.
    pub(crate) fn file_path(&self, name: &str) -> Result<PathBuf> {
        check_file_name(name)?;
        Ok(self.path.join(name))
    }

    /// Names of the directories inside, save for those that wait for their removal.
    pub(crate) fn list_logs(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for path in self.list(&self.path)? {
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(name) = name.filter(|name| !is_deleted_dir(name) && path.is_dir()) {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Entries of a directory.
    pub(crate) fn list(&self, path: &Path) -> Result<Vec<PathBuf>> {
        self.disk
            .list(path)
            .map_err(|error| EngineError::io(format_args!("list {}", path.display()), &error))
    }
}

/// Creates a directory and its parents, each made durable.
fn create_dirs(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    create_dirs(disk, parent)?;
    disk.create_dir(path)?;
    disk.sync_dir(if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    })
}
