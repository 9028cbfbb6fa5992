//! A reactor with its owner in one struct: tests decide in a closure what each frame is answered.

#![allow(
    dead_code,
    unsafe_code,
    clippy::unwrap_used,
    reason = "shared by several test binaries; reads frame memory; a failed call fails the test"
)]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_io::{CompletionQueue, FileRange};
use millrace_reactor::{
    CloseReason, EVENT_STRIDE, EventKind, FileSource, Reactor, ReactorOptions, SEND_STRIDE,
    SendKind,
};

/// File rows name ranges by their log id.
#[derive(Default)]
pub struct Files(pub HashMap<u32, Arc<std::fs::File>>);

impl FileSource for Files {
    fn range(&self, log: u32, _segment: i64, position: u64, length: u64) -> Option<FileRange> {
        Some(FileRange {
            file: Arc::clone(self.0.get(&log)?),
            position,
            length,
        })
    }
}

/// What to do with a frame.
pub enum Reply {
    Bytes(Vec<u8>),
    File {
        log: u32,
        position: u64,
        length: u64,
    },
    Close,
}

pub struct Owner {
    pub reactor: Reactor,
    pub address: SocketAddr,
    pub files: Files,
    pub opened: Vec<u32>,
    pub closed: Vec<(u32, u8)>,
    pub frames: Vec<(u32, Vec<u8>)>,
    /// Keep frames in `frames`.
    pub keeps_frames: bool,
    pub frame_count: usize,
}

impl Owner {
    pub fn new(options: ReactorOptions) -> Self {
        let completions = Arc::new(CompletionQueue::new().unwrap());
        let mut reactor = Reactor::new(options, completions).unwrap();
        let address = reactor.listen("127.0.0.1", 0, 1024).unwrap().address;
        Self {
            reactor,
            address,
            files: Files::default(),
            opened: Vec::new(),
            closed: Vec::new(),
            frames: Vec::new(),
            keeps_frames: true,
            frame_count: 0,
        }
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// One tick; `decide` gives the replies of a frame.
    pub fn tick(&mut self, decide: &mut dyn FnMut(u32, &[u8]) -> Vec<Reply>) {
        let rows = self.reactor.poll();
        let mut staged: Vec<(u32, Reply)> = Vec::new();
        for row in 0..rows {
            let [kind, id, a, b, c, ..] = self.event(row);
            let id = id as u32;
            if kind == f64::from(EventKind::Frame as u8) {
                let mapping = Arc::clone(self.reactor.buffer(a as u32).unwrap());
                // SAFETY: nothing else runs between `poll` and `end_tick`.
                let bytes = unsafe { mapping.bytes(b as usize, c as usize) };
                self.frame_count += 1;
                if self.keeps_frames {
                    self.frames.push((id, bytes.to_vec()));
                }
                staged.extend(decide(id, bytes).into_iter().map(|reply| (id, reply)));
            } else if kind == f64::from(EventKind::Opened as u8) {
                self.opened.push(id);
            } else if kind == f64::from(EventKind::Closed as u8) {
                self.closed.push((id, a as u8));
            }
        }
        self.send(&staged);
        self.reactor.end_tick(false).unwrap();
    }

    fn event(&self, row: usize) -> [f64; EVENT_STRIDE] {
        let table = self.reactor.tables()[0];
        // SAFETY: the row lies in the table and nothing else writes it now.
        unsafe { table.as_ptr().cast::<[f64; EVENT_STRIDE]>().add(row).read() }
    }

    /// Stages and flushes replies.
    pub fn send(&mut self, replies: &[(u32, Reply)]) {
        let [_, sends, out] = self.reactor.tables().map(Arc::clone);
        let (mut rows, mut used) = (0, 0);
        for (id, reply) in replies {
            let id = f64::from(*id);
            if let Reply::Bytes(bytes) = reply
                && used + bytes.len() > out.len()
            {
                self.reactor.flush(rows, &self.files);
                (rows, used) = (0, 0);
            }
            let row: [f64; SEND_STRIDE] = match reply {
                Reply::Bytes(bytes) if bytes.len() > out.len() => {
                    self.reactor.flush(rows, &self.files);
                    (rows, used) = (0, 0);
                    self.reactor.send_owned(id as u32, bytes);
                    continue;
                }
                Reply::Bytes(bytes) => {
                    // SAFETY: in bounds (checked above), nothing else uses `out` now.
                    unsafe { out.bytes(used, bytes.len()) }.copy_from_slice(bytes);
                    let row = [
                        id,
                        f64::from(SendKind::Bytes as u8),
                        used as f64,
                        bytes.len() as f64,
                    ];
                    used += bytes.len();
                    [row[0], row[1], row[2], row[3], 0.0, 0.0]
                }
                Reply::File {
                    log,
                    position,
                    length,
                } => [
                    id,
                    f64::from(SendKind::File as u8),
                    f64::from(*log),
                    0.0,
                    *position as f64,
                    *length as f64,
                ],
                Reply::Close => [
                    id,
                    f64::from(SendKind::CloseAfter as u8),
                    0.0,
                    0.0,
                    0.0,
                    0.0,
                ],
            };
            // SAFETY: fewer rows than the table has.
            unsafe {
                sends
                    .as_ptr()
                    .cast::<[f64; SEND_STRIDE]>()
                    .add(rows)
                    .write(row)
            };
            rows += 1;
        }
        self.reactor.flush(rows, &self.files);
    }

    /// Ticks until `done`, or fails after ten seconds.
    pub fn until(
        &mut self,
        mut decide: impl FnMut(u32, &[u8]) -> Vec<Reply>,
        mut done: impl FnMut(&mut Self) -> bool,
    ) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !done(self) {
            assert!(Instant::now() < deadline, "took too long");
            self.tick(&mut decide);
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    pub fn until_closed(&mut self, reason: CloseReason) {
        let closed_before = self.closed.len();
        self.until(
            |_, _| Vec::new(),
            |owner| owner.closed.len() > closed_before,
        );
        assert_eq!(self.closed[closed_before].1, reason as u8);
    }
}

/// A frame with its length prefix.
pub fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// Answers every frame with itself.
pub fn echo(_id: u32, body: &[u8]) -> Vec<Reply> {
    vec![Reply::Bytes(frame(body))]
}

pub fn read_frame(client: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    client.read_exact(&mut length).unwrap();
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    client.read_exact(&mut body).unwrap();
    body
}

pub fn write_all(client: &mut TcpStream, bytes: &[u8]) {
    client.write_all(bytes).unwrap();
}

/// A small generator of repeatable chance.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}

/// Memory of this process that is really there.
pub fn resident_bytes() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<i64>().unwrap() * 4096
}
