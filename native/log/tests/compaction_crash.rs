//! Compaction killed at every step, and random histories of it.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::pairs::{NOW, batch, fill, latest, pair, records, request};
use common::{Bench, fast_dir, read_all, small_options};
use millrace_io::{DiskOperation, Rule};
use millrace_log::CompactRequest;
use millrace_record::BatchFields;
use proptest::prelude::*;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn a_crash_at_any_step_loses_no_key() {
    let original = fast_dir();
    let expected = {
        let mut bench = Bench::new(original.path());
        let (log, _) = bench.open(small_options());
        fill(&mut bench, &log, 60);
        let fields = BatchFields::default();
        bench.append(
            log.id(),
            batch(&[pair(3, None), pair(9, Some(1))], &fields, 0),
        );
        log.roll().unwrap();
        latest(&read_all(&log))
    };
    let operations = [
        DiskOperation::Open,
        DiskOperation::Write,
        DiskOperation::SyncData,
        DiskOperation::SyncDir,
        DiskOperation::Rename,
    ];
    for operation in operations {
        let mut crashes = 0;
        for skip in 0.. {
            let dir = fast_dir();
            copy(original.path(), dir.path());
            let (bench, disk) = Bench::faulty(dir.path());
            let (log, _) = bench.open(small_options());
            disk.add(Rule {
                times: u32::MAX,
                ..Rule::fail(operation, 5).once_after(skip)
            });
            let failed = log.compact(&request(&log)).is_err();
            crashes += u32::from(failed);
            drop((log, bench));
            let bench = Bench::new(dir.path());
            let (log, opened) = bench.open(small_options());
            assert_eq!(opened.log_end_offset, 422);
            assert_eq!(latest(&read_all(&log)), expected, "{operation:?} {skip}");
            log.compact(&request(&log)).unwrap();
            assert_eq!(latest(&read_all(&log)), expected);
            if !failed {
                break;
            }
        }
        assert!(crashes > 0, "{operation:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_latest_view_never_changes(
        batches in proptest::collection::vec(
            (proptest::collection::vec((0u8..12, proptest::option::of(0usize..40)), 1..6), 0u8..5),
            1..120,
        ),
        rounds in 1usize..4,
    ) {
        let dir = fast_dir();
        let mut bench = Bench::new(dir.path());
        let (log, _) = bench.open(small_options());
        let mut first_dirty_offset = 0;
        let chunk = batches.len().div_ceil(rounds);
        let mut expected = BTreeMap::new();
        for (round, part) in batches.chunks(chunk).enumerate() {
            for (pairs, codec) in part {
                let pairs: Vec<_> = pairs.iter().map(|(key, value)| pair(*key, *value)).collect();
                for (key, value) in &pairs {
                    match value {
                        Some(value) => expected.insert(key.clone(), value.clone()),
                        None => expected.remove(key),
                    };
                }
                let fields = BatchFields { base_timestamp: 77, ..BatchFields::default() };
                bench.append(log.id(), batch(&pairs, &fields, *codec));
            }
            log.roll().unwrap();
            let now_ms = NOW + round as i64 * 600;
            let step = CompactRequest { first_dirty_offset, now_ms, ..request(&log) };
            let result = log.compact(&step).unwrap();
            first_dirty_offset = result.next_dirty_offset;
            prop_assert_eq!(first_dirty_offset, log.log_end_offset());
            let bytes = read_all(&log);
            prop_assert_eq!(&latest(&bytes), &expected);
            let kept = records(&bytes);
            let mut offsets: Vec<i64> = kept.iter().map(|record| record.0).collect();
            let mut keys: Vec<_> = kept.iter().map(|record| record.2.clone()).collect();
            prop_assert!(kept.iter().all(|record| record.1 == 77));
            prop_assert!(offsets.is_sorted());
            offsets.dedup();
            keys.sort();
            keys.dedup();
            prop_assert_eq!((offsets.len(), keys.len()), (kept.len(), kept.len()));
        }
    }
}
