//! Restarts, clean and not.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "tests fail by panicking"
)]

mod common;

use std::fs;

use common::{
    Bench, batch_of, bounds, files, found, locate_warm, read_all, small_options, written,
};
use millrace_io::{ErrorCode, OsDisk};
use millrace_log::{EpochEntry, OpenLogRequest};

#[test]
fn a_clean_log_opens_as_it_was_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = written(dir.path(), small_options(), 150, true);
    let before = (
        files(&dir.path().join("t-0"), "index"),
        files(&dir.path().join("t-0"), "log"),
    );
    let mut bench = Bench::new(dir.path());
    let request = OpenLogRequest {
        clean: true,
        ..bench.request("t-0", small_options())
    };
    let opened = bench.store.open_log(&request).unwrap();
    assert_eq!((opened.log_end_offset, opened.truncated_bytes), (150, 0));
    assert_eq!(opened.flushed_offset, 150);
    let log = bench.store.log(opened.log_id).unwrap();
    assert_eq!(read_all(&log), bytes);
    assert_eq!(log.find_batch_by_timestamp(1_077, 0).unwrap(), Some(77));
    bench.append(log.id(), batch_of(1, 2_000, 60));
    assert_eq!(read_all(&log).len(), bytes.len() + batch_of(1, 0, 60).len());
    bench.store.close_log(log.id()).unwrap();
    assert_eq!(before.1[0], files(&dir.path().join("t-0"), "log")[0]);
    assert_eq!(before.0[0], files(&dir.path().join("t-0"), "index")[0]);
}

#[test]
fn a_kill_loses_nothing_that_was_written_and_indexes_come_back_the_same() {
    let (clean, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bytes = written(clean.path(), small_options(), 333, true);
    written(killed.path(), small_options(), 333, false);
    for recovery_point in [0, 100, 332, 333] {
        let bench = Bench::new(killed.path());
        let request = OpenLogRequest {
            recovery_point,
            ..bench.request("t-0", small_options())
        };
        let opened = bench.store.open_log(&request).unwrap();
        assert_eq!((opened.log_end_offset, opened.truncated_bytes), (333, 0));
        let log = bench.store.log(opened.log_id).unwrap();
        assert_eq!(read_all(&log), bytes);
        bench.store.close_log(log.id()).unwrap();
        for extension in ["log", "index", "timeindex"] {
            let expected = files(&clean.path().join("t-0"), extension);
            assert_eq!(
                files(&killed.path().join("t-0"), extension),
                expected,
                "{extension}"
            );
        }
    }
}

#[test]
fn leftovers_are_cleared_and_a_finished_swap_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = written(dir.path(), small_options(), 100, true);
    let path = dir.path().join("t-0");
    let logs = files(&path, "log");
    assert!(logs.len() > 3);
    // The first two segments were compacted into the batches of offsets 1 and 60.
    let second: i64 = logs[2].0[..20].parse().unwrap();
    let size = batch_of(1, 0, 60).len();
    let last = (second - 1) as usize;
    let kept = [
        &bytes[size..2 * size],
        &bytes[last * size..(last + 1) * size],
    ]
    .concat();
    fs::write(path.join("00000000000000000000.log.swap"), &kept).unwrap();
    for name in [
        "00000000000000000007.log.cleaned",
        "00000000000000000003.log.deleted",
    ] {
        fs::write(path.join(name), b"left").unwrap();
    }
    fs::write(path.join("00000000000000099999.index"), b"orphan").unwrap();
    let bench = Bench::new(dir.path());
    let (log, opened) = bench.open(small_options());
    assert_eq!(opened.log_end_offset, 100);
    let expected = [&kept[..], &bytes[second as usize * size..]].concat();
    assert_eq!(read_all(&log), expected);
    assert_eq!(
        found(locate_warm(&log, &bounds(0, 100, 1))).first_base_offset,
        1
    );
    assert_eq!(
        found(locate_warm(&log, &bounds(5, 100, 1))).first_base_offset,
        last as i64
    );
    let names: Vec<_> = fs::read_dir(&path)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(names.iter().all(|name| {
        let name = name.to_string_lossy();
        !name.contains("deleted") && !name.contains("cleaned") && !name.contains("99999")
    }));
}

#[test]
fn a_log_that_ends_before_its_start_begins_anew_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), small_options(), 10, true);
    let mut bench = Bench::new(dir.path());
    let request = OpenLogRequest {
        log_start_offset: 50,
        ..bench.request("t-0", small_options())
    };
    let opened = bench.store.open_log(&request).unwrap();
    assert_eq!((opened.log_start_offset, opened.log_end_offset), (50, 50));
    assert_eq!(
        bench.append(opened.log_id, batch_of(1, 0, 10)).base_offset,
        50
    );
}

#[test]
fn all_of_kafkas_files_stand_in_a_new_log() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path());
    let id = "AAAAAAAAAAAAAAAAAAAAAQ".to_owned();
    let request = OpenLogRequest {
        topic_id: Some(id.clone()),
        ..bench.request("t-0", small_options())
    };
    let opened = bench.store.open_log(&request).unwrap();
    assert_eq!(opened.topic_id, Some(id.clone()));
    let mut names: Vec<String> = fs::read_dir(dir.path().join("t-0"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let expected = [
        "00000000000000000000.index",
        "00000000000000000000.log",
        "00000000000000000000.timeindex",
        "leader-epoch-checkpoint",
        "partition.metadata",
    ];
    assert_eq!(names, expected);
    let epochs = fs::read_to_string(dir.path().join("t-0/leader-epoch-checkpoint")).unwrap();
    assert_eq!(epochs, "0\n0\n");
    bench
        .store
        .log(opened.log_id)
        .unwrap()
        .assign_leader_epoch(4)
        .unwrap();
    bench.store.close_log(opened.log_id).unwrap();
    let again = bench
        .store
        .open_log(&bench.request("t-0", small_options()))
        .unwrap();
    assert_eq!(again.topic_id, Some(id));
    assert_eq!(
        again.epochs,
        [EpochEntry {
            epoch: 4,
            start_offset: 0
        }]
    );
}

#[test]
fn one_process_per_directory_and_no_log_twice() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path());
    bench.open(small_options());
    let again = bench
        .store
        .open_log(&bench.request("t-0", small_options()))
        .unwrap_err();
    assert_eq!(again.code(), ErrorCode::InvalidName);
    let completions = std::sync::Arc::new(millrace_io::CompletionQueue::new().unwrap());
    let other = millrace_log::Store::new(std::sync::Arc::new(OsDisk), completions).unwrap();
    assert_eq!(
        other.open_dir(dir.path()).unwrap_err().code(),
        ErrorCode::DirLocked
    );
    let bad = bench
        .store
        .open_log(&bench.request("../x", small_options()))
        .unwrap_err();
    assert_eq!(bad.code(), ErrorCode::InvalidName);
}

#[test]
fn a_log_that_is_not_open_can_be_discarded() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), small_options(), 10, false);
    let bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    let refused = bench.store.discard_log(bench.dir_id, "t-0").unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidName);
    bench.store.close_log(log.id()).unwrap();
    bench.store.discard_log(bench.dir_id, "t-0").unwrap();
    bench.store.discard_log(bench.dir_id, "t-0").unwrap();
    assert!(bench.store.discard_log(bench.dir_id, "../t-0").is_err());
    assert!(bench.store.list_logs(bench.dir_id).unwrap().is_empty());
    let (_, opened) = bench.open(small_options());
    assert_eq!(opened.log_end_offset, 0);
}
