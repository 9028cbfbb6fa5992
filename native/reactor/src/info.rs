//! What the owner may ask: addresses and counters.

use std::net::SocketAddr;

use millrace_io::{EngineError, ErrorCode, Result};

use crate::reactor::Reactor;

/// Addresses of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionInfo {
    /// The peer's.
    pub remote: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
}

/// Counters and gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReactorStats {
    /// Open connections.
    pub connection_count: usize,
    /// Bytes of unfinished frames held.
    pub inbound_bytes: u64,
    /// Bytes of replies not yet taken by sockets.
    pub queued_send_bytes: u64,
    /// Bytes received since the start.
    pub received_total: u64,
    /// Bytes sent since the start.
    pub sent_total: u64,
    /// Frames handed out since the start.
    pub frames_total: u64,
    /// Connections refused by the limits since the start.
    pub refused_total: u64,
}

impl Reactor {
    /// Addresses of a connection, until the tick with its `closed` row has ended.
    pub fn connection_info(&mut self, id: u32) -> Result<ConnectionInfo> {
        let unknown = || EngineError::new(ErrorCode::UnknownHandle, format!("connection {id}"));
        if let Some(connection) = self.slots.get(id) {
            return Ok(connection.info);
        }
        let departed = self.departed.iter().find(|departed| departed.0 == id);
        departed.map(|departed| departed.1).ok_or_else(unknown)
    }

    /// Counters and gauges.
    pub fn stats(&self) -> ReactorStats {
        ReactorStats {
            connection_count: self.slots.count(),
            inbound_bytes: self.inbound_bytes,
            queued_send_bytes: self.queued_bytes,
            received_total: self.received_total,
            sent_total: self.sent_total,
            frames_total: self.frames_total,
            refused_total: self.refused_total,
        }
    }
}
