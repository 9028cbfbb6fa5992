//! Replies over real sockets: slow readers, files, deadlines, limits.

mod common;

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::{Chance, Owner, Reply, echo, frame, read_frame, write_all};
use millrace_reactor::{CloseReason, ReactorOptions};

#[test]
fn a_slow_reader_is_not_read_and_gets_every_byte_later() {
    let options = ReactorOptions {
        max_queued_send_bytes: 1 << 20,
        ..ReactorOptions::default()
    };
    let mut owner = Owner::new(options);
    owner.keeps_frames = false;
    let mut client = owner.connect();
    let mut other = owner.connect();
    // Each of 100 requests of 40 KB is answered by 300 KB.
    let answer = |_: u32, body: &[u8]| {
        let seed = body[0];
        let reply: Vec<u8> = (0..300_000).map(|at| seed ^ at as u8).collect();
        if body.len() == 40_000 {
            vec![Reply::Bytes(frame(&reply))]
        } else {
            echo(0, body)
        }
    };
    let mut writer = client.try_clone().unwrap();
    let requests = thread::spawn(move || {
        (0..100).for_each(|n| write_all(&mut writer, &frame(&[n; 40_000])));
    });
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(500) {
        owner.tick(&mut answer.clone());
        thread::sleep(Duration::from_millis(1));
    }
    // The bound, and the replies to what one turn had read already (1 MiB of requests).
    let queued = owner.reactor.stats().queued_send_bytes;
    assert!(queued > 0 && queued < 10 << 20, "{queued}");
    assert!(owner.frame_count < 100, "reading went on");
    write_all(&mut other, &frame(b"other client"));
    let before = owner.frame_count;
    owner.until(|_, _| Vec::new(), |owner| owner.frame_count > before);
    let reader = thread::spawn(move || {
        for n in 0..100u8 {
            let body = read_frame(&mut client);
            assert!(
                body.iter()
                    .enumerate()
                    .all(|(at, &byte)| byte == n ^ at as u8),
                "{n}"
            );
        }
    });
    owner.until(answer, |_| reader.is_finished());
    reader.join().unwrap();
    requests.join().unwrap();
}

#[test]
fn files_and_bytes_are_sent_in_order() {
    let mut owner = Owner::new(ReactorOptions::default());
    owner.keeps_frames = false;
    let content = Chance(5).bytes(3 << 20);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content).unwrap();
    file.sync_all().unwrap();
    // Out of the page cache where the file system allows: then the reading threads have to help.
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    owner.files.0.insert(9, Arc::new(file));
    let mut client = owner.connect();
    write_all(&mut client, &frame(b"12345678"));
    let replies = |_: u32, _: &[u8]| {
        vec![
            Reply::Bytes(b"head".to_vec()),
            Reply::File {
                log: 9,
                position: 1000,
                length: 2_000_000,
            },
            Reply::Bytes(b"middle".to_vec()),
            Reply::File {
                log: 9,
                position: 5,
                length: 7,
            },
            Reply::Bytes(b"tail".to_vec()),
            Reply::Close,
        ]
    };
    let mut expected = b"head".to_vec();
    expected.extend_from_slice(&content[1000..2_001_000]);
    expected.extend_from_slice(b"middle");
    expected.extend_from_slice(&content[5..12]);
    expected.extend_from_slice(b"tail");
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        client.read_to_end(&mut all).unwrap();
        assert!(all == expected);
    });
    owner.until(replies, |_| reader.is_finished());
    reader.join().unwrap();
    assert_eq!(owner.reactor.stats().queued_send_bytes, 0);
}

#[test]
fn a_file_that_ends_early_or_is_gone_closes_the_connection() {
    let mut owner = Owner::new(ReactorOptions::default());
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[1; 1000]).unwrap();
    owner.files.0.insert(1, Arc::new(file));
    for log in [1, 2] {
        let mut client = owner.connect();
        write_all(&mut client, &frame(b"12345678"));
        let closed_before = owner.closed.len();
        owner.until(
            |_, _| {
                vec![Reply::File {
                    log,
                    position: 500,
                    length: 1000,
                }]
            },
            |owner| owner.closed.len() > closed_before,
        );
        assert_eq!(owner.closed[closed_before].1, CloseReason::IoError as u8);
    }
}

