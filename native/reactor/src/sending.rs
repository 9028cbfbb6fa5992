//! Sending what is queued: when a socket takes more, when a turn comes round again, when a cold file
//! range has been read.

use std::io::IoSlice;

use millrace_io::resident;
use rustix::fs::sendfile;
use rustix::io::Errno;

use crate::connection::{Pause, Piece};
use crate::options::CloseReason;
use crate::outbound::{SLICES_PER_SEND, Sent, send_slices};
use crate::reactor::Reactor;

/// A connection's turn of sendfile ends here, so that replaying a large log delays nobody else by
/// more than some tens of microseconds.
pub(crate) const FILE_BYTES_PER_TURN: u64 = 256 << 10;
/// And here while others ask for small things: they wait for half a turn on average. Always, it would
/// cost a reader in bulk a quarter of CPU time more a byte.
const FILE_BYTES_PER_SHORT_TURN: u64 = 64 << 10;
/// How long others count after their last small frame.
const BRISK_MS: u64 = 20;

impl Reactor {
    /// Sends what is queued until the socket is full, the turn is over, or the disk must be read.
    pub(crate) fn drive(&mut self, id: u32) {
        let mut turn_bytes = self.file_turn_bytes(id);
        while let Some(connection) = self.slots.get(id) {
            if connection.is_blocked || connection.is_warming {
                break;
            }
            let sent = match connection.queue.front() {
                None => break,
                Some(Piece::Close) => return self.close_with(id, CloseReason::Local),
                Some(Piece::Bytes { .. }) => self.drive_bytes(id),
                Some(Piece::File(_)) if turn_bytes == 0 => {
                    self.list(id);
                    break;
                }
                Some(Piece::File(_)) => self.drive_file(id, &mut turn_bytes),
            };
            match sent {
                Sent::All => {}
                Sent::Some(_) => self.set_blocked(id),
                Sent::Failed => return self.close_with(id, CloseReason::Peer),
            }
        }
        self.settle(id);
    }

    fn file_turn_bytes(&self, id: u32) -> u64 {
        match self.brisk {
            Some((at_ms, other)) if other != id && self.now_ms - at_ms <= BRISK_MS => {
                FILE_BYTES_PER_SHORT_TURN
            }
            _ => FILE_BYTES_PER_TURN,
        }
    }

    fn drive_bytes(&mut self, id: u32) -> Sent {
        let Some(connection) = self.slots.get(id) else {
            return Sent::All;
        };
        let mut slices = [IoSlice::new(&[]); SLICES_PER_SEND];
        let (mut count, mut total, mut more) = (0, 0, false);
        for piece in &connection.queue {
            match piece {
                Piece::Bytes { bytes, sent } if count < SLICES_PER_SEND => {
                    slices[count] = IoSlice::new(&bytes[*sent..]);
                    total += bytes.len() - sent;
                    count += 1;
                }
                other => {
                    more = !matches!(other, Piece::Close);
                    break;
                }
            }
        }
        let sent = send_slices(&connection.socket, &slices[..count], total, more);
        let bytes = match sent {
            Sent::All => total,
            Sent::Some(bytes) => bytes,
            Sent::Failed => return sent,
        };
        connection.queued_memory -= bytes as u64;
        self.queued_memory -= bytes as u64;
        let mut left = bytes;
        while left > 0 {
            let Some(Piece::Bytes { bytes, sent }) = connection.queue.front_mut() else {
                break;
            };
            let step = left.min(bytes.len() - *sent);
            *sent += step;
            left -= step;
            if *sent == bytes.len() {
                connection.queue.pop_front();
            }
        }
        self.account_sent(id, bytes as u64);
        sent
    }

    fn drive_file(&mut self, id: u32, turn_bytes: &mut u64) -> Sent {
        let Some(connection) = self.slots.get(id) else {
            return Sent::All;
        };
        let Some(Piece::File(range)) = connection.queue.front_mut() else {
            return Sent::All;
        };
        let length = range.length.min(*turn_bytes);
        if connection.resident_bytes < length {
            let ahead = range.length.min(FILE_BYTES_PER_TURN);
            // An error of the probe counts as "in memory": sendfile reports it properly.
            if !resident(&range.file, range.position, ahead).unwrap_or(true) {
                connection.is_warming = true;
                self.warmer.warm(id, range.clone());
                return Sent::All;
            }
            connection.resident_bytes = ahead;
        }
        let mut position = range.position;
        match sendfile(
            &connection.socket,
            &range.file,
            Some(&mut position),
            length as usize,
        ) {
            // The file was cut behind our back: what the head promised cannot be sent.
            Ok(0) => {
                self.close_with(id, CloseReason::IoError);
                Sent::All
            }
            Ok(count) => {
                range.position += count as u64;
                range.length -= count as u64;
                connection.resident_bytes = connection.resident_bytes.saturating_sub(count as u64);
                if range.length == 0 {
                    connection.resident_bytes = 0;
                    connection.queue.pop_front();
                }
                *turn_bytes -= count as u64;
                self.account_sent(id, count as u64);
                Sent::All
            }
            Err(Errno::INTR) => Sent::All,
            Err(Errno::AGAIN) => {
                // By the time the peer takes more, it may have left the memory.
                connection.resident_bytes = 0;
                Sent::Some(0)
            }
            Err(_) => Sent::Failed,
        }
    }

    fn account_sent(&mut self, id: u32, bytes: u64) {
        let now_ms = self.now_ms;
        if let Some(connection) = self.slots.get(id) {
            connection.queued_bytes -= bytes;
            if bytes > 0 {
                connection.active_at_ms = now_ms;
                connection.send_progress_at_ms = now_ms;
            }
        }
        self.queued_bytes -= bytes;
        self.sent_total += bytes;
    }

    /// Brings the registration of the socket in line with what is queued.
    fn settle(&mut self, id: u32) {
        let max = self.options.max_queued_send_bytes;
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        let is_blocked = connection.is_blocked;
        let queued = connection.queued_bytes;
        connection.is_bulky |= queued > 0;
        let is_paused = connection.pauses & Pause::SendQueue as u8 != 0;
        self.arm_writing(id, is_blocked);
        if queued > max && !is_paused {
            self.pause(id, Pause::SendQueue);
        } else if is_paused && queued <= max / 2 {
            self.unpause(id, Pause::SendQueue);
        }
    }
}
