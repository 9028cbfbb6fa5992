//! Writes that wait for the disk are made by a native thread.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Bench, batch_of, bounds, found, read_all, small_options};
use millrace_io::{CompletionKind, DiskOperation, ErrorCode, FaultyDisk, Rule};
use millrace_log::{FlushMode, Locate, Log, LogOptions};

const ENOSPC: i32 = 28;

fn slow(milliseconds: u64) -> Rule {
    let delay = Duration::from_millis(milliseconds);
    Rule {
        errno: None,
        delay,
        ..Rule::fail(DiskOperation::Write, 0).on(".log")
    }
}

/// A log whose first write was slow: what follows is deferred.
fn warned(bench: &mut Bench, disk: &FaultyDisk, options: LogOptions) -> Arc<Log> {
    let (log, _) = bench.open(options);
    bench.appender.set_deferral(true);
    disk.add(slow(260));
    bench.append_now(log.id(), batch_of(1, 0, 100));
    assert!(
        bench.appender.deferred().is_empty(),
        "the first one was written inline"
    );
    disk.heal();
    log
}

#[test]
fn while_the_disk_stalls_commits_return_at_once_and_become_readable_later() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let options = LogOptions {
        flush_mode: FlushMode::Group,
        ..small_options()
    };
    let log = warned(&mut bench, &disk, options);
    assert_eq!(bench.wait_for(CompletionKind::Flushed).value, 1);
    disk.add(Rule {
        delay: common::HELD,
        ..slow(0)
    });
    let mut expected = read_all(&log);
    for index in 1..60 {
        let mut batch = batch_of(1, index, 100);
        let staged = bench.stage(log.id(), &mut batch).unwrap();
        assert_eq!(staged.base_offset, index);
        assert!(bench.appender.commit().is_empty());
        assert_eq!(bench.appender.deferred(), [log.id()]);
        expected.extend_from_slice(&batch);
        batch.fill(0); // the frame's memory is somebody else's again
    }
    assert_eq!(
        log.locate(&bounds(59, 60, 100)),
        Locate::Empty,
        "not written yet"
    );
    disk.heal();
    let until = Instant::now() + common::PATIENCE;
    while log.flushed_offset() < 60 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(bench.wait_for(CompletionKind::Written).subject, log.id());
    assert_eq!(read_all(&log), expected);
    assert!(log.segments().len() > 2, "rolled on the writer thread");
    found(log.locate(&bounds(59, 60, 100)));
}

#[test]
fn calm_returns_and_commits_are_written_inline_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let log = warned(&mut bench, &disk, small_options());
    bench.append_now(log.id(), batch_of(1, 0, 100));
    assert_eq!(bench.appender.deferred(), [log.id()]);
    assert_eq!(bench.wait_for(CompletionKind::Written).value, 2);
    std::thread::sleep(Duration::from_millis(1_100));
    // The write above was quick, so the deciding thread may write again.
    bench.append_now(log.id(), batch_of(1, 0, 100));
    assert!(bench.appender.deferred().is_empty());
    assert_eq!(log.log_end_offset(), 3);
}

#[test]
fn a_deferred_refusal_takes_all_that_waits_behind_it_and_then_the_log_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let log = warned(&mut bench, &disk, small_options());
    disk.add(slow(60).once_after(0));
    let full = Rule::fail(DiskOperation::Write, ENOSPC).on(".log");
    disk.add(full.once_after(0));
    for _ in 0..5 {
        bench.append_now(log.id(), batch_of(2, 0, 100));
    }
    let row = bench.completions_until(CompletionKind::Refused);
    let (refused, before) = row.split_last().unwrap();
    assert_eq!(refused.value, 3, "the first of the five was written");
    assert!(before.iter().all(|row| row.value == 3), "{before:?}");
    assert_eq!(log.log_end_offset(), 3);
    let staged = bench.append_now(log.id(), batch_of(1, 0, 100));
    assert_eq!(staged.base_offset, 3);
    let until = Instant::now() + common::PATIENCE;
    while log.log_end_offset() < 4 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn until_the_refusal_was_heard_nothing_more_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let log = warned(&mut bench, &disk, small_options());
    disk.add(
        Rule::fail(DiskOperation::Write, ENOSPC)
            .on(".log")
            .once_after(0),
    );
    bench.append_now(log.id(), batch_of(1, 0, 100));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(
        bench.stage(log.id(), &mut batch_of(1, 0, 9)),
        Err(ErrorCode::NoSpace)
    );
    assert_eq!(bench.wait_for(CompletionKind::Refused).value, 1);
    assert_eq!(
        bench
            .stage(log.id(), &mut batch_of(1, 0, 9))
            .unwrap()
            .base_offset,
        1
    );
    bench.appender.commit();
}

#[test]
fn closing_waits_for_what_was_handed_over() {
    let dir = tempfile::tempdir().unwrap();
    let (mut bench, disk) = Bench::faulty(dir.path());
    let log = warned(&mut bench, &disk, small_options());
    disk.add(slow(20));
    for _ in 0..5 {
        bench.append_now(log.id(), batch_of(1, 0, 100));
    }
    assert_eq!(log.roll().unwrap(), 0, "no roll while commits wait");
    bench.store.close_log(log.id()).unwrap();
    assert_eq!(log.log_end_offset(), 6);
    assert_eq!(log.flushed_offset(), 6);
}
