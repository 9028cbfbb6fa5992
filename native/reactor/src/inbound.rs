//! Reading sockets and cutting frames.
//!
//! ```text
//! slab of this tick:  │frame│frame│frame│ part │◀─ cursor after the last whole frame
//!                                          └── copied to the connection's own small buffer, or, for a
//!                                              frame above 64 KiB, to a dedicated one read into directly
//! ```
//!
//! Bytes are copied only where a read ends in the middle of a frame.

use std::io::IoSliceMut;

use rustix::io::{Errno, readv};
use rustix::net::{RecvFlags, recv};

use crate::buffers::SLAB_BYTES;
use crate::connection::{LargeFrame, Pause};
use crate::options::CloseReason;
use crate::reactor::Reactor;
use crate::rows::EventKind;

/// Frames up to this size are held in memory of their connection while they are incomplete.
const SMALL_FRAME_BYTES: usize = 64 << 10;
/// Most bytes one recv asks for.
const READ_BYTES: usize = 256 << 10;
/// A connection's turn ends after this many bytes; the next turn is the next tick.
const READ_BYTES_PER_TURN: usize = 1 << 20;
/// What a read into a dedicated buffer may take of the frames behind it.
const LOOK_AHEAD_BYTES: usize = 16 << 10;
/// Below this the slab counts as full.
const SLAB_ROOM_MIN_BYTES: usize = 2 * SMALL_FRAME_BYTES + 64;
const PREFIX_BYTES: usize = 4;
/// Length prefix and the four bytes by which large frames are admitted.
const FRAME_START_BYTES: usize = 8;
/// Emptied small buffers kept for the next unfinished frame.
const SPARE_BUFFERS_MAX: usize = 64;

enum Read {
    /// The read was filled: there may be more.
    Filled(usize),
    /// The socket is drained, closed, paused or out of turn.
    Ended,
}

impl Reactor {
    pub(crate) fn read_connection(&mut self, id: u32) {
        self.read_turn(id);
        if let Some(connection) = self.slots.get(id) {
            connection.await_rest_of_frame();
        }
    }

    fn read_turn(&mut self, id: u32) {
        let mut taken = 0;
        while taken < READ_BYTES_PER_TURN {
            let Some(connection) = self.slots.get(id) else {
                return;
            };
            if connection.is_paused() {
                self.disarm_reading(id);
                return;
            }
            // Without rows or a leftover in front, level triggering brings us here again.
            let is_large = connection.large.is_some();
            if connection.has_leftover || self.rows_left() == 0 {
                return;
            }
            let read = if is_large {
                self.read_large(id)
            } else {
                self.read_small(id)
            };
            match read {
                Read::Filled(bytes) => taken += bytes,
                Read::Ended => return,
            }
        }
    }

    fn read_small(&mut self, id: u32) -> Read {
        let (slab, cursor) = self.buffers.slab();
        let Some(connection) = self.slots.get(id) else {
            return Read::Ended;
        };
        let held = connection.partial.len();
        let room = SLAB_BYTES - cursor;
        if room < SLAB_ROOM_MIN_BYTES {
            return Read::Ended;
        }
        // Room for the held bytes is left in front: if they become whole frames, they join there.
        let asked = (room - held).min(READ_BYTES);
        let into = self.buffers.bytes(slab, cursor + held, asked);
        let count = match recv(&connection.socket, into, RecvFlags::empty()) {
            Ok((_, count)) => count,
            Err(errno) => return self.read_failed(id, errno),
        };
        if count == 0 {
            self.close_with(id, CloseReason::Peer);
            return Read::Ended;
        }
        connection.active_at_ms = self.now_ms;
        self.received_total += count as u64;
        if held > 0 {
            let received = self.buffers.bytes(slab, cursor, held + count);
            if let Some(&prefix) = connection.partial.first_chunk::<PREFIX_BYTES>() {
                let total = PREFIX_BYTES + u32::from_be_bytes(prefix) as usize;
                if total <= PREFIX_BYTES + SMALL_FRAME_BYTES && held + count < total {
                    connection.partial.extend_from_slice(&received[held..]);
                    self.inbound_bytes += count as u64;
                    return if count < asked {
                        Read::Ended
                    } else {
                        Read::Filled(count)
                    };
                }
            }
            received[..held].copy_from_slice(&connection.partial);
            self.inbound_bytes -= held as u64;
            let emptied = std::mem::take(&mut connection.partial);
            self.keep_spare(emptied);
        }
        self.cut(id, cursor + held + count, held > 0);
        if count < asked {
            Read::Ended
        } else {
            Read::Filled(count)
        }
    }

