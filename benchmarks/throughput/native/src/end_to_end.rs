//! From the moment a record was due to be produced until a long-polling consumer holds it.
//! One producer connection at a rate, one consumer connection at the end of the log.

use crate::epoll::Epoll;
use crate::frames;
use crate::report::{Meter, Report, Settings};
use crate::socket::{Socket, ask};
use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

const PRODUCER: u64 = 0;
const CONSUMER: u64 = 1;
/// Of a one-record batch: header, then record length, attributes, two deltas, key length, value length.
const HEADER_BYTES: usize = 61;

pub fn run(settings: &Settings) -> io::Result<Report> {
    let epoch = Instant::now();
    let one = frames::batch(1, settings.record_bytes, 0);
    // The value is the same few varints away from the end in every batch: header count is its last byte.
    let stamp_at = one.len() - 1 - settings.record_bytes;
    assert!(
        stamp_at > HEADER_BYTES && settings.record_bytes >= 8,
        "records hold an 8-byte stamp"
    );
    let mut offset = end_offset(settings)?;
    let mut producer = Socket::connect(&settings.address)?;
    let mut consumer = Socket::connect(&settings.address)?;
    let mut epoll = Epoll::new()?;
    epoll.add(producer.stream.as_raw_fd(), PRODUCER)?;
    epoll.add(consumer.stream.as_raw_fd(), CONSUMER)?;
    let poll = |offset: i64| -> Rc<[u8]> {
        frames::fetch(&settings.topic, 0, offset, settings.fetch_bytes, 500).into()
    };
    consumer.push(&poll(offset), Instant::now());
    consumer.flush()?;
    let interval = Duration::from_secs_f64(1.0 / settings.rate);
    let mut next_due = Instant::now();
    let mut meter = Meter::new(settings);
    let mut ready = Vec::new();
    while !meter.is_over() {
        epoll.wait(0, &mut ready)?;
        for event in &ready {
            if event.token == PRODUCER {
                producer.fill()?;
                while let Some(body) = producer.take_answer() {
                    if frames::produce_answer(body).0 != 0 {
                        meter.error("produce answered an error");
                    }
                    producer.due.pop_front();
                }
                continue;
            }
            consumer.fill()?;
            let Some(body) = consumer.take_answer() else {
                continue;
            };
            let Some(answer) = frames::fetch_answer(body) else {
                meter.error("fetch answered a top-level error");
                continue;
            };
            let records = &body[answer.records_at..][..answer.records_bytes];
            for batch in records.chunks_exact(one.len()) {
                let base = frames::read_i64(batch, 0);
                let due = epoch + Duration::from_nanos(frames::read_i64(batch, stamp_at) as u64);
                if base != offset {
                    meter.error(&format!("offset {base} came where {offset} was expected"));
                }
                offset = base + 1;
                meter.note(due.elapsed(), batch.len() as u64);
            }
            consumer.push(&poll(offset), Instant::now());
            consumer.flush()?;
        }
        let now = Instant::now();
        while next_due <= now {
            let mut batch = one.clone();
            let stamp = (next_due - epoch).as_nanos() as u64;
            batch[stamp_at..stamp_at + 8].copy_from_slice(&stamp.to_be_bytes());
            frames::reseal_batch(&mut batch);
            let frame: Rc<[u8]> = frames::produce(&settings.topic, 0, settings.acks, &batch).into();
            producer.push(&frame, next_due);
            producer.flush()?;
            next_due += interval;
        }
        if next_due > now && ready.is_empty() {
            std::thread::sleep((next_due - now).min(Duration::from_micros(20)));
        }
    }
    Ok(meter.report())
}

/// ListOffsets v1 with timestamp -1.
fn end_offset(settings: &Settings) -> io::Result<i64> {
    let mut frame = frames::Frame::request(2, 1, 1);
    frame
        .i32(-1)
        .i32(1)
        .string(&settings.topic)
        .i32(1)
        .i32(0)
        .i64(-1);
    let body = ask(&settings.address, &frame.seal())?;
    Ok(frames::read_i64(&body, body.len() - 8))
}
