//! Sending replies: writev and sendfile at once, what the socket does not take is queued here.

use std::io::IoSlice;

use millrace_io::FileRange;
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};

use crate::connection::Piece;
use crate::options::CloseReason;
use crate::reactor::Reactor;
use crate::rows::{SEND_STRIDE, SendKind};

pub(crate) const SLICES_PER_SEND: usize = 16;
/// Unsent answers of all connections, as far as they lie in memory. Above it whoever holds most of them is
/// closed: a request of some bytes can ask for megabytes, and peers that never read must not end the
/// process.
const QUEUED_MEMORY_MAX: u64 = 256 << 20;

/// Where the ranges named by `File` rows come from.
pub trait FileSource {
    /// The range, or `None` when the log or segment is gone.
    fn range(
        &self,
        log_id: u32,
        segment_base: i64,
        position: u64,
        length: u64,
    ) -> Option<FileRange>;
}

/// How a turn of sending ended.
pub(crate) enum Sent {
    All,
    /// So many bytes, and the socket takes no more.
    Some(usize),
    Failed,
}

impl Reactor {
    /// Hands `row_count` send rows to the sockets. `out` is free again afterwards.
    pub fn flush(&mut self, row_count: usize, files: &dyn FileSource) {
        let row_count = row_count.min(self.sends.capacity());
        self.next_rows.clear();
        self.next_rows.resize(row_count, 0);
        let mut touched = std::mem::take(&mut self.touched);
        for row in 0..row_count {
            let [id] = self.sends.read::<1>(row);
            let Some(connection) = self.slots.get(id as u32) else {
                continue;
            };
            if connection.first_row == 0 {
                connection.first_row = row as u32 + 1;
                touched.push(connection.id);
            } else {
                self.next_rows[connection.last_row as usize - 1] = row as u32 + 1;
            }
            connection.last_row = row as u32 + 1;
        }
        for id in touched.drain(..) {
            self.send_rows(id, files);
        }
        self.touched = touched;
        self.shed();
        self.kick_when_outside();
    }

