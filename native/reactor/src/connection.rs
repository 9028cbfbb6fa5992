//! One socket: what is half received, what is half sent.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use millrace_io::FileRange;
use rustix::event::epoll::EventFlags;

use crate::info::ConnectionInfo;

/// Why a connection is not read at present; bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Pause {
    /// The owner asked for it.
    Owner = 1,
    /// Too many unsent bytes.
    SendQueue = 2,
    /// The inbound budget is used up.
    Budget = 4,
}

/// A frame that is being received into a dedicated buffer.
#[derive(Debug)]
pub(crate) struct LargeFrame {
    pub(crate) buffer: u32,
    pub(crate) length: usize,
    pub(crate) received: usize,
}

/// Something that still has to be written.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes from `sent` on.
    Bytes { bytes: Box<[u8]>, sent: usize },
    /// The rest of a range of a file.
    File(FileRange),
    /// Everything before is written: close.
    Close,
}

impl Piece {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Bytes { bytes, sent } => (bytes.len() - sent) as u64,
            Self::File(range) => range.length,
            Self::Close => 0,
        }
    }
}

/// State of one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u32,
    pub(crate) socket: OwnedFd,
    pub(crate) info: ConnectionInfo,
    pub(crate) counted_address: IpAddr,
    /// What the socket is registered for in the epoll set.
    pub(crate) interest: EventFlags,
    pub(crate) pauses: u8,
    /// First bytes of a frame (with its length prefix) that has not arrived whole. Holds whole
    /// frames as well when `has_leftover`.
    pub(crate) partial: Vec<u8>,
    pub(crate) has_leftover: bool,
    pub(crate) large: Option<LargeFrame>,
    /// Bytes that must have arrived before the kernel calls the socket readable.
    pub(crate) low_water_bytes: u32,
    pub(crate) queue: VecDeque<Piece>,
    pub(crate) queued_bytes: u64,
    /// The part of it that lies in memory, not in files.
    pub(crate) queued_memory: u64,
    /// The socket takes nothing more for now; EPOLLOUT is armed.
    pub(crate) is_blocked: bool,
    /// A native thread is reading the file range that is next in the queue.
    pub(crate) is_warming: bool,
    /// So many bytes of that range were in memory a moment ago: they are sent without asking again.
    pub(crate) resident_bytes: u64,
    /// A reply since its last frame did not leave at once.
    pub(crate) is_bulky: bool,
    /// Stands in the reactor's list of connections to look at again without an event.
    pub(crate) is_listed: bool,
    pub(crate) active_at_ms: u64,
    pub(crate) frame_started_at_ms: u64,
    pub(crate) send_progress_at_ms: u64,
    /// First and last send row of the flush that is being read, plus one; 0 = none.
    pub(crate) first_row: u32,
    pub(crate) last_row: u32,
}

impl Connection {
    pub(crate) fn new(id: u32, socket: OwnedFd, info: ConnectionInfo, now_ms: u64) -> Self {
        Self {
            id,
            socket,
            info,
            counted_address: info.remote.ip().to_canonical(),
            interest: EventFlags::IN,
            pauses: 0,
            partial: Vec::new(),
            has_leftover: false,
            large: None,
            low_water_bytes: 1,
            queue: VecDeque::new(),
            queued_bytes: 0,
            queued_memory: 0,
            is_blocked: false,
            is_warming: false,
            resident_bytes: 0,
            is_bulky: false,
            is_listed: false,
            active_at_ms: now_ms,
            frame_started_at_ms: now_ms,
            send_progress_at_ms: now_ms,
            first_row: 0,
            last_row: 0,
        }
    }

    /// A frame has started and not ended.
    pub(crate) fn is_mid_frame(&self) -> bool {
        self.large.is_some() || (!self.partial.is_empty() && !self.has_leftover)
    }

    /// Bytes of unfinished frames held.
    pub(crate) fn inbound_bytes(&self) -> u64 {
        (self.partial.len() + self.large.as_ref().map_or(0, |large| large.received)) as u64
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.pauses != 0
    }
}
