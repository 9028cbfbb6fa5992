//! Random histories compared with a list of batches.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use common::{
    Bench, batch_of, bounds, fast_dir, found, headers, locate_warm, read_all, small_options,
};
use millrace_log::{Locate, OpenLogRequest};
use millrace_record::BatchHeader;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Append {
        count: usize,
        timestamp: i64,
        filler: usize,
    },
    Roll,
    Trim(u8),
    Truncate(u8),
    Reopen {
        clean: bool,
        recovery_share: u8,
    },
    Locate {
        share: u8,
        max_bytes: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1usize..5, 0i64..500, 0usize..400)
            .prop_map(|(count, timestamp, filler)| Step::Append { count, timestamp, filler }),
        1 => Just(Step::Roll),
        1 => any::<u8>().prop_map(Step::Trim),
        1 => any::<u8>().prop_map(Step::Truncate),
        1 => (any::<bool>(), any::<u8>())
            .prop_map(|(clean, recovery_share)| Step::Reopen { clean, recovery_share }),
        4 => (any::<u8>(), 1u64..5_000)
            .prop_map(|(share, max_bytes)| Step::Locate { share, max_bytes }),
    ]
}

#[derive(Default)]
struct Model {
    batches: Vec<(i64, i64, Vec<u8>)>,
    log_start: i64,
    log_end: i64,
}

impl Model {
    fn share(&self, share: u8) -> i64 {
        self.log_start + (self.log_end - self.log_start) * i64::from(share) / 255
    }

    fn bytes_from_log_start(&self) -> Vec<u8> {
        let kept = self
            .batches
            .iter()
            .filter(|(_, last, _)| *last >= self.log_start);
        kept.flat_map(|(_, _, bytes)| bytes.clone()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_log_is_what_was_appended(steps in proptest::collection::vec(step(), 1..60)) {
        let dir = fast_dir();
        let mut bench = Bench::new(dir.path());
        let (mut log, _) = bench.open(small_options());
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Append { count, timestamp, filler } => {
                    let mut batch = batch_of(count, timestamp, filler);
                    let staged = bench.stage(log.id(), &mut batch).unwrap();
                    prop_assert!(bench.appender.commit().is_empty());
                    bench.settle(log.id(), staged.log_end_offset);
                    prop_assert_eq!(staged.base_offset, model.log_end);
                    model.log_end += count as i64;
                    model.batches.push((staged.base_offset, model.log_end - 1, batch));
                }
                Step::Roll => {
                    log.roll().unwrap();
                }
                Step::Trim(share) => {
                    model.log_start = model.share(share);
                    log.trim_to(model.log_start).unwrap();
                }
                Step::Truncate(share) => {
                    // At a batch boundary, as truncation by leader epochs is.
                    let wanted = model.share(share);
                    let holder = model.batches.iter().find(|(_, last, _)| *last >= wanted);
                    let offset = holder.map_or(wanted, |(base, _, _)| *base).max(model.log_start);
                    let inside = holder.is_some_and(|(base, _, _)| *base < offset);
                    if inside {
                        continue;
                    }
                    log.truncate_to(offset).unwrap();
                    model.batches.retain(|(_, last, _)| *last < offset);
                    model.log_end = offset;
                }
                Step::Reopen { clean, recovery_share } => {
                    if clean {
                        bench.store.close_log(log.id()).unwrap();
                    }
                    drop((log, bench));
                    bench = Bench::new(dir.path());
                    let request = OpenLogRequest {
                        clean,
                        recovery_point: model.share(recovery_share),
                        log_start_offset: model.log_start,
                        ..bench.request("t-0", small_options())
                    };
                    let opened = bench.store.open_log(&request).unwrap();
                    log = bench.store.log(opened.log_id).unwrap();
                }
                Step::Locate { share, max_bytes } => {
                    check_locate(&model, &log, model.share(share), max_bytes)?;
                }
            }
            prop_assert_eq!(log.log_end_offset(), model.log_end);
            prop_assert_eq!(log.log_start_offset(), model.log_start);
        }
        prop_assert_eq!(read_all(&log), model.bytes_from_log_start());
    }
}

fn check_locate(
    model: &Model,
    log: &millrace_log::Log,
    offset: i64,
    max_bytes: u64,
) -> Result<(), TestCaseError> {
    let at = model
        .batches
        .iter()
        .position(|(_, last, _)| *last >= offset);
    let Some(at) = at else {
        prop_assert_eq!(
            locate_warm(log, &bounds(offset, i64::MAX, max_bytes)),
            Locate::Empty
        );
        return Ok(());
    };
    let located = found(locate_warm(log, &bounds(offset, i64::MAX, max_bytes)));
    prop_assert_eq!(located.first_base_offset, model.batches[at].0);
    let bytes = log.read(&bounds(offset, i64::MAX, max_bytes)).unwrap();
    prop_assert_eq!(bytes.len() as u64, located.length_bytes);
    let heads: Vec<BatchHeader> = headers(&bytes);
    prop_assert!(heads.len() == 1 || bytes.len() as u64 <= max_bytes);
    let expected: Vec<u8> = model.batches[at..at + heads.len()]
        .iter()
        .flat_map(|(_, _, bytes)| bytes.clone())
        .collect();
    prop_assert_eq!(bytes, expected);
    Ok(())
}
