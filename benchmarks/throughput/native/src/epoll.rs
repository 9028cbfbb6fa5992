//! The least of epoll that a benchmark needs.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

/// One epoll set with its event buffer.
pub struct Epoll {
    fd: RawFd,
    events: Vec<libc::epoll_event>,
}

/// A ready descriptor: its token, and whether it can be read or written (errors count as both).
#[derive(Clone, Copy)]
pub struct Ready {
    pub token: u64,
    pub readable: bool,
    pub writable: bool,
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

impl Epoll {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Self {
            fd,
            events: vec![libc::epoll_event { events: 0, u64: 0 }; 256],
        })
    }

    fn control(&self, op: libc::c_int, fd: RawFd, token: u64, write: bool) -> io::Result<()> {
        let interest = libc::EPOLLIN | if write { libc::EPOLLOUT } else { 0 };
        let mut event = libc::epoll_event {
            events: interest as u32,
            u64: token,
        };
        // SAFETY: `event` outlives the call.
        check(unsafe { libc::epoll_ctl(self.fd, op, fd, &mut event) }).map(|_| ())
    }

    /// Watches a descriptor for reading.
    pub fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, false)
    }

    /// Watches for writing too, or stops doing so.
    pub fn watch_write(&self, fd: RawFd, token: u64, write: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, write)
    }

    /// Watches a descriptor no longer.
    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, false)
    }

    /// Waits up to `timeout_ms` (-1 = for ever) and gives what is ready.
    pub fn wait(&mut self, timeout_ms: i32, ready: &mut Vec<Ready>) -> io::Result<()> {
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        self.wait_for(timeout, ready)
    }

    /// As `wait`, to the nanosecond; `None` = for ever.
    pub fn wait_for(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        let limit = timeout.map(|time| libc::timespec {
            tv_sec: time.as_secs() as libc::time_t,
            tv_nsec: libc::c_long::from(time.subsec_nanos()),
        });
        let limit_at = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the buffer is ours and its length is passed along; `limit` outlives the call.
        let count = unsafe {
            libc::epoll_pwait2(
                self.fd,
                self.events.as_mut_ptr(),
                self.events.len() as libc::c_int,
                limit_at,
                std::ptr::null(),
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted {
                Ok(())
            } else {
                Err(error)
            };
        }
        const BROKEN: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
        ready.extend(self.events[..count as usize].iter().map(|event| Ready {
            token: event.u64,
            readable: event.events & (libc::EPOLLIN as u32 | BROKEN) != 0,
            writable: event.events & (libc::EPOLLOUT as u32 | BROKEN) != 0,
        }));
        Ok(())
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours.
        unsafe { libc::close(self.fd) };
    }
}