    fn read_large(&mut self, id: u32) -> Read {
        if !self.admit_large_read(id) {
            return Read::Ended;
        }
        let (_, cursor) = self.buffers.slab();
        let look_ahead = (SLAB_BYTES - cursor).min(LOOK_AHEAD_BYTES);
        let Some(connection) = self.slots.get(id) else {
            return Read::Ended;
        };
        let Some(large) = &mut connection.large else {
            return Read::Ended;
        };
        let wanted = large.length - large.received;
        let (body, ahead) = self
            .buffers
            .pair((large.buffer, large.received, wanted), look_ahead);
        let mut parts = [IoSliceMut::new(body), IoSliceMut::new(ahead)];
        let count = match readv(&connection.socket, &mut parts) {
            Ok(count) => count,
            Err(errno) => return self.read_failed(id, errno),
        };
        if count == 0 {
            self.close_with(id, CloseReason::Peer);
            return Read::Ended;
        }
        connection.active_at_ms = self.now_ms;
        self.received_total += count as u64;
        let is_filled = count == wanted + look_ahead;
        if count < wanted {
            large.received += count;
            self.inbound_bytes += count as u64;
            return Read::Ended;
        }
        let LargeFrame {
            buffer,
            length,
            received,
        } = *large;
        connection.large = None;
        self.inbound_bytes -= received as u64;
        self.buffers.deliver(buffer, length);
        self.emit_frame(id, buffer, 0, length);
        self.release_budget(id);
        if count > wanted {
            self.cut(id, cursor + (count - wanted), false);
        }
        if is_filled {
            Read::Filled(count)
        } else {
            Read::Ended
        }
    }

    /// Hands out the frames between the slab's cursor and `end`, keeps what follows the last whole
    /// one. `continues`: the first of them had started in an earlier read.
    fn cut(&mut self, id: u32, end: usize, continues: bool) {
        let (slab, start) = self.buffers.slab();
        let mut at = start;
        let mut has_leftover = false;
        while end - at >= PREFIX_BYTES {
            let head = self
                .buffers
                .bytes(slab, at, (end - at).min(FRAME_START_BYTES));
            let length = i32::from_be_bytes([head[0], head[1], head[2], head[3]]);
            let body_start = head
                .get(PREFIX_BYTES..)
                .and_then(|body| body.first_chunk::<4>());
            let body_start = body_start.copied();
            if length < 0 || length as usize > self.options.max_frame_bytes {
                return self.close_with(id, CloseReason::FrameTooLarge);
            }
            let length = length as usize;
            if length < self.options.min_frame_bytes {
                return self.close_with(id, CloseReason::FrameTooSmall);
            }
            if end - at - PREFIX_BYTES < length {
                if let (true, Some(prefix)) = (length > SMALL_FRAME_BYTES, body_start) {
                    self.buffers.advance(at - start);
                    return self.start_large(id, prefix, length, end, continues && at == start);
                }
                break;
            }
            if self.rows_left() == 0 {
                has_leftover = true;
                break;
            }
            if length <= SMALL_FRAME_BYTES {
                self.note_brisk(id);
            }
            self.emit_frame(id, slab, at + PREFIX_BYTES, length);
            at += PREFIX_BYTES + length;
        }
        self.buffers.advance(at - start);
        if at == end {
            return;
        }
        let mut partial = self.spares.pop().unwrap_or_default();
        partial.extend_from_slice(self.buffers.bytes(slab, at, end - at));
        self.inbound_bytes += partial.len() as u64;
        let now_ms = self.now_ms;
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        connection.partial = partial;
        connection.has_leftover = has_leftover;
        if !(continues && at == start) {
            connection.frame_started_at_ms = now_ms;
        }
        if has_leftover {
            self.list(id);
        }
    }

