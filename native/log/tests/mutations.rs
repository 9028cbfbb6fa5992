//! Damaged files, batches and bodies at random: nothing panics, nothing damaged is served.
//!
//! The seed of a failure is printed; `MILLRACE_SEED` starts there and `MILLRACE_ROUNDS` makes it long.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Bench, batch_of, read_all, small_options};
use millrace_log::OpenLogRequest;
use millrace_record::{BatchHeader, RawRecords, check_batch};

const ROUNDS: u64 = 150;
const BATCHES: i64 = 120;

/// xorshift64*: the same numbers for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    /// Changes, cuts, repeats or removes some bytes.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            let end = (at + 1 + self.below(16)).min(bytes.len());
            match self.below(6) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at..end].fill(0xff),
                2 => bytes[at..end].fill(0),
                3 => bytes.truncate(at),
                4 => bytes.extend_from_within(at..end),
                _ => drop(bytes.drain(at..end)),
            }
        }
    }
}

fn number_of(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn seeds(rounds: u64) -> impl Iterator<Item = u64> {
    let first = number_of("MILLRACE_SEED", 1);
    first..first + number_of("MILLRACE_ROUNDS", rounds)
}

fn for_each_seed(rounds: u64, check: impl Fn(&mut Chance) + std::panic::RefUnwindSafe) {
    for seed in seeds(rounds) {
        let result = std::panic::catch_unwind(|| {
            check(&mut Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
        });
        assert!(result.is_ok(), "MILLRACE_SEED={seed}");
    }
}

fn files_of(log: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(log)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension().is_some_and(|found| {
                ["log", "index", "timeindex"]
                    .iter()
                    .any(|one| found == *one)
            })
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_damaged_log_opens_with_sound_batches_only_or_refuses() {
    for_each_seed(ROUNDS, |chance| {
        let dir = common::fast_dir();
        {
            let mut bench = Bench::new(dir.path());
            let (log, _) = bench.open(small_options());
            for index in 0..BATCHES {
                bench.append(
                    log.id(),
                    batch_of(1 + index as usize % 3, 1_000 + index, 60),
                );
            }
        }
        let files = files_of(&dir.path().join("t-0"));
        for _ in 0..=chance.below(2) {
            let file = &files[chance.below(files.len())];
            let mut bytes = fs::read(file).unwrap();
            chance.damage(&mut bytes);
            fs::write(file, bytes).unwrap();
        }
        let bench = Bench::new(dir.path());
        let request = OpenLogRequest {
            clean: false,
            recovery_point: 0,
            ..bench.request("t-0", small_options())
        };
        let Ok(opened) = bench.store.open_log(&request) else {
            return;
        };
        let log = bench.store.log(opened.log_id).unwrap();
        let bytes = read_all(&log);
        let (mut at, mut next_offset) = (0, i64::MIN);
        while at < bytes.len() {
            let size = BatchHeader::read(&bytes[at..]).unwrap().size_bytes as usize;
            let header = check_batch(&bytes[at..at + size]).unwrap();
            assert!(header.base_offset >= next_offset, "offsets rise");
            next_offset = header.next_offset();
            at += size;
        }
    });
}

#[test]
fn a_damaged_batch_is_refused_or_sound() {
    for_each_seed(100_000, |chance| {
        let mut bytes = batch_of(1 + chance.below(4), 5, chance.below(40));
        let sound = bytes.clone();
        chance.damage(&mut bytes);
        // What lies before the checksum (base offset, epoch) is stamped anew and not covered.
        let outside = 0..12;
        if bytes.len() == sound.len() && bytes[outside.end..] == sound[outside.end..] {
            return;
        }
        if let Ok(header) = check_batch(&bytes) {
            assert_eq!(header.size_bytes as usize, bytes.len());
        }
        let body = bytes.get(61..).unwrap_or_default();
        let count = BatchHeader::read(&bytes).map_or(7, |header| header.last_offset_delta);
        for record in RawRecords::new(body, count.saturating_add(1)) {
            let Ok(record) = record else { break };
            assert!(record.bytes.len() <= body.len());
        }
    });
}

#[test]
fn a_damaged_body_inflates_within_its_bound() {
    const LIMIT: usize = 64 << 10;
    for_each_seed(20_000, |chance| {
        let codec = 1 + chance.below(4) as u8;
        let plain: Vec<u8> = (0..chance.below(4_000)).map(|at| (at / 7) as u8).collect();
        let mut bytes = Vec::new();
        millrace_codec::compress(codec, &plain, &mut bytes).unwrap();
        chance.damage(&mut bytes);
        let mut inflated = Vec::new();
        if millrace_codec::decompress(codec, &bytes, LIMIT, &mut inflated).is_ok() {
            assert!(inflated.len() <= LIMIT);
        }
        assert!(inflated.capacity() <= 4 * LIMIT, "{}", inflated.capacity());
    });
}
