//! Produce v8: closed loop with a fixed depth, or open loop at a rate with latency counted from the
//! moment a request was due (so that a stalled server is not flattered).

use crate::epoll::Epoll;
use crate::frames;
use crate::report::{Meter, Report, Settings};
use crate::socket::Socket;
use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

struct Schedule {
    next_due: Instant,
    interval: Duration,
    turn: usize,
}

pub fn run(settings: &Settings) -> io::Result<Report> {
    let now_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let batch = frames::batch(
        settings.records_per_batch(),
        settings.record_bytes,
        now_ms as i64,
    );
    let requests: Vec<Rc<[u8]>> = (0..settings.partitions)
        .map(|part| frames::produce(&settings.topic, part, settings.acks, &batch).into())
        .collect();
    let mut epoll = Epoll::new()?;
    let mut sockets = Vec::new();
    for token in 0..settings.connections {
        let socket = Socket::connect(&settings.address)?;
        epoll.add(socket.stream.as_raw_fd(), token as u64)?;
        sockets.push(socket);
    }
    let mut meter = Meter::new(settings);
    let mut schedule = (settings.rate > 0.0).then(|| Schedule {
        next_due: Instant::now(),
        interval: Duration::from_secs_f64(1.0 / settings.rate),
        turn: 0,
    });
    let frame_of = |token: usize| &requests[token % requests.len()];
    if schedule.is_none() {
        for (token, socket) in sockets.iter_mut().enumerate() {
            for _ in 0..settings.depth {
                socket.push(frame_of(token), Instant::now());
            }
            flush(&epoll, token, socket)?;
        }
    }
    let mut ready = Vec::new();
    while !meter.is_over() {
        epoll.wait(if schedule.is_some() { 0 } else { 100 }, &mut ready)?;
        for event in &ready {
            let token = event.token as usize;
            let socket = &mut sockets[token];
            if event.readable {
                socket.fill()?;
                let mut answered = 0;
                while let Some(body) = socket.take_answer() {
                    let (error, _) = frames::produce_answer(body);
                    if error != 0 {
                        meter.error(&format!("produce answered error code {error}"));
                    }
                    answered += 1;
                    if let Some(due) = socket.due.pop_front() {
                        meter.note(due.elapsed(), frame_of(token).len() as u64);
                    }
                }
                if schedule.is_none() {
                    for _ in 0..answered {
                        socket.push(frame_of(token), Instant::now());
                    }
                }
            }
            flush(&epoll, token, socket)?;
        }
        if let Some(schedule) = &mut schedule {
            send_due(&epoll, schedule, &mut sockets, &frame_of)?;
        }
    }
    Ok(meter.report())
}

fn send_due<'a>(
    epoll: &Epoll,
    schedule: &mut Schedule,
    sockets: &mut [Socket],
    frame_of: &dyn Fn(usize) -> &'a Rc<[u8]>,
) -> io::Result<()> {
    let now = Instant::now();
    if schedule.next_due > now {
        // Sleeping keeps this program from taking a core that the server may need.
        std::thread::sleep((schedule.next_due - now).min(Duration::from_micros(50)));
        return Ok(());
    }
    while schedule.next_due <= now {
        let token = schedule.turn % sockets.len();
        schedule.turn += 1;
        sockets[token].push(frame_of(token), schedule.next_due);
        schedule.next_due += schedule.interval;
        flush(epoll, token, &mut sockets[token])?;
    }
    Ok(())
}

fn flush(epoll: &Epoll, token: usize, socket: &mut Socket) -> io::Result<()> {
    let was_left = socket.left;
    socket.left = socket.flush()?;
    if socket.left != was_left {
        epoll.watch_write(socket.stream.as_raw_fd(), token as u64, socket.left)?;
    }
    Ok(())
}
