//! What each socket is registered for, and how a connection ends.

use rustix::event::epoll::{self, EventFlags};

use crate::connection::Pause;
use crate::options::CloseReason;
use crate::reactor::{Reactor, Token};
use crate::rows::EventKind;

impl Reactor {
    /// Stops reading; what was handed out stays handed out.
    pub fn pause_reading(&mut self, id: u32) {
        self.pause(id, Pause::Owner);
    }

    /// Reads again, unless another reason stands against it.
    pub fn resume_reading(&mut self, id: u32) {
        self.unpause(id, Pause::Owner);
        self.kick_when_outside();
    }

    /// Closes now; unsent bytes are dropped.
    pub fn close_connection(&mut self, id: u32) {
        self.close_with(id, CloseReason::Local);
        self.kick_when_outside();
    }

    pub(crate) fn pause(&mut self, id: u32, why: Pause) {
        // The socket is taken out of the epoll set only when it has something to read.
        if let Some(connection) = self.slots.get(id) {
            connection.pauses |= why as u8;
        }
    }

    pub(crate) fn unpause(&mut self, id: u32, why: Pause) {
        let now_ms = self.now_ms;
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        if connection.pauses & why as u8 == 0 {
            return;
        }
        connection.pauses &= !(why as u8);
        if connection.is_paused() {
            return;
        }
        connection.frame_started_at_ms = now_ms;
        let has_leftover = connection.has_leftover;
        let interest = connection.interest | EventFlags::IN;
        self.register(id, interest);
        if has_leftover {
            self.list(id);
        }
    }

    pub(crate) fn disarm_reading(&mut self, id: u32) {
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        let interest = connection.interest - EventFlags::IN;
        self.register(id, interest);
    }

    pub(crate) fn arm_writing(&mut self, id: u32, is_armed: bool) {
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        let mut interest = connection.interest;
        interest.set(EventFlags::OUT, is_armed);
        self.register(id, interest);
    }

    fn register(&mut self, id: u32, interest: EventFlags) {
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        if connection.interest == interest {
            return;
        }
        connection.interest = interest;
        let data = Token::Connection(id).data();
        if epoll::modify(&self.epoll, &connection.socket, data, interest).is_err() {
            self.close_with(id, CloseReason::IoError);
        }
    }

    /// Closes the socket, frees what it held and reports it.
    pub(crate) fn close_with(&mut self, id: u32, reason: CloseReason) {
        let Some(connection) = self.slots.remove(id) else {
            return;
        };
        self.inbound_bytes -= connection.inbound_bytes();
        self.queued_bytes -= connection.queued_bytes;
        self.queued_memory -= connection.queued_memory;
        self.forget_address(connection.counted_address);
        if let Some(large) = &connection.large {
            self.buffers.give_back(large.buffer, large.received);
            self.release_budget(id);
        }
        self.departed.push((id, connection.info));
        // Closing the descriptor takes it out of the epoll set.
        drop(connection);
        self.emit([
            EventKind::Closed as u8 as f64,
            id as f64,
            reason as u8 as f64,
        ]);
        self.resume_accepting();
    }
}
