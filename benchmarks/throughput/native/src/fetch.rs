//! Fetch v11: every connection reads its partition from offset 0 to the end, again and again.

use crate::epoll::Epoll;
use crate::frames;
use crate::report::{Meter, Report, Settings};
use crate::socket::Socket;
use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::Instant;

pub fn run(settings: &Settings) -> io::Result<Report> {
    let mut epoll = Epoll::new()?;
    let mut sockets = Vec::new();
    let mut offsets = vec![0i64; settings.connections];
    let request = |token: usize, offset: i64| -> Rc<[u8]> {
        let partition = token as i32 % settings.partitions;
        frames::fetch(
            &settings.topic,
            partition,
            offset,
            settings.fetch_bytes,
            500,
        )
        .into()
    };
    for token in 0..settings.connections {
        let mut socket = Socket::connect(&settings.address)?;
        epoll.add(socket.stream.as_raw_fd(), token as u64)?;
        socket.push(&request(token, 0), Instant::now());
        socket.flush()?;
        sockets.push(socket);
    }
    let mut meter = Meter::new(settings);
    let mut ready = Vec::new();
    while !meter.is_over() {
        epoll.wait(100, &mut ready)?;
        for event in &ready {
            let token = event.token as usize;
            let socket = &mut sockets[token];
            socket.fill()?;
            let Some(body) = socket.take_answer() else {
                continue;
            };
            let bytes = body.len() as u64;
            match frames::fetch_answer(body) {
                Some(answer) if answer.error == 0 => {
                    let records = &body[answer.records_at..][..answer.records_bytes];
                    offsets[token] = match next_offset(records) {
                        Some(next) if next < answer.high_watermark => next,
                        _ => 0,
                    };
                }
                Some(answer) => meter.error(&format!("fetch answered error {}", answer.error)),
                None => meter.error("fetch answered a top-level error"),
            }
            if let Some(due) = socket.due.pop_front() {
                meter.note(due.elapsed(), bytes);
            }
            socket.push(&request(token, offsets[token]), Instant::now());
            socket.flush()?;
        }
    }
    Ok(meter.report())
}

/// The offset after the last whole batch.
fn next_offset(records: &[u8]) -> Option<i64> {
    let mut at = 0;
    let mut next = None;
    while records.len() - at >= 61 {
        let length = frames::read_i32(records, at + 8) as usize + 12;
        if records.len() - at < length {
            break;
        }
        next =
            Some(frames::read_i64(records, at) + i64::from(frames::read_i32(records, at + 23)) + 1);
        at += length;
    }
    next
}
