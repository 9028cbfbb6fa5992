//! Producing: prebuilt batches, one after another as fast as the readers take them (lockstep) or at a rate.
//! A record carries the moment it was due, so a producer that falls behind shows in the latencies.

use crate::settings::{Feed, Sink, SinkKind};
use crate::stamp;
use millrace_bench::epoll::Epoll;
use millrace_bench::frames::{batch_of, produce, produce_answer, reseal_batch};
use millrace_bench::socket::Socket;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Epoll token of the producing connection; clients have smaller ones.
pub const TOKEN: u64 = u64::MAX;
const FIRST_TIMESTAMP_AT: usize = 27;
const MAX_TIMESTAMP_AT: usize = 35;
const PARTITION: i32 = 0;
const ACKS_ALL: i16 = -1;
/// A lockstep batch that not every reader got in this time is given up: deliveries were lost.
const LOCKSTEP_PATIENCE: Duration = Duration::from_secs(5);

struct Running {
    feed: Feed,
    /// The whole request or frame with a zero stamp.
    template: Vec<u8>,
    stamp_at: usize,
    /// Where the record batch of a Produce request begins.
    batch_at: usize,
    /// Where the key's digits stand.
    key_at: Option<usize>,
    next_key: usize,
    next_due: Instant,
    /// Lockstep: all deliveries there will be when every reader has what was sent so far.
    awaited: u64,
}

pub struct Feeder {
    kind: SinkKind,
    socket: Socket,
    feeds: Vec<Running>,
    watched_for_write: bool,
    pub fed: u64,
    pub errors: u64,
}

pub fn key_of(index: usize) -> String {
    format!("k{index:05}")
}

impl Running {
    fn new(kind: SinkKind, feed: &Feed, delivered: u64) -> Self {
        let key = (feed.keys > 0).then(|| key_of(0));
        let value = stamp::value(feed.value_bytes);
        let mut batch_at = 0;
        let template = match kind {
            SinkKind::Kafka => {
                let batch = batch_of(feed.records, key.as_deref().map(str::as_bytes), &value, 0);
                let request = produce(&feed.topic, PARTITION, ACKS_ALL, &batch);
                batch_at = request.len() - batch.len();
                request
            }
            SinkKind::Frames => {
                let mut out = (feed.frame.0.len() as u32 + 4).to_le_bytes().to_vec();
                out.extend_from_slice(&(-1i32).to_le_bytes());
                out.extend_from_slice(&feed.frame.0);
                out
            }
            SinkKind::Nats => {
                let subject = key
                    .as_ref()
                    .map_or(feed.topic.clone(), |key| format!("{}.{key}", feed.topic));
                let head = format!("PUB {subject} {}\r\n", feed.records * value.len());
                [head.as_bytes(), &value.repeat(feed.records), b"\r\n"].concat()
            }
        };
        let key_at = key.and_then(|key| {
            template
                .windows(key.len())
                .position(|window| window == key.as_bytes())
                .map(|at| at + 1)
        });
        Self {
            feed: feed.clone(),
            stamp_at: stamp::find(&template).expect("every record has room for a stamp"),
            template,
            batch_at,
            key_at,
            next_key: 0,
            next_due: Instant::now(),
            awaited: delivered,
        }
    }

    fn bytes(&mut self, kind: SinkKind, due: Instant) -> Rc<[u8]> {
        let mut bytes = self.template.clone();
        bytes[self.stamp_at..self.stamp_at + 8].copy_from_slice(&stamp::nanos(due).to_le_bytes());
        if self.feed.keys > 0 {
            let digits = key_of(self.next_key);
            if let Some(at) = self.key_at {
                bytes[at..at + digits.len() - 1].copy_from_slice(&digits.as_bytes()[1..]);
            }
            if kind == SinkKind::Frames {
                bytes[4..8].copy_from_slice(&(self.next_key as i32).to_le_bytes());
            }
            self.next_key = (self.next_key + 1) % self.feed.keys;
        }
        if kind == SinkKind::Kafka {
            let batch = &mut bytes[self.batch_at..];
            let since = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let millis = (since.as_millis() as i64).to_be_bytes();
            batch[FIRST_TIMESTAMP_AT..FIRST_TIMESTAMP_AT + 8].copy_from_slice(&millis);
            batch[MAX_TIMESTAMP_AT..MAX_TIMESTAMP_AT + 8].copy_from_slice(&millis);
            reseal_batch(batch);
        }
        bytes.into()
    }
}

