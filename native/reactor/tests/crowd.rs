//! Its own process: as many connections as the machine allows, up to ten thousand.

mod common;

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Owner, echo, frame, read_frame, resident_bytes, write_all};
use millrace_reactor::ReactorOptions;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn a_crowd_of_idle_connections_costs_little_memory_and_no_latency() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
    let descriptors = limit.maximum.unwrap_or(20_000).min(20_200) as usize;
    let count = ((descriptors - 100) / 2).min(10_000);
    let mut owner = Owner::new(ReactorOptions::default());
    owner.keeps_frames = false;
    let mut probe = owner.connect();
    probe.set_nodelay(true).unwrap();
    owner.until(echo, |owner| owner.opened.len() == 1);
    let alone = latencies(&mut owner, &mut probe);

    let before = resident_bytes();
    let mut crowd = Vec::with_capacity(count);
    for round in 0..count / 100 {
        crowd.extend((0..100).map(|_| owner.connect()));
        owner.until(echo, |owner| owner.opened.len() == 1 + 100 * (round + 1));
    }
    // Each has sent one frame and the beginning of another, was answered, and is silent since.
    for client in &mut crowd {
        write_all(client, &frame(b"hello, broker"));
    }
    let answered = crowd.len() + owner.frame_count;
    owner.until(echo, |owner| owner.frame_count == answered);
    let per_connection = (resident_bytes() - before) / crowd.len() as i64;
    assert!(per_connection < 2048, "{per_connection} bytes each");

    // Twice as long, and what a busy machine adds by chance: of several looks the best.
    let crowded = (0..5)
        .map(|_| latencies(&mut owner, &mut probe))
        .min()
        .unwrap_or_default();
    assert!(
        crowded < alone * 2 + Duration::from_millis(2),
        "{alone:?} -> {crowded:?}"
    );
}

/// The median of 500 round trips: of a busy machine only that can be compared.
fn latencies(owner: &mut Owner, probe: &mut TcpStream) -> Duration {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut times: Vec<_> = (0..500)
                .map(|_| {
                    let started = Instant::now();
                    write_all(probe, &frame(b"are you there"));
                    read_frame(probe);
                    started.elapsed()
                })
                .collect();
            times.sort_unstable();
            done.store(true, Ordering::Relaxed);
            times[250]
        });
        owner.until(echo, |_| done.load(Ordering::Relaxed));
        client.join().expect("the probing thread")
    })
}
