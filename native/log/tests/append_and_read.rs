//! Appending, locating, rolling, times.

mod common;

use common::{Bench, batch_of, bounds, found, headers, read_all, small_options};
use millrace_io::{CompletionKind, ErrorCode};
use millrace_log::{FlushMode, Locate, LogOptions, ReadBounds};
use millrace_record::check_batch;

#[test]
fn a_committed_batch_is_stamped_and_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, opened) = bench.open(small_options());
    assert_eq!((opened.log_start_offset, opened.log_end_offset), (0, 0));
    let mut batch = batch_of(3, 1_000, 10);
    let staged = bench.stage(log.id(), &mut batch).unwrap();
    assert_eq!(
        (staged.base_offset, staged.log_end_offset, staged.rolled_at),
        (0, 3, None)
    );
    assert_eq!(
        log.locate(&bounds(0, 9, 100)),
        Locate::Empty,
        "nothing readable before commit"
    );
    assert!(bench.appender.commit().is_empty());
    bench.append(log.id(), batch_of(2, 900, 10));

    let located = found(log.locate(&bounds(4, 5, 10_000)));
    assert_eq!((located.first_base_offset, located.next_offset), (3, 5));
    let bytes = log.read(&bounds(0, 5, 10_000)).unwrap();
    let headers = headers(&bytes);
    assert_eq!(headers.len(), 2);
    assert!(headers.iter().all(|header| header.leader_epoch == 3));
    check_batch(&bytes[..batch.len()]).unwrap();
    assert_eq!(log.locate(&bounds(6, 9, 100)), Locate::OutOfRange);
    assert_eq!(log.locate(&bounds(5, 9, 100)), Locate::Empty);
    assert_eq!(
        log.locate(&bounds(4, 3, 100)),
        Locate::Empty,
        "ahead of the bound"
    );
    assert_eq!(log.locate(&bounds(-1, 9, 100)), Locate::OutOfRange);
}

#[test]
fn append_time_is_stamped_with_a_new_crc() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    let mut batch = batch_of(2, 1_000, 10);
    bench.stage_at(log.id(), &mut batch, 77_777).unwrap();
    bench.appender.commit();
    let bytes = read_all(&log);
    let header = check_batch(&bytes).unwrap();
    assert_eq!((header.max_timestamp, header.attributes), (77_777, 8));
    assert_eq!(log.segments()[0].largest_timestamp, 77_777);
}

#[test]
fn bad_batches_are_refused_and_leave_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    let mut corrupt = batch_of(1, 0, 10);
    corrupt[70] ^= 1;
    assert_eq!(
        bench.stage(log.id(), &mut corrupt),
        Err(ErrorCode::CorruptBatch)
    );
    let mut two = [batch_of(1, 0, 10), batch_of(1, 0, 10)].concat();
    assert_eq!(
        bench.stage(log.id(), &mut two),
        Err(ErrorCode::InvalidBatch)
    );
    let mut large = batch_of(1, 0, 5_000);
    assert_eq!(
        bench.stage(log.id(), &mut large),
        Err(ErrorCode::BatchLargerThanSegment)
    );
    assert_eq!(bench.stage(99, &mut large), Err(ErrorCode::UnknownHandle));
    assert!(!bench.appender.has_staged());
    assert_eq!(bench.append(log.id(), batch_of(1, 0, 10)).base_offset, 0);
}

#[test]
fn limits_give_whole_batches_and_at_least_one_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let options = LogOptions {
        segment_bytes: 1 << 20,
        ..small_options()
    };
    let (log, _) = bench.open(options);
    let size = batch_of(2, 0, 50).len() as u64;
    for _ in 0..40 {
        bench.append(log.id(), batch_of(2, 0, 50));
    }
    for offset in 0..80 {
        for (max_bytes, batches) in [(size, 1), (size + 1, 1), (2 * size - 1, 1), (5 * size, 5)] {
            let located = found(log.locate(&bounds(offset, 80, max_bytes)));
            let first = offset / 2 * 2;
            assert_eq!(located.first_base_offset, first);
            let left = (80 - first) / 2;
            assert_eq!(
                located.length_bytes,
                size * left.min(batches) as u64,
                "{offset}"
            );
            assert_eq!(located.next_offset, first + 2 * left.min(batches));
        }
    }
    let stingy = ReadBounds {
        at_least_one: false,
        ..bounds(3, 80, size - 1)
    };
    assert_eq!(log.locate(&stingy), Locate::Empty);
    assert_eq!(
        found(log.locate(&bounds(3, 80, size - 1))).length_bytes,
        size
    );
    // A bound within a batch hides the whole batch.
    assert_eq!(found(log.locate(&bounds(0, 21, 1 << 20))).next_offset, 20);
    assert_eq!(log.locate(&bounds(20, 20, 1 << 20)), Locate::Empty);
}

