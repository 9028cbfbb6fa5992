//! What the tests of the log share.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(missing_docs, clippy::unwrap_used, reason = "test support")]

pub mod pairs;

use std::fs;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_io::{
    CompletionKind, CompletionQueue, CompletionRow, Disk, ErrorCode, FaultyDisk, OsDisk,
};
use millrace_log::{
    Appender, DirId, FlushMode, Locate, Located, Log, LogId, LogOptions, OpenLogRequest, OpenedLog,
    ReadBounds, StageRequest, Staged, Store,
};
use millrace_record::{BatchFields, BatchHeader, KeyValue, write_batch};

/// What does not come within this, on however busy a machine, does not come.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Of a call that a test holds until it heals the disk: longer than all that is to happen meanwhile.
pub const HELD: Duration = Duration::from_secs(120);

pub struct Bench {
    pub store: Arc<Store>,
    pub appender: Appender,
    pub completions: Arc<CompletionQueue>,
    pub dir_id: DirId,
    pub path: PathBuf,
}

/// A directory for tests with thousands of flushes: in memory where the machine has such a place.
pub fn fast_dir() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    tempfile::tempdir_in(place).unwrap()
}

pub fn small_options() -> LogOptions {
    LogOptions {
        segment_bytes: 4096,
        segment_index_bytes: 4096,
        index_interval_bytes: 200,
        flush_mode: FlushMode::Os,
        file_delete_delay: Duration::from_millis(50),
        ..LogOptions::default()
    }
}

impl Bench {
    pub fn on(path: &Path, disk: Arc<dyn Disk>) -> Self {
        let completions = Arc::new(CompletionQueue::new().unwrap());
        let store = Store::new(disk, Arc::clone(&completions)).unwrap();
        let dir_id = store.open_dir(path).unwrap();
        let appender = store.appender();
        Self {
            store,
            appender,
            completions,
            dir_id,
            path: path.to_owned(),
        }
    }

    pub fn new(path: &Path) -> Self {
        Self::on(path, Arc::new(OsDisk))
    }

    pub fn faulty(path: &Path) -> (Self, FaultyDisk) {
        let disk = FaultyDisk::new();
        (Self::on(path, Arc::new(disk.clone())), disk)
    }

    pub fn request(&self, name: &str, options: LogOptions) -> OpenLogRequest {
        OpenLogRequest {
            dir_id: self.dir_id,
            name: name.to_owned(),
            create: true,
            options,
            recovery_point: 0,
            log_start_offset: 0,
            clean: false,
            topic_id: None,
        }
    }

    pub fn open(&self, options: LogOptions) -> (Arc<Log>, OpenedLog) {
        let opened = self.store.open_log(&self.request("t-0", options)).unwrap();
        (self.store.log(opened.log_id).unwrap(), opened)
    }

    pub fn stage(&mut self, log_id: LogId, batch: &mut [u8]) -> Result<Staged, ErrorCode> {
        self.stage_at(log_id, batch, -1)
    }

    pub fn stage_at(
        &mut self,
        log_id: LogId,
        batch: &mut [u8],
        append_time_ms: i64,
    ) -> Result<Staged, ErrorCode> {
        let request = StageRequest {
            log_id,
            leader_epoch: 3,
            append_time_ms,
        };
        // SAFETY: the tests commit before the batch goes.
        #[allow(unsafe_code, reason = "the interface under test")]
        unsafe {
            self.appender.stage(&request, NonNull::from(batch))
        }
    }

    /// Appends and waits until the batch is readable: a busy machine may take the disk for slow.
    pub fn append(&mut self, log_id: LogId, batch: Vec<u8>) -> Staged {
        let staged = self.append_now(log_id, batch);
        self.settle(log_id, staged.log_end_offset);
        staged
    }

    /// Appends; the writer thread may still have it.
    pub fn append_now(&mut self, log_id: LogId, mut batch: Vec<u8>) -> Staged {
        let staged = self.stage(log_id, &mut batch).unwrap();
        assert!(self.appender.commit().is_empty());
        staged
    }

    /// Waits until the log ends there.
    pub fn settle(&self, log_id: LogId, log_end_offset: i64) {
        let log = self.store.log(log_id).unwrap();
        let until = Instant::now() + PATIENCE;
        while log.log_end_offset() < log_end_offset {
            assert!(
                Instant::now() < until,
                "the log never reached {log_end_offset}"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until a row of this kind came; gives it.
    pub fn wait_for(&self, kind: CompletionKind) -> CompletionRow {
        *self.completions_until(kind).last().unwrap()
    }

    /// The rows up to one of this kind, which is the last.
    pub fn completions_until(&self, kind: CompletionKind) -> Vec<CompletionRow> {
        let until = Instant::now() + PATIENCE;
        let mut rows = Vec::new();
        loop {
            self.completions.drain(&mut rows);
            if let Some(at) = rows.iter().position(|row| row.kind == kind) {
                rows.truncate(at + 1);
                return rows;
            }
            assert!(Instant::now() < until, "no {kind:?} came");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

pub fn batch_of(count: usize, timestamp: i64, filler: usize) -> Vec<u8> {
    let value = vec![b'v'; filler];
    let records: Vec<KeyValue<'_>> = (0..count)
        .map(|_| (Some(&b"key"[..]), Some(&value[..])))
        .collect();
    write_batch(
        &BatchFields {
            base_timestamp: timestamp,
            ..BatchFields::default()
        },
        &records,
    )
}

pub fn bounds(offset: i64, up_to_offset: i64, max_bytes: u64) -> ReadBounds {
    ReadBounds {
        offset,
        up_to_offset,
        max_bytes,
        at_least_one: true,
    }
}

pub fn found(locate: Locate) -> Located {
    match locate {
        Locate::Found(located) => located,
        other => panic!("expected Found, got {other:?}"),
    }
}

/// Locates; a log that was just opened is cold.
pub fn locate_warm(log: &Log, bounds: &ReadBounds) -> Locate {
    match log.locate(bounds) {
        Locate::Cold => {
            log.warm(bounds.offset, bounds.max_bytes).unwrap();
            log.locate(bounds)
        }
        other => other,
    }
}

/// Headers of back-to-back batches.
pub fn headers(mut bytes: &[u8]) -> Vec<BatchHeader> {
    let mut headers = Vec::new();
    while let Some(header) = BatchHeader::read(bytes) {
        headers.push(header);
        bytes = &bytes[header.size_bytes as usize..];
    }
    assert!(bytes.is_empty());
    headers
}

pub fn read_all(log: &Log) -> Vec<u8> {
    let mut all = Vec::new();
    let mut offset = log.log_start_offset();
    loop {
        let bytes = log.read(&bounds(offset, i64::MAX, 1 << 20)).unwrap();
        if bytes.is_empty() {
            return all;
        }
        offset = headers(&bytes).last().unwrap().next_offset();
        all.extend(bytes);
    }
}

/// A log `t-0` of `count` one-record batches; `clean` closes it, else it is left as a kill would.
pub fn written(path: &Path, options: LogOptions, count: i64, clean: bool) -> Vec<u8> {
    let mut bench = Bench::new(path);
    let (log, _) = bench.open(options);
    for index in 0..count {
        bench.append(log.id(), batch_of(1, 1_000 + index, 60));
    }
    let bytes = read_all(&log);
    if clean {
        bench.store.close_log(log.id()).unwrap();
    }
    bytes
}

/// Names and contents of the files with an extension, in order.
pub fn files(path: &Path, extension: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into(),
                fs::read(path).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}
