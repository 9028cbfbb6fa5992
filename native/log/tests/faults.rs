//! Disks that fail.

mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::{Bench, batch_of, read_all, small_options};
use millrace_io::{CompletionKind, DiskOperation, ErrorCode, FaultyDisk, Rule};
use millrace_log::{FlushMode, Locate, LogId, LogOptions};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn grouped() -> LogOptions {
    LogOptions {
        flush_mode: FlushMode::Group,
        ..small_options()
    }
}

#[test]
fn the_first_failed_flush_poisons_the_directory_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let (log, _) = bench.open(grouped());
    bench.append(log.id(), batch_of(1, 0, 10));
    assert_eq!(bench.wait_for(CompletionKind::Flushed).value, 1);
    disk.add(
        Rule::fail(DiskOperation::SyncData, EIO)
            .on(".log")
            .once_after(0),
    );
    bench.append(log.id(), batch_of(1, 0, 10));
    let row = bench.wait_for(CompletionKind::DirFailed);
    assert_eq!(
        (row.subject, row.value),
        (bench.dir_id, ErrorCode::IoError as i64)
    );
    assert_eq!(log.flushed_offset(), 1);
    // The disk is fine again; the directory is not.
    assert_eq!(
        bench.stage(log.id(), &mut batch_of(1, 0, 10)),
        Err(ErrorCode::Poisoned)
    );
    assert_eq!(log.flush().unwrap_err().code(), ErrorCode::Poisoned);
    // What was flushed before is still served, nothing beyond it.
    let Locate::Found(located) = log.locate(&common::bounds(0, 2, 1000)) else {
        panic!("the flushed batch is gone");
    };
    assert_eq!(located.next_offset, 1);
    assert_eq!(log.locate(&common::bounds(1, 2, 100)), Locate::Failed);
    let write = bench.store.write_file(bench.dir_id, "x", b"y");
    assert_eq!(write.unwrap_err().code(), ErrorCode::Poisoned);
    let mut rows = Vec::new();
    std::thread::sleep(std::time::Duration::from_millis(50));
    bench.completions.drain(&mut rows);
    assert!(
        rows.iter().all(|row| row.kind != CompletionKind::Flushed),
        "{rows:?}"
    );
}

#[test]
fn a_flush_that_panics_poisons_as_one_that_fails() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let (log, _) = bench.open(grouped());
    disk.add(Rule {
        panics: true,
        ..Rule::fail(DiskOperation::SyncData, EIO).on("t-0/00000000000000000000.log")
    });
    bench.append(log.id(), batch_of(1, 0, 10));
    let row = bench.wait_for(CompletionKind::DirFailed);
    assert_eq!(
        (row.subject, row.value),
        (bench.dir_id, ErrorCode::IoError as i64)
    );
    assert_eq!(log.flush().unwrap_err().code(), ErrorCode::Poisoned);
    assert_eq!(log.flushed_offset(), 0);
}

#[test]
fn a_failed_write_poisons_and_nothing_of_it_is_readable() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let (log, _) = bench.open(small_options());
    bench.append(log.id(), batch_of(1, 0, 10));
    let rule = Rule {
        written_bytes: 30,
        ..Rule::fail(DiskOperation::Write, EIO).on(".log")
    };
    disk.add(rule.once_after(0));
    bench.stage(log.id(), &mut batch_of(1, 0, 10)).unwrap();
    assert_eq!(bench.appender.commit(), [log.id()]);
    assert_eq!(log.log_end_offset(), 1);
    bench.wait_for(CompletionKind::DirFailed);
    assert_eq!(
        bench.stage(log.id(), &mut batch_of(1, 0, 10)),
        Err(ErrorCode::Poisoned)
    );
}

