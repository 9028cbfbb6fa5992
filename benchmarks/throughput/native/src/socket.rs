//! A nonblocking client connection that sends prebuilt frames and cuts answers.

use crate::frames::read_i32;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Instant;

pub struct Socket {
    pub stream: TcpStream,
    outbound: VecDeque<Rc<[u8]>>,
    sent_of_first: usize,
    inbound: Vec<u8>,
    filled: usize,
    taken: usize,
    /// When each unanswered request was due.
    pub due: VecDeque<Instant>,
    /// The last flush left something unsent.
    pub left: bool,
}

impl Socket {
    pub fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            outbound: VecDeque::new(),
            sent_of_first: 0,
            inbound: vec![0; 1 << 16],
            filled: 0,
            taken: 0,
            due: VecDeque::new(),
            left: false,
        })
    }

    /// Queues a frame; `flush` sends it.
    pub fn push(&mut self, frame: &Rc<[u8]>, due: Instant) {
        self.outbound.push_back(Rc::clone(frame));
        self.due.push_back(due);
    }

    /// Sends what the socket takes; true when something is left.
    pub fn flush(&mut self) -> io::Result<bool> {
        while !self.outbound.is_empty() {
            let mut slices: Vec<IoSlice> = Vec::with_capacity(16);
            for (index, frame) in self.outbound.iter().take(16).enumerate() {
                let from = if index == 0 { self.sent_of_first } else { 0 };
                slices.push(IoSlice::new(&frame[from..]));
            }
            let mut count = match self.stream.write_vectored(&slices) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            };
            while let Some(first) = self.outbound.front() {
                let rest = first.len() - self.sent_of_first;
                if count < rest {
                    self.sent_of_first += count;
                    break;
                }
                count -= rest;
                self.sent_of_first = 0;
                self.outbound.pop_front();
            }
        }
        Ok(false)
    }

    /// Reads once; an end of stream is an error, for a server under test must not close.
    pub fn fill(&mut self) -> io::Result<()> {
        self.inbound.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
        let need = if self.filled >= 4 {
            read_i32(&self.inbound, 0) as usize + 4
        } else {
            0
        };
        if need > self.inbound.len() {
            self.inbound.resize(need + (1 << 16), 0);
        } else if self.inbound.len() - self.filled < 4096 {
            self.inbound.resize(self.inbound.len() * 2, 0);
        }
        match self.stream.read(&mut self.inbound[self.filled..]) {
            Ok(0) => Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "the server closed the connection",
            )),
            Ok(count) => {
                self.filled += count;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next whole answer's body, if it is there.
    pub fn take_answer(&mut self) -> Option<&[u8]> {
        if self.filled - self.taken < 4 {
            return None;
        }
        let length = read_i32(&self.inbound, self.taken) as usize;
        let start = self.taken + 4;
        if self.filled - start < length {
            return None;
        }
        self.taken = start + length;
        Some(&self.inbound[start..start + length])
    }
}

/// One request and its answer on a fresh blocking connection.
pub fn ask(address: &str, frame: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(frame)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body)?;
    Ok(body)
}