#[test]
fn a_large_replay_does_not_delay_small_requests() {
    let mut owner = Owner::new(ReactorOptions::default());
    owner.keeps_frames = false;
    let mut file = tempfile::tempfile().unwrap();
    for _ in 0..64 {
        file.write_all(&[7; 1 << 20]).unwrap();
    }
    owner.files.0.insert(1, Arc::new(file));
    let mut bulk = owner.connect();
    let mut small = owner.connect();
    write_all(&mut bulk, &frame(b"replay!!"));
    let drain = thread::spawn(move || {
        let mut left = 64 << 20;
        let mut chunk = vec![0; 1 << 20];
        while left > 0 {
            left -= bulk.read(&mut chunk).unwrap();
        }
    });
    let answer = |id: u32, body: &[u8]| match body {
        b"replay!!" => vec![Reply::File {
            log: 1,
            position: 0,
            length: 64 << 20,
        }],
        _ => echo(id, body),
    };
    let probe = thread::spawn(move || {
        let mut longest = Duration::ZERO;
        for _ in 0..50 {
            let started = Instant::now();
            write_all(&mut small, &frame(b"how long?"));
            read_frame(&mut small);
            longest = longest.max(started.elapsed());
        }
        longest
    });
    owner.until(answer, |_| probe.is_finished() && drain.is_finished());
    drain.join().unwrap();
    // The whole file in one go would be 64 MiB at once; a busy machine alone takes less than this.
    assert!(probe.join().unwrap() < Duration::from_secs(5));
}

#[test]
fn deadlines_close_idle_dripping_and_stuck_connections() {
    let options = ReactorOptions {
        idle_ms: 2_000,
        frame_deadline_ms: 150,
        send_deadline_ms: 150,
        ..ReactorOptions::default()
    };
    let mut owner = Owner::new(options);
    owner.keeps_frames = false;
    let _idle = owner.connect();
    owner.until_closed(CloseReason::Idle);
    let mut dripping = owner.connect();
    write_all(&mut dripping, &frame(&[1; 100])[..20]);
    owner.until_closed(CloseReason::FrameDeadline);
    let mut large = owner.connect();
    write_all(&mut large, &frame(&[1; 100_000])[..90_000]);
    owner.until_closed(CloseReason::FrameDeadline);
    let mut stuck = owner.connect();
    write_all(&mut stuck, &frame(b"12345678"));
    let closed_before = owner.closed.len();
    owner.until(
        |_, _| vec![Reply::Bytes(vec![0; 64 << 20])],
        |owner| owner.closed.len() > closed_before,
    );
    assert_eq!(
        owner.closed[closed_before].1,
        CloseReason::SendDeadline as u8
    );
    assert_eq!(owner.reactor.stats().queued_send_bytes, 0);
}

#[test]
fn connections_above_the_limits_are_turned_away() {
    let options = ReactorOptions {
        max_connections_per_address: 3,
        ..ReactorOptions::default()
    };
    let mut owner = Owner::new(options);
    let mut clients: Vec<_> = (0..5).map(|_| owner.connect()).collect();
    owner.until(
        |_, _| Vec::new(),
        |owner| owner.reactor.stats().refused_total == 2,
    );
    assert_eq!(owner.opened.len(), 3);
    clients.remove(0);
    owner.until_closed(CloseReason::Peer);
    clients.push(owner.connect());
    owner.until(|_, _| Vec::new(), |owner| owner.opened.len() == 4);
}

#[test]
fn a_taken_port_is_refused() {
    let mut owner = Owner::new(ReactorOptions::default());
    let error = owner
        .reactor
        .listen("127.0.0.1", owner.address.port(), 16)
        .unwrap_err();
    assert_eq!(error.code(), millrace_io::ErrorCode::AddressInUse);
    let error = owner.reactor.listen("192.0.2.1", 0, 16).unwrap_err();
    assert_eq!(error.code(), millrace_io::ErrorCode::AddressUnavailable);
    let local = owner.reactor.listen("localhost", 0, 16).unwrap();
    assert!(local.address.is_ipv4());
    let any = owner.reactor.listen("", 0, 16).unwrap();
    std::net::TcpStream::connect(("127.0.0.1", any.address.port())).unwrap();
}

#[test]
fn a_closed_connection_is_reported_once_and_its_rows_are_ignored() {
    let mut owner = Owner::new(ReactorOptions::default());
    let client = owner.connect();
    owner.until(|_, _| Vec::new(), |owner| owner.opened.len() == 1);
    let id = owner.opened[0];
    owner.reactor.close_connection(id);
    owner.reactor.close_connection(id);
    owner.send(&[(id, Reply::Bytes(vec![1, 2, 3])), (id, Reply::Close)]);
    assert!(owner.reactor.has_backlog());
    owner.tick(&mut |_, _| Vec::new());
    assert_eq!(owner.closed, [(id, CloseReason::Local as u8)]);
    drop(client);
    let next = owner.connect();
    owner.until(|_, _| Vec::new(), |owner| owner.opened.len() == 2);
    assert_ne!(owner.opened[1], id, "numbers are not reused at once");
    drop(next);
}