#[test]
fn a_full_disk_refuses_cuts_back_and_heals() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let (log, _) = bench.open(small_options());
    for _ in 0..20 {
        bench.append(log.id(), batch_of(1, 0, 100));
    }
    let before = read_all(&log);
    let path = dir.path().join("t-0/00000000000000000000.log");
    let rule = Rule {
        written_bytes: 250,
        ..Rule::fail(DiskOperation::Write, ENOSPC).on(".log")
    };
    disk.add(rule.once_after(0));
    let mut batches = [batch_of(1, 0, 100), batch_of(1, 0, 100)];
    for batch in &mut batches {
        bench.stage(log.id(), batch).unwrap();
    }
    assert_eq!(bench.appender.commit(), [log.id()]);
    assert_eq!(
        fs::read(&path).unwrap(),
        before,
        "the part that was written is cut"
    );
    assert_eq!(bench.append(log.id(), batch_of(1, 0, 100)).base_offset, 20);
    assert_eq!(read_all(&log).len(), before.len() / 20 * 21);
}

#[test]
fn a_full_disk_in_the_middle_of_a_roll_leaves_the_old_segment_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let (log, _) = bench.open(small_options());
    for _ in 0..20 {
        bench.append(log.id(), batch_of(1, 0, 100));
    }
    let before = read_all(&log);
    // The old segment takes its last batches, the new one takes nothing.
    disk.add(
        Rule::fail(DiskOperation::Write, ENOSPC)
            .on(".log")
            .once_after(1),
    );
    let mut batches: Vec<_> = (0..20).map(|_| batch_of(1, 0, 100)).collect();
    let rolled = batches.iter_mut().any(|batch| {
        let staged = bench.stage(log.id(), batch).unwrap();
        staged.rolled_at.is_some()
    });
    assert!(rolled);
    assert_eq!(bench.appender.commit(), [log.id()]);
    assert_eq!(log.segments().len(), 1);
    assert_eq!(read_all(&log), before);
    let logs = fs::read_dir(dir.path().join("t-0")).unwrap();
    let logs = logs.filter(|e| {
        e.as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|e| e == "log")
    });
    assert_eq!(logs.count(), 1);
    assert_eq!(bench.append(log.id(), batch_of(1, 0, 100)).base_offset, 20);
}

#[test]
fn a_full_disk_at_a_flush_is_final() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let (log, _) = bench.open(small_options());
    bench.append(log.id(), batch_of(1, 0, 10));
    disk.add(Rule::fail(DiskOperation::SyncData, ENOSPC).once_after(0));
    assert!(log.flush().is_err());
    assert_eq!(log.flush().unwrap_err().code(), ErrorCode::Poisoned);
}

#[test]
fn a_new_segments_name_is_flushed_before_its_data() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let (log, _) = bench.open(small_options());
    disk.take_calls();
    for _ in 0..40 {
        bench.append(log.id(), batch_of(1, 0, 100));
    }
    bench.store.close_log(log.id()).unwrap();
    let calls = disk.take_calls();
    let created = calls.iter().rposition(|(operation, path)| {
        *operation == DiskOperation::Open && path.extension().is_some_and(|name| name == "log")
    });
    let dir_synced = calls
        .iter()
        .rposition(|(operation, _)| *operation == DiskOperation::SyncDir);
    let last_data = calls.iter().rposition(|(operation, path)| {
        *operation == DiskOperation::SyncData && path.extension().is_some_and(|name| name == "log")
    });
    assert!(created < dir_synced && dir_synced < last_data, "{calls:?}");
}

#[test]
fn a_slow_flush_does_not_hold_up_staging_committing_or_locating() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let (log, _) = bench.open(grouped());
    disk.take_calls();
    disk.add(Rule {
        errno: None,
        delay: common::HELD,
        ..Rule::fail(DiskOperation::SyncData, 0).once_after(0)
    });
    bench.append(log.id(), batch_of(1, 0, 10));
    wait_for_call(&disk, DiskOperation::SyncData);
    for _ in 0..100 {
        bench.append(log.id(), batch_of(1, 0, 10));
        common::found(log.locate(&common::bounds(0, i64::MAX, 100)));
    }
    assert_eq!(log.flushed_offset(), 0, "the flush is still under way");
    disk.heal();
    assert_eq!(bench.wait_for(CompletionKind::Flushed).value, 1);
}

