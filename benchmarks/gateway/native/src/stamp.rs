//! The moment a record was due, inside its value: eight bytes to find it by, then nanoseconds since the process
//! began, little-endian.

use std::sync::OnceLock;
use std::time::Instant;

pub const MAGIC: &[u8; 8] = b"\x01STAMP\x02\x03";
pub const BYTES: usize = 16;

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

/// Nanoseconds of `moment` since the first use of this clock.
pub fn nanos(moment: Instant) -> u64 {
    moment.saturating_duration_since(epoch()).as_nanos() as u64
}

/// Where the stamp's nanoseconds stand in `bytes`.
pub fn find(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&byte| byte == MAGIC[0]) {
        let start = from + at;
        let rest = bytes.get(start..start + BYTES)?;
        if &rest[..8] == MAGIC {
            return Some(start + 8);
        }
        from = start + 1;
    }
    None
}

/// The first stamp in `bytes`.
pub fn read(bytes: &[u8]) -> Option<u64> {
    let at = find(bytes)?;
    Some(u64::from_le_bytes(bytes[at..at + 8].try_into().ok()?))
}

/// A value of `length` bytes: magic, room for the stamp, then letters.
pub fn value(length: usize) -> Vec<u8> {
    let mut noise = 12345u32;
    let mut out = Vec::with_capacity(length);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[0; 8]);
    while out.len() < length {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.push(b'a' + ((noise >> 24) % 26) as u8);
    }
    out
}
