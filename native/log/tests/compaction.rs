//! Compaction: what stays, what goes, and in which form.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::fs;

use common::pairs::{NOW, batch, fill, latest, pair, records, request};
use common::{Bench, bounds, found, headers, locate_warm, read_all, small_options};
use millrace_log::{AbortedTransaction, CompactRequest, LogOptions, OpenLogRequest};
use millrace_record::{ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL, BatchFields};

#[test]
fn only_the_last_record_of_each_key_stays_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    fill(&mut bench, &log, 200);
    let before = records(&read_all(&log));
    let segments = log.segments().len();
    let result = log.compact(&request(&log)).unwrap();
    assert_eq!(result.next_dirty_offset, 1_400);
    assert_eq!(result.records_kept, 7);
    assert!(result.bytes_after < result.bytes_before);
    let after = records(&read_all(&log));
    assert_eq!(after, before[before.len() - 7..]);
    assert_eq!(log.log_end_offset(), 1_400);
    let found = found(locate_warm(&log, &bounds(0, 1_400, 1_000)));
    assert_eq!(found.first_base_offset, 1_393);
    assert!(
        found.segment_base_offset < 0,
        "a rewritten segment has a handle of its own"
    );
    assert_eq!(log.find_batch_by_timestamp(50, 0).unwrap(), Some(1_393));
    // Once more: nothing to remove.
    let again = log.compact(&request(&log)).unwrap();
    assert_eq!(
        (again.bytes_before, again.records_kept),
        (again.bytes_after, 7)
    );
    assert!(
        log.segments().len() < segments,
        "emptied segments are merged"
    );
    bench.store.close_log(log.id()).unwrap();
    let request = OpenLogRequest {
        clean: true,
        ..bench.request("t-0", small_options())
    };
    let log = bench.store.open_log(&request).unwrap().log_id;
    assert_eq!(records(&read_all(&bench.store.log(log).unwrap())), after);
}

#[test]
fn slices_of_the_old_file_stay_good_until_it_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let file_delete_delay = std::time::Duration::from_secs(1);
    let (log, _) = bench.open(LogOptions {
        file_delete_delay,
        ..small_options()
    });
    fill(&mut bench, &log, 100);
    let old = found(log.locate(&bounds(3, 700, 500)));
    let expected = log.read(&bounds(3, 700, 500)).unwrap();
    log.compact(&request(&log)).unwrap();
    let range = log
        .file_range(old.segment_base_offset, old.position, old.length_bytes)
        .unwrap();
    let mut bytes = vec![0; range.length as usize];
    std::os::unix::fs::FileExt::read_exact_at(&*range.file, &mut bytes, range.position).unwrap();
    assert_eq!(bytes, expected);
    let clean = || {
        let names = fs::read_dir(dir.path().join("t-0")).unwrap();
        names.filter_map(Result::ok).all(|name| {
            let name = name.file_name().to_string_lossy().into_owned();
            !name.ends_with(".deleted") && !name.ends_with(".swap") && !name.ends_with(".cleaned")
        })
    };
    for _ in 0..6_000 {
        std::thread::sleep(std::time::Duration::from_millis(10));
        if clean() {
            break;
        }
    }
    assert!(clean());
    let range = log.file_range(old.segment_base_offset, 0, 1);
    assert!(range.is_some(), "still open when its name is gone");
}

#[test]
fn tombstones_get_a_horizon_and_go_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    let fields = BatchFields {
        base_timestamp: 500,
        ..BatchFields::default()
    };
    bench.append(
        log.id(),
        batch(&[pair(1, Some(5)), pair(2, Some(5))], &fields, 4),
    );
    bench.append(
        log.id(),
        batch(&[pair(1, None), pair(3, Some(5))], &fields, 3),
    );
    log.roll().unwrap();
    log.compact(&request(&log)).unwrap();
    let expected = vec![
        (1, 500, vec![2], Some(vec![2; 5])),
        (2, 500, vec![1], None),
        (3, 500, vec![3], Some(vec![3; 5])),
    ];
    assert_eq!(
        records(&read_all(&log)),
        expected,
        "timestamps survive the horizon"
    );
    let heads = headers(&read_all(&log));
    assert!(!heads[0].has_delete_horizon() && heads[1].has_delete_horizon());
    assert_eq!(
        (heads[1].base_timestamp, heads[1].max_timestamp),
        (NOW + 1_000, 500)
    );
    // Before the horizon it stays, at the horizon it goes.
    for (now_ms, kept) in [(NOW + 999, 3), (NOW + 1_000, 2)] {
        log.compact(&CompactRequest {
            now_ms,
            ..request(&log)
        })
        .unwrap();
        assert_eq!(records(&read_all(&log)).len(), kept);
    }
}

