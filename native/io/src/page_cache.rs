//! Questions to the page cache that never wait for the disk.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;

use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// Reads what is in memory: `Ok(None)` when the first byte would have to come from the disk.
/// May return less than asked for when only a prefix is resident.
pub fn try_read_at(file: &File, into: &mut [u8], position: u64) -> io::Result<Option<usize>> {
    let mut slices = [IoSliceMut::new(into)];
    match preadv2(file, &mut slices, position, ReadWriteFlags::NOWAIT) {
        Ok(count) => Ok(Some(count)),
        Err(Errno::AGAIN) => Ok(None),
        // File systems without RWF_NOWAIT (some overlays, old kernels): read and possibly wait.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            std::os::unix::fs::FileExt::read_at(file, into, position).map(Some)
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Arguments of cachestat(2), Linux 6.5.
#[repr(C)]
struct CacheStatRange {
    offset: u64,
    length: u64,
}

/// Answer of cachestat(2).
#[repr(C)]
#[derive(Default)]
struct CacheStat {
    cached: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

const PAGE_BYTES: u64 = 4096;
const PROBE_STRIDE_BYTES: u64 = 32 * 1024;

/// Whether every page of the range is in the page cache. Ranges past the end of the file count as
/// absent. Uses cachestat(2), or a one-byte probe every 32 KiB where the kernel has none, or where
/// its count is short: Linux 6.18 was seen to count too few pages, for ever, in files that were all
/// in memory.
pub fn resident(file: &File, position: u64, length: u64) -> io::Result<bool> {
    if length == 0 {
        return Ok(true);
    }
    let pages = (position + length - 1) / PAGE_BYTES - position / PAGE_BYTES + 1;
    let range = CacheStatRange {
        offset: position,
        length,
    };
    let mut answer = CacheStat::default();
    // SAFETY: both structures outlive the call and have the layout the kernel documents; the
    // descriptor is open for as long as `file` is borrowed. The number is the same on every
    // architecture.
    #[allow(unsafe_code, reason = "no safe wrapper of cachestat(2) exists")]
    let status =
        unsafe { libc::syscall(451, file.as_raw_fd(), &raw const range, &raw mut answer, 0) };
    if status == 0 {
        return Ok(answer.cached >= pages || probe(file, position, length)?);
    }
    probe(file, position, length)
}

fn probe(file: &File, position: u64, length: u64) -> io::Result<bool> {
    let mut byte = [0u8; 1];
    let last = position + length - 1;
    let mut at = position;
    loop {
        match try_read_at(file, &mut byte, at)? {
            Some(1) => {}
            _ => return Ok(false),
        }
        if at == last {
            return Ok(true);
        }
        at = (at + PROBE_STRIDE_BYTES).min(last);
    }
}

/// Asks the kernel to start reading the range from the disk.
pub fn read_ahead(file: &File, position: u64, length: u64) -> io::Result<()> {
    let Some(length) = std::num::NonZeroU64::new(length) else {
        return Ok(());
    };
    Ok(rustix::fs::fadvise(
        file,
        position,
        Some(length),
        rustix::fs::Advice::WillNeed,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_bytes_are_resident_and_dropped_ones_are_not() {
        let mut file = tempfile::tempfile().unwrap();
        // A kernel short of memory takes even fresh pages away: they are written again.
        let mut is_resident = false;
        for _ in 0..100 {
            io::Seek::rewind(&mut file).unwrap();
            io::Write::write_all(&mut file, &vec![7; 1 << 20]).unwrap();
            is_resident = resident(&file, 5, (1 << 20) - 5).unwrap();
            if is_resident {
                break;
            }
        }
        assert!(is_resident);
        assert!(!resident(&file, 1 << 20, 4096).unwrap());
        assert!(probe(&file, 5, (1 << 20) - 5).unwrap());
        let mut bytes = [0u8; 16];
        assert_eq!(try_read_at(&file, &mut bytes, 100).unwrap(), Some(16));
        file.sync_all().unwrap();
        // Where nothing is ever dropped, as in a tmpfs, neither look sees anything away.
        // A look makes the kernel read, so each is made at what was dropped just before; a page that is being read is
        // not dropped, so that some looks come too early.
        let is_seen_away = |looks_away: &dyn Fn() -> bool| {
            (0..100).any(|_| {
                rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
                let is_away = looks_away();
                std::thread::sleep(std::time::Duration::from_millis(1));
                is_away
            })
        };
        let read_nothing = || {
            let read = try_read_at(&file, &mut [0u8; 16], 0);
            read.unwrap().is_none()
        };
        assert_eq!(
            is_seen_away(&read_nothing),
            is_seen_away(&|| !resident(&file, 0, 4096).unwrap())
        );
    }
}