#[test]
fn a_full_segment_rolls_and_reading_goes_on_in_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    let mut rolls = 0;
    for index in 0..200 {
        rolls += i64::from(
            bench
                .append(log.id(), batch_of(1, index, 200))
                .rolled_at
                .is_some(),
        );
    }
    let segments = log.segments();
    assert_eq!(segments.len() as i64, rolls + 1);
    assert!(segments.len() > 9);
    assert!(
        segments
            .windows(2)
            .all(|pair| pair[0].next_offset == pair[1].base_offset)
    );
    assert_eq!(headers(&read_all(&log)).len(), 200);
    for offset in 0..200 {
        let located = found(log.locate(&bounds(offset, 200, 1)));
        assert_eq!(
            (located.first_base_offset, located.next_offset),
            (offset, offset + 1)
        );
        let handle = located.segment_base_offset;
        let range = log
            .file_range(handle, located.position, located.length_bytes)
            .unwrap();
        assert_eq!(range.length, located.length_bytes);
    }
}

#[test]
fn many_batches_in_one_commit_with_rolls_between() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    let mut batches: Vec<_> = (0..3_000).map(|index| batch_of(1, index, 20)).collect();
    for batch in &mut batches {
        bench.stage(log.id(), batch).unwrap();
    }
    assert!(bench.appender.commit().is_empty());
    bench.settle(log.id(), 3_000);
    assert_eq!(read_all(&log), batches.concat());
}

#[test]
fn times_are_found_as_kafka_finds_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    let times: Vec<i64> = (0..100)
        .map(|index| 1_000 + index * 10 - (index % 3) * 25)
        .collect();
    for time in &times {
        bench.append(log.id(), batch_of(1, *time, 150));
    }
    for target in (900..2_050).step_by(7) {
        for from in [0, 13, 50] {
            let expected = times
                .iter()
                .enumerate()
                .find(|(offset, time)| *offset >= from && **time >= target)
                .map(|(offset, _)| offset as i64);
            assert_eq!(
                log.find_batch_by_timestamp(target, from as i64).unwrap(),
                expected
            );
        }
    }
    let largest = times.iter().max().unwrap();
    let at = times.iter().position(|time| time == largest).unwrap() as i64;
    assert_eq!(log.find_largest_timestamp().unwrap(), Some(at));
}

#[test]
fn group_mode_reports_the_flushed_offset() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let options = LogOptions {
        flush_mode: FlushMode::Group,
        ..small_options()
    };
    let (log, _) = bench.open(options);
    bench.append(log.id(), batch_of(4, 0, 10));
    let row = bench.wait_for(CompletionKind::Flushed);
    assert_eq!((row.subject, row.value), (log.id(), 4));
    assert_eq!(log.flushed_offset(), 4);
}

#[test]
fn an_explicit_roll_of_an_empty_segment_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    assert_eq!(log.roll().unwrap(), 0);
    bench.append(log.id(), batch_of(2, 5, 10));
    assert_eq!(log.roll().unwrap(), 2);
    assert_eq!(log.roll().unwrap(), 2);
    assert_eq!(log.segments().len(), 2);
    assert_eq!(bench.append(log.id(), batch_of(2, 5, 10)).base_offset, 2);
    // The sealed time index has its final entry, the offset index is cut to nothing.
    let times = std::fs::read(bench.path.join("t-0/00000000000000000000.timeindex")).unwrap();
    assert_eq!(times, [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1]);
    let offsets = std::fs::metadata(bench.path.join("t-0/00000000000000000000.index")).unwrap();
    assert_eq!(offsets.len(), 0);
}

#[test]
fn data_dropped_from_the_page_cache_is_cold_until_warmed() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut bench = Bench::new(dir.path());
    let options = LogOptions {
        segment_bytes: 8 << 20,
        ..small_options()
    };
    let (log, _) = bench.open(options);
    for _ in 0..40 {
        bench.append(log.id(), batch_of(1, 0, 100_000));
    }
    log.flush().unwrap();
    let file = std::fs::File::open(bench.path.join("t-0/00000000000000000000.log")).unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    if millrace_io::resident(&file, 0, 4096).unwrap() {
        return; // a file system that keeps everything in memory
    }
    assert_eq!(log.locate(&bounds(7, 40, 300_000)), Locate::Cold);
    log.warm(7, 300_000).unwrap();
    assert_eq!(
        found(log.locate(&bounds(7, 40, 300_000))).first_base_offset,
        7
    );
}
