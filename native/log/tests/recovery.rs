//! Restarts, clean and not.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "tests fail by panicking"
)]

mod common;

use std::fs;
use std::path::Path;

use common::{Bench, batch_of, bounds, found, locate_warm, read_all, small_options};
use millrace_io::{ErrorCode, OsDisk};
use millrace_log::{EpochEntry, FlushMode, LogOptions, OpenLogRequest};

/// A log of `count` one-record batches; `clean` closes it, else it is left as a kill would.
fn written(path: &Path, options: LogOptions, count: i64, clean: bool) -> Vec<u8> {
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

fn files(path: &Path, extension: &str) -> Vec<(String, Vec<u8>)> {
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
fn a_torn_tail_is_cut_at_every_byte_of_the_last_batch() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = written(dir.path(), small_options(), 10, false);
    let path = dir.path().join("t-0/00000000000000000000.log");
    let last = batch_of(1, 0, 60).len();
    let whole = bytes.len() - last;
    for keep in 0..last {
        for garbage in [&[][..], &[0; 300], &[0xff; 300]] {
            let mut torn = bytes[..whole + keep].to_vec();
            torn.extend_from_slice(garbage);
            if torn.starts_with(&bytes) {
                continue; // the batch ends in a zero: it is whole again
            }
            fs::write(&path, &torn).unwrap();
            let bench = Bench::new(dir.path());
            let (log, opened) = bench.open(small_options());
            assert_eq!(opened.log_end_offset, 9, "cut at {keep}");
            assert_eq!(opened.truncated_bytes, (keep + garbage.len()) as u64);
            assert_eq!(read_all(&log), bytes[..whole]);
            assert_eq!(fs::metadata(&path).unwrap().len(), whole as u64);
        }
    }
}

#[test]
fn a_flipped_byte_ends_the_unflushed_part_and_later_segments_go() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = written(dir.path(), small_options(), 200, false);
    let logs = files(&dir.path().join("t-0"), "log");
    let (name, mut content) = logs[2].clone();
    let size = batch_of(1, 0, 60).len();
    content[size * 3 + 65] ^= 4;
    fs::write(dir.path().join("t-0").join(&name), content).unwrap();
    let bench = Bench::new(dir.path());
    let (log, opened) = bench.open(small_options());
    let base: i64 = name[..20].parse().unwrap();
    assert_eq!(opened.log_end_offset, base + 3);
    assert_eq!(read_all(&log), bytes[..(base as usize + 3) * size]);
    assert_eq!(log.segments().len(), 3);
}

/// Opens at a recovery point; the refusal's words, or where the log ends.
fn reopened(path: &Path, recovery_point: i64, clean: bool) -> Result<i64, String> {
    let bench = Bench::new(path);
    let request = OpenLogRequest {
        recovery_point,
        clean,
        ..bench.request("t-0", small_options())
    };
    match bench.store.open_log(&request) {
        Ok(opened) => Ok(opened.log_end_offset),
        Err(error) => {
            assert_eq!(error.code(), ErrorCode::CorruptFile);
            Err(error.message().to_owned())
        }
    }
}

/// The magic of the `index`th batch of a segment is wrong, and its offset index gone.
fn break_batch(path: &Path, name: &str, index: usize) {
    let log = path.join("t-0").join(name);
    let mut content = fs::read(&log).unwrap();
    content[batch_of(1, 0, 60).len() * index + 16] = 9;
    fs::write(&log, content).unwrap();
    fs::remove_file(path.join("t-0").join(name.replace(".log", ".index"))).unwrap();
}

