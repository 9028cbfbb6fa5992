//! Files that are torn, damaged or gone: what was flushed is refused, the rest is cut or rebuilt.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "tests fail by panicking"
)]

mod common;

use std::fs;
use std::path::Path;

use common::{
    Bench, batch_of, bounds, files, found, locate_warm, read_all, small_options, written,
};
use millrace_io::ErrorCode;
use millrace_log::{FlushMode, LogOptions, OpenLogRequest};

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