impl Feeder {
    pub fn connect(sink: &Sink, epoll: &Epoll) -> io::Result<Self> {
        let mut socket = Socket::connect(&sink.address)?;
        epoll.add(socket.stream.as_raw_fd(), TOKEN)?;
        if sink.kind == SinkKind::Nats {
            let hello: Rc<[u8]> = b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"
                .as_slice()
                .into();
            socket.push(&hello, Instant::now());
            socket.flush()?;
        }
        Ok(Self {
            kind: sink.kind,
            socket,
            feeds: Vec::new(),
            watched_for_write: false,
            fed: 0,
            errors: 0,
        })
    }

    /// Begins a phase's feeds; `delivered` is what readers have had so far.
    pub fn begin(&mut self, feeds: &[Feed], delivered: u64) {
        self.feeds = feeds
            .iter()
            .map(|feed| Running::new(self.kind, feed, delivered))
            .collect();
    }

    /// Produces what is due. `readers` get each record of a lockstep feed and `delivered` counts all they had.
    pub fn turn(&mut self, now: Instant, readers: u64, delivered: u64) -> io::Result<()> {
        let kind = self.kind;
        for running in &mut self.feeds {
            let records = running.feed.records as u64;
            if running.feed.rate > 0.0 {
                let interval = Duration::from_secs_f64(1.0 / running.feed.rate);
                while running.next_due <= now {
                    let due = running.next_due;
                    running.next_due += interval;
                    let bytes = running.bytes(kind, due);
                    self.socket.push(&bytes, due);
                    self.fed += records;
                }
                continue;
            }
            let late = now > running.next_due + LOCKSTEP_PATIENCE;
            if delivered < running.awaited && !late {
                continue;
            }
            if late {
                self.errors += 1;
            }
            running.awaited = delivered + records * readers;
            running.next_due = now;
            let bytes = running.bytes(kind, now);
            self.socket.push(&bytes, now);
            self.fed += records;
        }
        Ok(())
    }

    /// When `turn` has something to do at the latest, as far as time decides it.
    pub fn next_due(&self) -> Option<Instant> {
        self.feeds
            .iter()
            .filter(|running| running.feed.rate > 0.0)
            .map(|running| running.next_due)
            .min()
    }

    /// Sends what the socket takes and asks to be told when it takes more.
    pub fn flush(&mut self, epoll: &Epoll) -> io::Result<()> {
        let left = self.socket.flush()?;
        if self.kind != SinkKind::Kafka {
            self.socket.due.clear();
        }
        if left != self.watched_for_write {
            self.watched_for_write = left;
            epoll.watch_write(self.socket.stream.as_raw_fd(), TOKEN, left)?;
        }
        Ok(())
    }

    /// Reads the sink's answers. An end of its stream is an error.
    pub fn readable(&mut self) -> io::Result<()> {
        if self.kind == SinkKind::Kafka {
            self.socket.fill()?;
            while let Some(body) = self.socket.take_answer() {
                let (error, _) = produce_answer(body);
                self.socket.due.pop_front();
                self.errors += u64::from(error != 0);
            }
            return Ok(());
        }
        let mut said = [0; 4096];
        match self.socket.stream.read(&mut said) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                if said[..count].windows(6).any(|word| word == b"PING\r\n") {
                    let pong: Rc<[u8]> = b"PONG\r\n".as_slice().into();
                    self.socket.push(&pong, Instant::now());
                }
                self.errors += u64::from(said[..count].windows(4).any(|word| word == b"-ERR"));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}