/// Waits until such a call is made.
fn wait_for_call(disk: &FaultyDisk, operation: DiskOperation) {
    let until = Instant::now() + common::PATIENCE;
    while !disk.take_calls().iter().any(|(made, _)| *made == operation) {
        assert!(Instant::now() < until, "no {operation:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Rows of flushes as they come, until `enough` says so of all of them.
fn flushes_until(bench: &Bench, enough: impl Fn(&[(LogId, i64)]) -> bool) -> Vec<(LogId, i64)> {
    let until = Instant::now() + common::PATIENCE;
    let (mut rows, mut flushes) = (Vec::new(), Vec::new());
    while !enough(&flushes) {
        assert!(Instant::now() < until, "only {flushes:?}");
        std::thread::sleep(Duration::from_millis(1));
        bench.completions.drain(&mut rows);
        let flushed = rows
            .drain(..)
            .filter(|row| row.kind == CompletionKind::Flushed);
        flushes.extend(flushed.map(|row| (row.subject, row.value)));
    }
    flushes
}

#[test]
fn a_log_that_flushes_slowly_holds_up_the_others_for_a_moment_only() {
    let dir = common::fast_dir();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let (slow, _) = bench.open(grouped());
    let quick = bench.request("u-0", grouped());
    let quick = bench.store.open_log(&quick).unwrap().log_id;
    disk.add(Rule {
        errno: None,
        delay: common::HELD,
        ..Rule::fail(DiskOperation::SyncData, 0).on("t-0/00000000000000000000.log")
    });
    bench.append(slow.id(), batch_of(1, 0, 10));
    for offset in 1..=5 {
        bench.append(quick, batch_of(1, 0, 10));
        let flushes = flushes_until(&bench, |flushes| !flushes.is_empty());
        assert_eq!(flushes, [(quick, offset)]);
    }
    assert_eq!(slow.flushed_offset(), 0);
    disk.heal();
    let flushes = flushes_until(&bench, |flushes| !flushes.is_empty());
    assert_eq!(flushes, [(slow.id(), 1)]);
}

#[test]
fn every_log_of_groups_larger_than_the_threads_is_flushed() {
    let dir = common::fast_dir();
    let (mut bench, _disk) = Bench::faulty(dir.path());
    let open = |number: usize| {
        let request = bench.request(&format!("g-{number}"), grouped());
        bench.store.open_log(&request).unwrap().log_id
    };
    let logs: Vec<LogId> = (0..50).map(open).collect();
    for round in 1..=5 {
        for &log in &logs {
            bench.append_now(log, batch_of(1, 0, 10));
        }
        flushes_until(&bench, |flushes| {
            logs.iter().all(|&log| flushes.contains(&(log, round)))
        });
    }
}

#[test]
fn a_log_that_cannot_be_read_at_start_leaves_the_others_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let (log, _) = bench.open(small_options());
    bench.append(log.id(), batch_of(1, 0, 10));
    bench.store.close_log(log.id()).unwrap();
    disk.add(
        Rule::fail(DiskOperation::Read, EIO)
            .on("t-0/00000000000000000000.log")
            .once_after(0),
    );
    let again = bench.request("t-0", small_options());
    let refused = bench.store.open_log(&again).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::IoError);
    assert!(refused.message().contains("t-0/"), "{refused}");
    let other = bench.request("u-0", small_options());
    let other = bench.store.open_log(&other).unwrap().log_id;
    bench.append(other, batch_of(1, 0, 10));
    // Whoever mended it may open it again.
    assert_eq!(bench.store.open_log(&again).unwrap().log_end_offset, 1);
}