#[test]
fn damage_below_the_recovery_point_is_never_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), small_options(), 200, false);
    let logs = files(&dir.path().join("t-0"), "log");
    let (name, next) = (&logs[2].0, logs[3].0[..20].parse::<i64>().unwrap());
    break_batch(dir.path(), name, 3);
    let damaged = files(&dir.path().join("t-0"), "log");
    // The recovery point in the segment, behind it, and unknown after a clean stop.
    for (recovery_point, clean) in [(next - 1, false), (next, false), (200, false), (0, true)] {
        let refused = reopened(dir.path(), recovery_point, clean).unwrap_err();
        assert!(refused.contains(name.as_str()), "{refused}");
        assert!(refused.contains("damaged at byte"), "{refused}");
        fs::remove_file(dir.path().join("t-0").join(name.replace(".log", ".index"))).unwrap();
    }
    assert_eq!(files(&dir.path().join("t-0"), "log"), damaged);
}

#[test]
fn damage_in_the_last_segment_is_cut_above_the_recovery_point_and_refused_below_it() {
    let written_options = [
        small_options(),
        LogOptions {
            flush_mode: FlushMode::Group,
            ..small_options()
        },
    ];
    for options in written_options {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path(), options, 10, false);
        break_batch(dir.path(), "00000000000000000000.log", 6);
        let damaged = files(&dir.path().join("t-0"), "log");
        for (recovery_point, clean) in [(7, false), (10, false), (10, true)] {
            let refused = reopened(dir.path(), recovery_point, clean).unwrap_err();
            assert!(refused.contains("damaged at byte"), "{refused}");
            assert_eq!(files(&dir.path().join("t-0"), "log"), damaged);
        }
        assert_eq!(reopened(dir.path(), 6, false), Ok(6));
    }
}

#[test]
fn a_log_that_ends_below_its_recovery_point_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = written(dir.path(), small_options(), 10, true);
    let path = dir.path().join("t-0/00000000000000000000.log");
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    for clean in [true, false] {
        let refused = reopened(dir.path(), 10, clean).unwrap_err();
        assert!(refused.contains("ends at offset 5"), "{refused}");
    }
    fs::remove_file(&path).unwrap();
    let refused = reopened(dir.path(), 10, false).unwrap_err();
    assert!(refused.contains("holds no segment"), "{refused}");
    assert_eq!(reopened(dir.path(), 0, false), Ok(0));
}

#[test]
fn damaged_indexes_are_rebuilt_whatever_the_damage() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = written(dir.path(), small_options(), 200, true);
    let path = dir.path().join("t-0");
    let expected = (files(&path, "index"), files(&path, "timeindex"));
    let damages: [fn(&[u8]) -> Option<Vec<u8>>; 6] = [
        |_| None,
        |_| Some(Vec::new()),
        |bytes| Some(bytes[..bytes.len() - 3].to_vec()),
        // Whole entries of either index.
        |bytes| Some(bytes[..bytes.len() / 48 * 24].to_vec()),
        |bytes| Some(vec![0; bytes.len()]),
        |bytes| Some(bytes.iter().map(|byte| byte ^ 0x5a).collect()),
    ];
    for damage in damages {
        for clean in [true, false] {
            for extension in ["index", "timeindex"] {
                for (name, content) in files(&path, extension) {
                    match damage(&content) {
                        Some(damaged) => fs::write(path.join(name), damaged).unwrap(),
                        None => fs::remove_file(path.join(name)).unwrap(),
                    }
                }
            }
            let bench = Bench::new(dir.path());
            let request = OpenLogRequest {
                clean,
                ..bench.request("t-0", small_options())
            };
            let opened = bench.store.open_log(&request).unwrap();
            let log = bench.store.log(opened.log_id).unwrap();
            assert_eq!(read_all(&log), bytes);
            for offset in (0..200).step_by(11) {
                let located = found(locate_warm(&log, &bounds(offset, 200, 1)));
                assert_eq!(located.first_base_offset, offset);
                let time = 1_000 + offset;
                assert_eq!(log.find_batch_by_timestamp(time, 0).unwrap(), Some(offset));
            }
            bench.store.close_log(log.id()).unwrap();
            if !clean {
                assert_eq!((files(&path, "index"), files(&path, "timeindex")), expected);
            }
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
