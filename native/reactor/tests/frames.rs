//! Frames over real sockets: cutting, limits, order.

mod common;

use std::io::Write;
use std::thread;
use std::time::Duration;

use common::{Chance, Owner, Reply, echo, frame, read_frame, resident_bytes, write_all};
use millrace_reactor::{CloseReason, PrefixRange, ReactorOptions};

#[test]
fn frames_of_all_sizes_arrive_whole_however_they_are_cut() {
    let mut owner = Owner::new(ReactorOptions::default());
    owner.keeps_frames = false;
    let address = owner.address;
    let clients: Vec<_> = (0..4)
        .map(|seed| {
            thread::spawn(move || {
                let mut chance = Chance(seed);
                let mut client = std::net::TcpStream::connect(address).unwrap();
                let sizes = [
                    8, 9, 100, 4000, 65_535, 65_536, 65_537, 70_000, 300_000, 2_000_000,
                ];
                for _ in 0..30 {
                    let bodies: Vec<_> = (0..1 + chance.below(4))
                        .map(|_| {
                            let size = sizes[chance.below(sizes.len())];
                            let start = chance.bytes(64);
                            (0..size)
                                .map(|at| start[at % 61] ^ (at >> 8) as u8)
                                .collect()
                        })
                        .collect::<Vec<Vec<u8>>>();
                    let wire: Vec<u8> = bodies.iter().flat_map(|body| frame(body)).collect();
                    let mut writer = client.try_clone().unwrap();
                    let cut = chance.below(wire.len());
                    let sender = thread::spawn(move || {
                        writer.write_all(&wire[..cut]).unwrap();
                        thread::sleep(Duration::from_millis(1));
                        writer.write_all(&wire[cut..]).unwrap();
                    });
                    for body in &bodies {
                        assert!(read_frame(&mut client) == *body, "seed {seed}");
                    }
                    sender.join().unwrap();
                }
            })
        })
        .collect();
    owner.until(echo, |_| clients.iter().all(|client| client.is_finished()));
    for client in clients {
        client.join().unwrap();
    }
    owner.until(echo, |owner| owner.closed.len() == 4);
    assert_eq!(owner.reactor.stats().inbound_bytes, 0);
    assert_eq!(owner.reactor.stats().queued_send_bytes, 0);
}

#[test]
fn bytes_that_drip_one_by_one_make_a_frame() {
    let mut owner = Owner::new(ReactorOptions::default());
    let mut client = owner.connect();
    client.set_nodelay(true).unwrap();
    for byte in frame(b"drip drop") {
        write_all(&mut client, &[byte]);
        owner.tick(&mut |_, _| Vec::new());
        thread::sleep(Duration::from_millis(2));
    }
    owner.until(|_, _| Vec::new(), |owner| owner.frame_count == 1);
    assert_eq!(owner.frames[0].1, b"drip drop");
}

#[test]
fn more_frames_than_a_tick_has_rows_for_arrive_in_order() {
    let mut owner = Owner::new(ReactorOptions::default());
    let mut client = owner.connect();
    let wire: Vec<u8> = (0..100_000u64)
        .flat_map(|n| frame(&n.to_be_bytes()))
        .collect();
    let sender = thread::spawn(move || {
        client.write_all(&wire).unwrap();
        client
    });
    owner.until(|_, _| Vec::new(), |owner| owner.frame_count == 100_000);
    for (n, (_, body)) in owner.frames.iter().enumerate() {
        assert_eq!(*body, (n as u64).to_be_bytes());
    }
    drop(sender.join().unwrap());
    owner.until_closed(CloseReason::Peer);
}

#[test]
fn a_length_outside_of_the_bounds_closes_without_memory() {
    let bad: [(&[u8], CloseReason); 4] = [
        (&[0x16, 3, 1, 0], CloseReason::FrameTooLarge),
        (&[0xff, 0xff, 0xff, 0xff], CloseReason::FrameTooLarge),
        (&[0, 0, 0, 7], CloseReason::FrameTooSmall),
        (b"GET / HTTP/1.1\r\n\r\n", CloseReason::FrameTooLarge),
    ];
    let mut owner = Owner::new(ReactorOptions::default());
    let mut bystander = owner.connect();
    for (bytes, reason) in bad {
        let mut client = owner.connect();
        write_all(&mut client, bytes);
        owner.until_closed(reason);
    }
    assert_eq!(owner.frame_count, 0);
    write_all(&mut bystander, &frame(b"still here"));
    owner.until(|_, _| Vec::new(), |owner| owner.frame_count == 1);
}

#[test]
fn a_large_frame_is_admitted_by_its_first_four_bytes() {
    let options = ReactorOptions {
        accepted_prefixes: vec![PrefixRange {
            first: 0,
            lowest: 3,
            highest: 12,
        }],
        ..ReactorOptions::default()
    };
    let mut owner = Owner::new(options);
    let mut large = vec![0; 200_000];
    large[..4].copy_from_slice(&[0, 0, 0, 13]);
    let mut client = owner.connect();
    write_all(&mut client, &frame(&large)[..1000]);
    owner.until_closed(CloseReason::RefusedPrefix);
    large[3] = 12;
    let mut client = owner.connect();
    let wire = frame(&large);
    let sender = thread::spawn(move || write_all(&mut client, &wire));
    owner.until(|_, _| Vec::new(), |owner| owner.frame_count == 1);
    sender.join().unwrap();
    assert!(owner.frames[0].1 == large);
}