    /// Sends or queues bytes that do not lie in `out`, after all rows flushed before.
    pub fn send_owned(&mut self, id: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.queue(
                id,
                Piece::Bytes {
                    bytes: bytes.into(),
                    sent: 0,
                },
            );
            self.drive(id);
            self.shed();
        }
        self.kick_when_outside();
    }

    fn send_rows(&mut self, id: u32, files: &dyn FileSource) {
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        let mut row = std::mem::take(&mut connection.first_row);
        let mut is_direct = connection.queue.is_empty();
        while row != 0 {
            let (ranges, count, next) = self.collect_ranges(row);
            row = next;
            let next_kind = if row == 0 { 0 } else { self.kind_of(row) };
            if count > 0 {
                let ranges = &ranges[..count];
                let sent = if is_direct {
                    self.send_ranges(id, ranges, next_kind == SendKind::File as u8)
                } else {
                    Sent::Some(0)
                };
                match sent {
                    Sent::All => {}
                    Sent::Some(bytes) => {
                        self.queue_ranges(id, ranges, bytes);
                        if is_direct {
                            self.set_blocked(id);
                            is_direct = false;
                        }
                    }
                    Sent::Failed => return self.close_with(id, CloseReason::Peer),
                }
            } else {
                is_direct = false;
                if !self.queue_row(id, row, files) {
                    return;
                }
                row = self.next_rows[row as usize - 1];
            }
        }
        self.drive(id);
    }

    fn kind_of(&self, row: u32) -> u8 {
        self.sends.read::<2>(row as usize - 1)[1] as u8
    }

    /// Byte ranges of `out` from this row on, merged where they touch; how many; the row after.
    fn collect_ranges(&self, mut row: u32) -> ([(usize, usize); SLICES_PER_SEND], usize, u32) {
        let mut ranges = [(0, 0); SLICES_PER_SEND];
        let mut count = 0;
        while row != 0 {
            let [_, kind, offset, length] = self.sends.read::<4>(row as usize - 1);
            if kind as u8 != SendKind::Bytes as u8 {
                break;
            }
            let (start, end) = (offset as usize, offset as usize + length as usize);
            if count > 0 && ranges[count - 1].1 == start {
                ranges[count - 1].1 = end;
            } else if count < SLICES_PER_SEND {
                ranges[count] = (start, end);
                count += 1;
            } else {
                break;
            }
            row = self.next_rows[row as usize - 1];
        }
        (ranges, count, row)
    }

    fn out_bytes(&self, (start, end): (usize, usize)) -> &[u8] {
        // SAFETY: JavaScript does not run during a flush and nothing here writes to `out`.
        #[allow(unsafe_code, reason = "memory shared with JavaScript")]
        unsafe {
            self.out.bytes(start, end - start)
        }
    }

    fn send_ranges(&mut self, id: u32, ranges: &[(usize, usize)], more: bool) -> Sent {
        let mut slices = [IoSlice::new(&[]); SLICES_PER_SEND];
        let mut total = 0;
        for (slice, &range) in slices.iter_mut().zip(ranges) {
            // SAFETY: as in `out_bytes`; spelled out because `slots` is borrowed mutably below.
            #[allow(unsafe_code, reason = "memory shared with JavaScript")]
            let bytes = unsafe { self.out.bytes(range.0, range.1 - range.0) };
            total += bytes.len();
            *slice = IoSlice::new(bytes);
        }
        let Some(connection) = self.slots.get(id) else {
            return Sent::All;
        };
        let sent = send_slices(&connection.socket, &slices[..ranges.len()], total, more);
        if let Sent::All | Sent::Some(1..) = sent {
            connection.active_at_ms = self.now_ms;
            connection.send_progress_at_ms = self.now_ms;
        }
        self.sent_total += match sent {
            Sent::All => total as u64,
            Sent::Some(bytes) => bytes as u64,
            Sent::Failed => 0,
        };
        sent
    }

    fn queue_ranges(&mut self, id: u32, ranges: &[(usize, usize)], mut skip: usize) {
        let left: usize = ranges.iter().map(|range| range.1 - range.0).sum::<usize>() - skip;
        let mut bytes = Vec::with_capacity(left);
        for &range in ranges {
            let part = self.out_bytes(range);
            let skipped = skip.min(part.len());
            bytes.extend_from_slice(&part[skipped..]);
            skip -= skipped;
        }
        self.queue(
            id,
            Piece::Bytes {
                bytes: bytes.into_boxed_slice(),
                sent: 0,
            },
        );
    }

    /// Queues a file or close row. False when the connection had to be closed.
    fn queue_row(&mut self, id: u32, row: u32, files: &dyn FileSource) -> bool {
        let [_, kind, a, b, c, d] = self.sends.read::<SEND_STRIDE>(row as usize - 1);
        if kind as u8 != SendKind::File as u8 {
            self.queue(id, Piece::Close);
            return true;
        }
        match files.range(a as u32, b as i64, c as u64, d as u64) {
            Some(range) => self.queue(id, Piece::File(range)),
            // The head that promised these bytes may be gone already: nothing else can follow it.
            None => {
                self.close_with(id, CloseReason::IoError);
                return false;
            }
        }
        true
    }

    fn queue(&mut self, id: u32, piece: Piece) {
        let now_ms = self.now_ms;
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        if connection.queue.is_empty() {
            connection.send_progress_at_ms = now_ms;
        }
        let length = piece.length();
        if matches!(piece, Piece::Bytes { .. }) {
            connection.queued_memory += length;
            self.queued_memory += length;
        }
        connection.queued_bytes += length;
        connection.queue.push_back(piece);
        self.queued_bytes += length;
    }

    /// Closes the largest holders of unsent answers until the rest is bearable.
    fn shed(&mut self) {
        while self.queued_memory > QUEUED_MEMORY_MAX {
            let mut largest = (0, 0);
            for slot in 0..self.slots.capacity() {
                if let Some(connection) = self.slots.at(slot) {
                    largest = largest.max((connection.queued_memory, connection.id));
                }
            }
            self.close_with(largest.1, CloseReason::SendBudget);
        }
    }

    /// Answer bytes that a connection has not taken yet.
    pub fn unsent_bytes(&mut self, id: u32) -> u64 {
        self.slots
            .get(id)
            .map_or(0, |connection| connection.queued_bytes)
    }

    pub(crate) fn set_blocked(&mut self, id: u32) {
        if let Some(connection) = self.slots.get(id) {
            connection.is_blocked = true;
        }
        self.arm_writing(id, true);
    }
}

pub(crate) fn send_slices(
    socket: &std::os::fd::OwnedFd,
    slices: &[IoSlice<'_>],
    total: usize,
    more: bool,
) -> Sent {
    let flags = if more {
        SendFlags::NOSIGNAL | SendFlags::MORE
    } else {
        SendFlags::NOSIGNAL
    };
    loop {
        let result = match slices {
            [single] => send(socket, single, flags),
            several => sendmsg(socket, several, &mut SendAncillaryBuffer::default(), flags),
        };
        return match result {
            Ok(count) if count == total => Sent::All,
            Ok(count) => Sent::Some(count),
            Err(Errno::AGAIN) => Sent::Some(0),
            Err(Errno::INTR) => continue,
            Err(_) => Sent::Failed,
        };
    }
}
