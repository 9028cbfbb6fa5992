//! Bounds of a reactor, as `ReactorOptions` of `packages/engine/src/reactor.ts`.

/// Why a connection ended; the numbers of `CloseReason` in TypeScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseReason {
    /// The peer closed or reset it.
    Peer = 1,
    /// Our side asked for it.
    Local = 2,
    /// A socket or file error.
    IoError = 3,
    /// The declared length is above `max_frame_bytes`, or negative.
    FrameTooLarge = 4,
    /// The declared length is below `min_frame_bytes`.
    FrameTooSmall = 5,
    /// A large frame that does not start as an accepted one.
    RefusedPrefix = 6,
    /// No traffic for `idle_ms`.
    Idle = 7,
    /// A started frame was not complete in time.
    FrameDeadline = 8,
    /// The peer took nothing of an answer in time.
    SendDeadline = 9,
    /// It held the most unsent answers while all of them together were too much.
    SendBudget = 10,
}

/// Frames above 64 KiB may start with this int16, followed by an int16 from `lowest` to `highest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixRange {
    /// The first two bytes.
    pub first: i16,
    /// Smallest second int16.
    pub lowest: i16,
    /// Largest second int16.
    pub highest: i16,
}

/// Bounds of a reactor.
#[derive(Clone, Debug)]
pub struct ReactorOptions {
    /// Largest frame body accepted.
    pub max_frame_bytes: usize,
    /// Smallest frame body accepted.
    pub min_frame_bytes: usize,
    /// Bytes of unfinished frames above which large frames wait for each other.
    pub inbound_budget_bytes: u64,
    /// Unsent bytes above which a connection is not read.
    pub max_queued_send_bytes: u64,
    /// A connection with no traffic for so long is closed.
    pub idle_ms: u64,
    /// A started frame must be complete after so long.
    pub frame_deadline_ms: u64,
    /// A peer that takes nothing of an answer for so long is closed.
    pub send_deadline_ms: u64,
    /// Connections in all.
    pub max_connections: usize,
    /// Connections of one address.
    pub max_connections_per_address: usize,
    /// SO_SNDBUF, `None` leaves the kernel's own.
    pub send_buffer_bytes: Option<usize>,
    /// SO_RCVBUF, `None` leaves the kernel's own.
    pub receive_buffer_bytes: Option<usize>,
    /// How frames above 64 KiB may start; empty accepts all.
    pub accepted_prefixes: Vec<PrefixRange>,
}

impl Default for ReactorOptions {
    fn default() -> Self {
        Self {
            max_frame_bytes: 100 << 20,
            min_frame_bytes: 8,
            inbound_budget_bytes: 256 << 20,
            max_queued_send_bytes: 4 << 20,
            idle_ms: 600_000,
            frame_deadline_ms: 30_000,
            send_deadline_ms: 60_000,
            max_connections: 16_384,
            max_connections_per_address: 16_384,
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            accepted_prefixes: Vec::new(),
        }
    }
}

impl ReactorOptions {
    /// Whether a large frame may start with these four bytes.
    pub(crate) fn accepts_prefix(&self, prefix: [u8; 4]) -> bool {
        let first = i16::from_be_bytes([prefix[0], prefix[1]]);
        let second = i16::from_be_bytes([prefix[2], prefix[3]]);
        self.accepted_prefixes.is_empty()
            || self.accepted_prefixes.iter().any(|range| {
                range.first == first && range.lowest <= second && second <= range.highest
            })
    }
}