    /// The frame at the slab's cursor goes on in a dedicated buffer.
    fn start_large(
        &mut self,
        id: u32,
        prefix: [u8; 4],
        length: usize,
        end: usize,
        continues: bool,
    ) {
        if !self.options.accepts_prefix(prefix) {
            return self.close_with(id, CloseReason::RefusedPrefix);
        }
        let Ok(buffer) = self.buffers.take(length) else {
            return self.close_with(id, CloseReason::IoError);
        };
        let (_, cursor) = self.buffers.slab();
        let received = end - cursor - PREFIX_BYTES;
        let (body, start) = self.buffers.pair((buffer, 0, received), end - cursor);
        body.copy_from_slice(&start[PREFIX_BYTES..]);
        self.inbound_bytes += received as u64;
        let now_ms = self.now_ms;
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        connection.large = Some(LargeFrame {
            buffer,
            length,
            received,
        });
        if !continues {
            connection.frame_started_at_ms = now_ms;
        }
    }

    /// Whole frames that found no row in an earlier tick.
    pub(crate) fn deliver_leftover(&mut self, id: u32) {
        let (slab, cursor) = self.buffers.slab();
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        if !connection.has_leftover || connection.is_paused() {
            return;
        }
        let length = connection.partial.len();
        if SLAB_BYTES - cursor < length {
            return self.list(id);
        }
        self.buffers
            .bytes(slab, cursor, length)
            .copy_from_slice(&connection.partial);
        connection.has_leftover = false;
        let emptied = std::mem::take(&mut connection.partial);
        self.inbound_bytes -= length as u64;
        self.keep_spare(emptied);
        self.cut(id, cursor + length, false);
    }

    /// Above the budget one large frame at a time goes on; the others wait until there is room.
    fn admit_large_read(&mut self, id: u32) -> bool {
        if self.inbound_bytes < self.options.inbound_budget_bytes || self.favoured == Some(id) {
            return true;
        }
        if self.favoured.is_none() {
            self.favoured = Some(id);
            return true;
        }
        self.pause(id, Pause::Budget);
        self.disarm_reading(id);
        self.waiting.push(id);
        false
    }

    /// A large frame of this connection has ended, whole or not.
    pub(crate) fn release_budget(&mut self, id: u32) {
        if self.favoured == Some(id) {
            self.favoured = None;
        }
        let is_roomy = self.inbound_bytes < self.options.inbound_budget_bytes / 4 * 3;
        if self.waiting.is_empty() || !(is_roomy || self.favoured.is_none()) {
            return;
        }
        for id in std::mem::take(&mut self.waiting) {
            self.unpause(id, Pause::Budget);
        }
    }

    /// A small frame: whoever sends it may be waiting for the answer, unless it reads in bulk.
    fn note_brisk(&mut self, id: u32) {
        let now_ms = self.now_ms;
        if let Some(connection) = self.slots.get(id)
            && !std::mem::take(&mut connection.is_bulky)
        {
            self.brisk = Some((now_ms, id));
        }
    }

    fn emit_frame(&mut self, id: u32, buffer: u32, offset: usize, length: usize) {
        self.frames_total += 1;
        self.emit([
            EventKind::Frame as u8 as f64,
            id as f64,
            buffer as f64,
            offset as f64,
            length as f64,
        ]);
    }

    pub(crate) fn keep_spare(&mut self, mut emptied: Vec<u8>) {
        let capacity = emptied.capacity();
        if capacity > 0
            && capacity <= 2 * SMALL_FRAME_BYTES
            && self.spares.len() < SPARE_BUFFERS_MAX
        {
            emptied.clear();
            self.spares.push(emptied);
        }
    }

    fn read_failed(&mut self, id: u32, errno: Errno) -> Read {
        match errno {
            Errno::AGAIN | Errno::INTR => {}
            Errno::CONNRESET => self.close_with(id, CloseReason::Peer),
            _ => self.close_with(id, CloseReason::IoError),
        }
        Read::Ended
    }
}