#[test]
fn the_last_batch_of_a_living_producer_stays_as_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    for (producer_id, time) in [(7, NOW), (8, NOW - 90_000_000), (9, NOW)] {
        for base_sequence in [0, 2] {
            let fields = BatchFields {
                base_timestamp: time,
                producer_id,
                producer_epoch: 1,
                base_sequence,
                ..BatchFields::default()
            };
            bench.append(
                log.id(),
                batch(&[pair(1, Some(3)), pair(1, Some(4))], &fields, 1),
            );
        }
    }
    log.roll().unwrap();
    log.compact(&request(&log)).unwrap();
    let heads = headers(&read_all(&log));
    let shape: Vec<_> = heads
        .iter()
        .map(|h| (h.producer_id, h.base_sequence, h.record_count))
        .collect();
    assert_eq!(shape, [(7, 2, 0), (9, 2, 1)], "8 is forgotten");
    assert_eq!((heads[0].base_offset, heads[0].last_offset_delta), (2, 1));
    assert_eq!(log.scan_producers(0).unwrap().len(), 2);
}

#[test]
fn aborted_records_go_and_markers_stay() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    let fields = |attributes| BatchFields {
        attributes,
        base_timestamp: NOW - 90_000_000,
        producer_id: 4,
        producer_epoch: 0,
        base_sequence: 0,
        ..BatchFields::default()
    };
    bench.append(log.id(), batch(&[pair(1, Some(3))], &fields(0), 0));
    bench.append(
        log.id(),
        batch(&[pair(1, Some(9))], &fields(ATTRIBUTE_TRANSACTIONAL), 0),
    );
    let marker = (vec![0, 0, 0, 0], Some(vec![0, 0, 0, 0, 0, 5]));
    let control = fields(ATTRIBUTE_TRANSACTIONAL | ATTRIBUTE_CONTROL);
    bench.append(
        log.id(),
        batch(
            &[marker],
            &BatchFields {
                base_sequence: -1,
                ..control
            },
            0,
        ),
    );
    let entry = AbortedTransaction {
        producer_id: 4,
        first_offset: 1,
        last_offset: 2,
        last_stable_offset: 1,
    };
    log.append_aborted_transaction(entry).unwrap();
    assert_eq!(log.aborted_transactions(0, 3).unwrap(), [entry]);
    let row = *log.scan_producers(2).unwrap().last().unwrap();
    assert_eq!((row.control_type, row.base_sequence), (0, 5));
    log.roll().unwrap();
    log.compact(&request(&log)).unwrap();
    assert_eq!(
        records(&read_all(&log)),
        [(0, NOW - 90_000_000, vec![1], Some(vec![1; 3]))]
    );
    assert_eq!(headers(&read_all(&log)).len(), 2);
}

#[test]
fn a_small_map_cleans_step_by_step() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path());
    let (log, _) = bench.open(small_options());
    for round in 0..300usize {
        let fields = BatchFields::default();
        bench.append(
            log.id(),
            batch(&[pair((round % 50) as u8, Some(round % 17))], &fields, 0),
        );
    }
    log.roll().unwrap();
    let expected = latest(&read_all(&log));
    let mut first_dirty_offset = 0;
    for _ in 0..200 {
        let step = CompactRequest {
            first_dirty_offset,
            dedupe_buffer_bytes: 48 * 8,
            ..request(&log)
        };
        let result = log.compact(&step).unwrap();
        assert_eq!(latest(&read_all(&log)), expected);
        assert!(result.next_dirty_offset >= first_dirty_offset);
        first_dirty_offset = result.next_dirty_offset;
    }
    assert_eq!(first_dirty_offset, 300);
}
