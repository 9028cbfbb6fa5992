//! What an append costs, against the bare system call and CRC: `cargo run --release --example
//! append_cost [directory] [MiB]`. Prints nanoseconds per batch and CPU seconds per GB.

use std::fs::File;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use millrace_io::{CompletionQueue, Disk, OsDisk};
use millrace_log::{FlushMode, LogOptions, OpenLogRequest, ReadBounds, StageRequest, Store};
use millrace_record::{BatchFields, check_batch, crc_of_batch, write_batch};

fn total_bytes() -> usize {
    let megabytes = std::env::args().nth(2).and_then(|text| text.parse().ok());
    megabytes.unwrap_or(2048usize) << 20
}

fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
}

fn report(what: &str, batch_bytes: usize, batches: usize, started: Instant, cpu: f64) {
    let nanoseconds = started.elapsed().as_nanos() as f64 / batches as f64;
    let gigabytes = (batches * batch_bytes) as f64 / 1e9;
    let cpu = (cpu_seconds() - cpu) / gigabytes;
    println!("{what:28} {batch_bytes:8} B  {nanoseconds:9.0} ns/batch  {cpu:.3} CPU s/GB");
}

fn batch(bytes: usize) -> Vec<u8> {
    let value = vec![b'x'; bytes.saturating_sub(75)];
    write_batch(&BatchFields::default(), &[(None, Some(&value))])
}

/// The least: CRC and one gathered write per group.
fn bare(path: &Path, size: usize, group: usize) {
    let Ok(file) = File::create(path.join("bare")) else {
        return;
    };
    let mut batches: Vec<_> = (0..group).map(|_| batch(size)).collect();
    let rounds = total_bytes() / size / group;
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let mut position = 0;
    for _ in 0..rounds {
        for bytes in &mut batches {
            assert!(check_batch(bytes).is_ok());
            bytes[0] = 0;
        }
        let slices: Vec<_> = batches.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let written = OsDisk.write_vectored_at(&file, &slices, position);
        position += written.map_or(0, |count| count as u64);
    }
    report(
        "bare crc + pwritev",
        batches[0].len(),
        rounds * group,
        started,
        cpu,
    );
    let _ = std::fs::remove_file(path.join("bare"));
}

fn logged(path: &Path, size: usize, group: usize, flush_mode: FlushMode) -> Option<()> {
    let completions = Arc::new(CompletionQueue::new().ok()?);
    let store = Store::new(Arc::new(OsDisk), completions).ok()?;
    let dir_id = store.open_dir(&path.join("data")).ok()?;
    let request = OpenLogRequest {
        dir_id,
        name: "t-0".to_owned(),
        create: true,
        options: LogOptions {
            flush_mode,
            ..LogOptions::default()
        },
        recovery_point: 0,
        log_start_offset: 0,
        clean: false,
        topic_id: None,
    };
    let log_id = store.open_log(&request).ok()?.log_id;
    let mut appender = store.appender();
    let mut batches: Vec<_> = (0..group).map(|_| batch(size)).collect();
    let rounds = total_bytes() / size / group;
    let stage = StageRequest {
        log_id,
        leader_epoch: 0,
        append_time_ms: -1,
    };
    let (started, cpu) = (Instant::now(), cpu_seconds());
    for _ in 0..rounds {
        for bytes in &mut batches {
            // SAFETY: the batch lives until after the commit below.
            #[allow(unsafe_code, reason = "the interface under measurement")]
            let staged = unsafe { appender.stage(&stage, NonNull::from(&mut bytes[..])) };
            assert!(staged.is_ok());
        }
        assert!(appender.commit().is_empty());
    }
    let what = format!("stage + commit, {flush_mode:?}");
    report(&what, batches[0].len(), rounds * group, started, cpu);
    locate_cost(&store, log_id);
    drop((appender, store));
    recovery_cost(path, &request)?;
    let _ = std::fs::remove_dir_all(path.join("data"));
    Some(())
}

/// Opens what a killed process left: every CRC is checked.
fn recovery_cost(path: &Path, request: &OpenLogRequest) -> Option<()> {
    let completions = Arc::new(CompletionQueue::new().ok()?);
    let store = Store::new(Arc::new(OsDisk), completions).ok()?;
    store.open_dir(&path.join("data")).ok()?;
    let options = LogOptions {
        flush_mode: FlushMode::Os,
        ..request.options
    };
    let started = Instant::now();
    let opened = store
        .open_log(&OpenLogRequest {
            options,
            ..request.clone()
        })
        .ok()?;
    let seconds = started.elapsed().as_secs_f64();
    let bytes = store.log(opened.log_id).ok()?.size_bytes();
    println!("  recovery: {:.2} GB/s", bytes as f64 / 1e9 / seconds);
    Some(())
}

fn locate_cost(store: &Store, log_id: u32) -> Option<()> {
    let log = store.log(log_id).ok()?;
    let (end, mut offset, mut count) = (log.log_end_offset(), log.log_start_offset(), 0u32);
    let started = Instant::now();
    while offset < end && count < 100_000 {
        let up_to_offset = end;
        let bounds = ReadBounds {
            offset,
            up_to_offset,
            max_bytes: 65_536,
            at_least_one: true,
        };
        match log.locate(&bounds) {
            millrace_log::Locate::Found(located) => offset = located.next_offset,
            other => {
                println!("  locate stopped at {offset} of {end}: {other:?}");
                break;
            }
        }
        count += 1;
    }
    let each = started.elapsed().as_nanos() / u128::from(count.max(1));
    let started = Instant::now();
    let mut random = 1u64;
    for _ in 0..10_000 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let offset = (random >> 33) as i64 % end;
        let bounds = ReadBounds {
            offset,
            up_to_offset: end,
            max_bytes: 65_536,
            at_least_one: true,
        };
        let _ = log.locate(&bounds);
    }
    let anywhere = started.elapsed().as_nanos() / 10_000;
    println!("  locate 64 KB: in order {each} ns, anywhere {anywhere} ns");
    Some(())
}

fn main() {
    let path = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let megabyte = vec![7u8; 1_000_000];
    let started = Instant::now();
    let crc = (0..2_000).fold(0, |sum: u32, _| {
        sum ^ crc_of_batch(std::hint::black_box(&megabyte))
    });
    println!(
        "crc32c {:.1} GB/s ({crc})",
        2.0 / started.elapsed().as_secs_f64()
    );
    for (size, group) in [(118, 64), (4096, 8), (65_536, 1), (1_000_000, 1)] {
        bare(&path, size, group);
        logged(&path, size, group, FlushMode::Os);
        logged(&path, size, group, FlushMode::Group);
    }
}
