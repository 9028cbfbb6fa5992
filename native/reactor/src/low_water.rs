//! How many bytes must have arrived before a socket counts as readable.
//!
//! A frame of a megabyte arrives in some dozen pieces, and each would wake the loop for nothing. While
//! the rest of an unfinished frame is known and large, the kernel is asked to wait for it.

use std::os::fd::{AsRawFd, OwnedFd};

use crate::connection::Connection;

/// Less than this is not worth a system call.
const WORTHWHILE_BYTES: usize = 16 << 10;
/// The kernel's receive buffer must be able to hold it.
const MOST_BYTES: usize = 128 << 10;
const PREFIX_BYTES: usize = 4;

impl Connection {
    /// Asks for readiness when the unfinished frame, or a good part of it, has arrived.
    pub(crate) fn await_rest_of_frame(&mut self) {
        let wanted = match self.missing_bytes() {
            missing if missing < WORTHWHILE_BYTES => 1,
            missing => missing.min(MOST_BYTES) as u32,
        };
        if wanted != self.low_water_bytes && set_low_water(&self.socket, wanted) {
            self.low_water_bytes = wanted;
        }
    }

    /// Bytes until the unfinished frame is whole; 0 when there is none or its length is unknown.
    fn missing_bytes(&self) -> usize {
        if let Some(large) = &self.large {
            return large.length - large.received;
        }
        match self.partial.first_chunk::<PREFIX_BYTES>() {
            Some(&prefix) if !self.has_leftover => {
                let total = PREFIX_BYTES + u32::from_be_bytes(prefix) as usize;
                total.saturating_sub(self.partial.len())
            }
            _ => 0,
        }
    }
}

/// Sets SO_RCVLOWAT (socket(7)); false where the kernel refuses it. End of stream and errors wake anyway.
fn set_low_water(socket: &OwnedFd, bytes: u32) -> bool {
    // SAFETY: the option is an int, which lives as long as the call; the descriptor is open.
    #[allow(unsafe_code, reason = "no safe wrapper of SO_RCVLOWAT exists")]
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            (&raw const bytes).cast(),
            size_of::<u32>() as libc::socklen_t,
        )
    };
    status == 0
}