#[test]
fn a_declared_length_takes_no_memory_before_bytes_arrive() {
    let mut owner = Owner::new(ReactorOptions::default());
    let clients: Vec<_> = (0..200)
        .map(|_| {
            let mut client = owner.connect();
            write_all(&mut client, &frame(&[7; 100])[..50]);
            write_all(&mut client, &[]);
            client
        })
        .collect();
    let mut hungry: Vec<_> = (0..200)
        .map(|_| {
            let mut client = owner.connect();
            write_all(&mut client, &(100u32 << 20).to_be_bytes());
            write_all(&mut client, &[1; 60]);
            client
        })
        .collect();
    let before = resident_bytes();
    owner.until(|_, _| Vec::new(), |owner| owner.opened.len() == 400);
    for _ in 0..50 {
        owner.tick(&mut |_, _| Vec::new());
    }
    let stats = owner.reactor.stats();
    assert_eq!(stats.inbound_bytes, 200 * 50 + 200 * 60);
    assert!(
        resident_bytes() - before < 8 << 20,
        "{}",
        resident_bytes() - before
    );
    hungry.clear();
    drop(clients);
    owner.until(|_, _| Vec::new(), |owner| owner.closed.len() == 400);
    assert_eq!(owner.reactor.stats().inbound_bytes, 0);
}

#[test]
fn large_frames_above_the_budget_wait_for_each_other_and_all_arrive() {
    let options = ReactorOptions {
        inbound_budget_bytes: 300_000,
        ..ReactorOptions::default()
    };
    let mut owner = Owner::new(options);
    owner.keeps_frames = false;
    let mut small = owner.connect();
    let address = owner.address;
    let senders: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || {
                let mut client = std::net::TcpStream::connect(address).unwrap();
                for _ in 0..5 {
                    write_all(&mut client, &frame(&vec![3; 1_000_000]));
                }
                client
            })
        })
        .collect();
    write_all(&mut small, &frame(b"small one"));
    let mut most = 0;
    owner.until(
        |_, _| Vec::new(),
        |owner| {
            most = most.max(owner.reactor.stats().inbound_bytes);
            owner.frame_count == 41
        },
    );
    // The budget, what one readv adds, and the one frame that may exceed it.
    assert!(most < 300_000 + 1_000_000 + 8 * 300_000, "{most}");
    for sender in senders {
        sender.join().unwrap();
    }
}

#[test]
fn a_paused_connection_is_not_read_and_goes_on_when_resumed() {
    let mut owner = Owner::new(ReactorOptions::default());
    let mut client = owner.connect();
    owner.until(|_, _| Vec::new(), |owner| owner.opened.len() == 1);
    let id = owner.opened[0];
    owner.reactor.pause_reading(id);
    write_all(&mut client, &frame(b"while paused"));
    for _ in 0..20 {
        owner.tick(&mut |_, _| Vec::new());
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(owner.frame_count, 0);
    owner.reactor.resume_reading(id);
    owner.until(|_, _| Vec::new(), |owner| owner.frame_count == 1);
}

#[test]
fn replies_leave_in_the_order_they_were_staged_and_the_close_comes_last() {
    let mut owner = Owner::new(ReactorOptions::default());
    let mut client = owner.connect();
    write_all(&mut client, &frame(b"12345678"));
    let replies = |_: u32, _: &[u8]| {
        let mut replies: Vec<_> = (0..1000u32)
            .map(|n| Reply::Bytes(frame(&n.to_be_bytes())))
            .collect();
        replies.push(Reply::Close);
        replies
    };
    owner.until(replies, |owner| owner.closed.len() == 1);
    assert_eq!(owner.closed[0].1, CloseReason::Local as u8);
    for n in 0..1000u32 {
        assert_eq!(read_frame(&mut client), n.to_be_bytes());
    }
    assert_eq!(std::io::Read::read(&mut client, &mut [0; 1]).unwrap(), 0);
}

#[test]
fn noise_on_many_connections_harms_nobody() {
    let options = ReactorOptions {
        max_frame_bytes: 1 << 20,
        ..ReactorOptions::default()
    };
    let mut owner = Owner::new(options);
    owner.keeps_frames = false;
    let mut good = owner.connect();
    let address = owner.address;
    let noise: Vec<_> = (0..4)
        .map(|seed| {
            thread::spawn(move || {
                let mut chance = Chance(seed + 100);
                for _ in 0..200 {
                    let mut client = std::net::TcpStream::connect(address).unwrap();
                    let mut bytes = chance.bytes(1 + chance.0 as usize % 300);
                    if chance.below(2) == 0 {
                        // A plausible length in front.
                        let length = chance.below(200_000) as u32;
                        bytes.splice(0..0, length.to_be_bytes());
                    }
                    let _ = client.write_all(&bytes);
                    if chance.below(3) == 0 {
                        let _ = client.shutdown(std::net::Shutdown::Write);
                    }
                }
            })
        })
        .collect();
    let mut sent = 0;
    let mut answered = 0;
    good.set_nonblocking(true).unwrap();
    let mut inbox = Vec::new();
    owner.until(echo, |_| {
        if sent == answered {
            good.write_all(&frame(b"are you there?")).unwrap();
            sent += 1;
        }
        let mut chunk = [0; 64];
        if let Ok(count) = std::io::Read::read(&mut good, &mut chunk) {
            inbox.extend_from_slice(&chunk[..count]);
        }
        if inbox.len() >= 18 {
            assert_eq!(inbox, frame(b"are you there?"));
            inbox.clear();
            answered += 1;
        }
        answered > 10 && noise.iter().all(|thread| thread.is_finished())
    });
    owner.until(echo, |owner| owner.reactor.stats().connection_count == 1);
    assert_eq!(owner.reactor.stats().inbound_bytes, 0);
    assert_eq!(owner.opened.len(), owner.closed.len() + 1);
}
