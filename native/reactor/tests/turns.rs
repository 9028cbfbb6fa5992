//! Turns of sendfile: whole ones for readers in bulk, short ones while others ask for small things.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::{Owner, Reply, frame, write_all};
use millrace_reactor::ReactorOptions;

const FILE_BYTES: u64 = 8 << 20;
/// A socket that becomes writable within a tick gets a second turn in it; the rest is small answers.
const SHORT_TURNS_PER_TICK_BYTES: u64 = 2 * (64 << 10) + 4096;
/// Small frames count for 20 ms, by a clock that steps by several.
const RECENT: Duration = Duration::from_millis(10);

/// A file in memory, and a client that reads whatever comes until its connection ends.
fn bulk_reader(owner: &mut Owner) -> TcpStream {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![7; FILE_BYTES as usize]).unwrap();
    owner.files.0.insert(1, Arc::new(file) as Arc<File>);
    let client = owner.connect();
    let mut reading = client.try_clone().unwrap();
    thread::spawn(move || {
        let mut into = vec![0; 1 << 20];
        while reading.read(&mut into).is_ok_and(|count| count > 0) {}
    });
    client
}

/// Eight bytes ask for the file, others are answered by themselves.
fn answer(_: u32, body: &[u8]) -> Vec<Reply> {
    match body.len() {
        8 => vec![Reply::File {
            log: 1,
            position: 0,
            length: FILE_BYTES,
        }],
        _ => vec![Reply::Bytes(frame(body))],
    }
}

/// Bytes sent by one tick.
fn tick(owner: &mut Owner) -> u64 {
    let before = owner.reactor.stats().sent_total;
    owner.tick(&mut answer);
    owner.reactor.stats().sent_total - before
}

#[test]
fn turns_are_short_only_while_others_ask_for_small_things() {
    let mut owner = Owner::new(ReactorOptions::default());
    owner.keeps_frames = false;
    let mut bulky = bulk_reader(&mut owner);
    let mut brisk = owner.connect();
    let deadline = Instant::now() + Duration::from_secs(60);
    // Alone: sooner or later a tick sends more than short turns would.
    while tick(&mut owner) <= SHORT_TURNS_PER_TICK_BYTES {
        assert!(Instant::now() < deadline, "no turn was whole");
        if owner.reactor.stats().queued_send_bytes == 0 {
            write_all(&mut bulky, &frame(b"the file"));
        }
    }
    // Beside another: never, as far as this thread was quick enough to tell.
    let mut seen_bytes = 0;
    while seen_bytes < 4 * FILE_BYTES {
        assert!(Instant::now() < deadline, "took too long");
        let began = Instant::now();
        write_all(&mut brisk, &frame(b"a small thing"));
        tick(&mut owner);
        if owner.reactor.stats().queued_send_bytes == 0 {
            write_all(&mut bulky, &frame(b"the file"));
        }
        let sent = tick(&mut owner);
        if began.elapsed() < RECENT {
            assert!(sent <= SHORT_TURNS_PER_TICK_BYTES, "{sent} bytes in a tick");
            seen_bytes += sent;
        }
    }
}
