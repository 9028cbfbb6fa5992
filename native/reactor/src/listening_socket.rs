//! Options for listening sockets that somebody else of this process opened: a WebSocket library that
//! shows no descriptor. Linux hands a listening socket's options on to what it accepts.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use millrace_io::{EngineError, ErrorCode, Result};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{getsockname, listen, sockopt};

/// Descriptors of this process.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Ports and the listening descriptors that were found at them last: a process with thousands of
/// connections is not looked through again and again.
static FOUND: Mutex<Vec<(u16, RawFd)>> = Mutex::new(Vec::new());

/// What accepted sockets shall inherit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedSocketOptions {
    /// `TCP_NOTSENT_LOWAT`: the kernel takes no more than about this many bytes that it cannot send yet.
    pub notsent_lowat_bytes: u32,
    /// `TCP_USER_TIMEOUT`: a connection whose data stays unacknowledged this long is closed. 0: the
    /// system's default.
    pub user_timeout_ms: u32,
}

/// Lets no more than `backlog` connections wait to be accepted on every listening TCP socket of this
/// process at `port`, and gives the number of these sockets, at least one. The kernel lets further
/// clients try again; those that wait already stay. It caps the number by `net.core.somaxconn`.
/// Sockets that the last look at this port found, and that still listen there, are not looked for again.
///
/// # Errors
/// As [`set_accepted_socket_options`].
pub fn set_listen_backlog(port: u16, backlog: u16) -> Result<usize> {
    let known: Vec<RawFd> = FOUND
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
        .filter(|&&(at, _)| at == port)
        .map(|&(_, descriptor)| descriptor)
        .collect();
    // On a socket that listens already, this changes the length of its queue and nothing else.
    let change = |socket: &OwnedFd| {
        listen(socket, i32::from(backlog)).map_err(|error| ("the backlog", error))
    };
    match for_each_listener(port, &known, change) {
        Err(error) if error.code() == ErrorCode::UnknownHandle => {
            for_each_listener(port, &descriptors()?, change)
        }
        done => done,
    }
}

/// Sets the options on every listening TCP socket of this process at `port`, and gives their number,
/// at least one. Connections accepted before keep what they had.
///
/// # Errors
/// `UnknownHandle` when no such socket is there, `SocketOption` when the system refuses an option or
/// does not show the process its descriptors.
pub fn set_accepted_socket_options(port: u16, options: &AcceptedSocketOptions) -> Result<usize> {
    for_each_listener(port, &descriptors()?, |socket| set(socket, options))
}

/// Changes every listening socket at `port` among these descriptors, and remembers which they are. A
/// change that fails says what it is about.
fn for_each_listener(
    port: u16,
    descriptors: &[RawFd],
    change: impl Fn(&OwnedFd) -> std::result::Result<(), (&'static str, Errno)>,
) -> Result<usize> {
    let mut listeners = Vec::new();
    for &descriptor in descriptors {
        let Some(socket) = listener_at(descriptor, port) else {
            continue;
        };
        change(&socket).map_err(|(name, error)| {
            let message = format!("{name} on the listening socket at port {port}: {error}");
            EngineError::new(ErrorCode::SocketOption, message)
        })?;
        listeners.push((port, descriptor));
    }
    if listeners.is_empty() {
        let message = format!("this process has no listening TCP socket at port {port}");
        return Err(EngineError::new(ErrorCode::UnknownHandle, message));
    }
    let count = listeners.len();
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    found.retain(|&(at, _)| at != port);
    found.extend(listeners);
    Ok(count)
}

fn descriptors() -> Result<Vec<RawFd>> {
    let failed = |error: io::Error| {
        EngineError::new(ErrorCode::SocketOption, format!("{DESCRIPTORS}: {error}"))
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(DESCRIPTORS).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        found.extend(name.to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    Ok(found)
}

/// A second descriptor of the socket, when it is one that listens at `port`: nobody can close this one
/// while it is looked at. Connections at the same port do not listen.
fn listener_at(descriptor: RawFd, port: u16) -> Option<OwnedFd> {
    // SAFETY: the descriptor is used for one call only, which fails when it was closed meanwhile.
    #[allow(unsafe_code, reason = "descriptors that others opened")]
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    // Most are something else: only what fits is duplicated, and asked once more.
    if !listens_at(borrowed, port) {
        return None;
    }
    let socket = fcntl_dupfd_cloexec(borrowed, 0).ok()?;
    listens_at(&socket, port).then_some(socket)
}

fn listens_at(socket: impl AsFd, port: u16) -> bool {
    sockopt::socket_acceptconn(&socket).unwrap_or(false)
        && getsockname(&socket)
            .ok()
            .and_then(|address| SocketAddr::try_from(address).ok())
            .is_some_and(|address| address.port() == port)
}

fn set(
    socket: &OwnedFd,
    options: &AcceptedSocketOptions,
) -> std::result::Result<(), (&'static str, Errno)> {
    set_notsent_lowat(socket.as_fd(), options.notsent_lowat_bytes)
        .map_err(|error| ("TCP_NOTSENT_LOWAT", error))?;
    sockopt::set_tcp_user_timeout(socket, options.user_timeout_ms)
        .map_err(|error| ("TCP_USER_TIMEOUT", error))
}

fn set_notsent_lowat(socket: BorrowedFd<'_>, bytes: u32) -> std::result::Result<(), Errno> {
    // SAFETY: the option takes an unsigned int, whose address and size these are.
    #[allow(unsafe_code, reason = "an option that rustix does not know")]
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_NOTSENT_LOWAT,
            (&raw const bytes).cast(),
            size_of::<u32>() as libc::socklen_t,
        )
    };
    if status == 0 {
        Ok(())
    } else {
        Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;

    const OPTIONS: AcceptedSocketOptions = AcceptedSocketOptions {
        notsent_lowat_bytes: 16 << 10,
        user_timeout_ms: 30_000,
    };

    fn notsent_lowat(socket: BorrowedFd<'_>) -> u32 {
        let mut bytes = 0u32;
        let mut size = size_of::<u32>() as libc::socklen_t;
        // SAFETY: the option is an unsigned int, whose address and size these are.
        #[allow(unsafe_code, reason = "an option that rustix does not know")]
        let status = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_NOTSENT_LOWAT,
                (&raw mut bytes).cast(),
                &raw mut size,
            )
        };
        assert_eq!(status, 0);
        bytes
    }

    fn options_of(socket: &impl AsFd) -> AcceptedSocketOptions {
        AcceptedSocketOptions {
            notsent_lowat_bytes: notsent_lowat(socket.as_fd()),
            user_timeout_ms: sockopt::tcp_user_timeout(socket).unwrap(),
        }
    }

    #[test]
    fn what_is_accepted_later_inherits_the_options() {
        for host in ["127.0.0.1", "::1"] {
            let Ok(listener) = TcpListener::bind((host, 0)) else {
                assert_eq!(host, "::1", "only IPv6 may be missing");
                continue;
            };
            let address = listener.local_addr().unwrap();
            let early_client = TcpStream::connect(address).unwrap();
            let early = listener.accept().unwrap().0;
            let before = options_of(&early);
            assert_ne!(before, OPTIONS);
            let count = set_accepted_socket_options(address.port(), &OPTIONS).unwrap();
            assert_eq!(count, 1);
            let _client = TcpStream::connect(address).unwrap();
            assert_eq!(options_of(&listener.accept().unwrap().0), OPTIONS);
            // Connections share the listener's port; they are left alone.
            assert_eq!(options_of(&early), before);
            assert_ne!(options_of(&early_client), OPTIONS);
        }
    }

    #[test]
    fn every_listener_at_the_port_gets_them() {
        let one = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = one.local_addr().unwrap().port();
        let two = TcpListener::bind(("127.0.0.2", port)).unwrap();
        assert_eq!(set_accepted_socket_options(port, &OPTIONS).unwrap(), 2);
        assert_eq!((options_of(&one), options_of(&two)), (OPTIONS, OPTIONS));
    }

    #[test]
    fn no_more_than_the_backlog_wait_to_be_accepted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(set_listen_backlog(address.port(), 1).unwrap(), 1);
        let soon = Duration::from_millis(200);
        // Linux lets one more wait than it was told, and some more while it is busy.
        let clients = [(); 8].map(|()| TcpStream::connect_timeout(&address, soon));
        let refused = clients.iter().flat_map(|client| client.as_ref().err());
        assert!(clients[0].is_ok());
        assert!(
            refused
                .map(io::Error::kind)
                .any(|kind| kind == io::ErrorKind::TimedOut)
        );
        set_listen_backlog(address.port(), 16).unwrap();
        TcpStream::connect(address).unwrap();
    }

    #[test]
    fn a_port_at_which_nobody_listens_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let _accepted = listener.accept().unwrap();
        drop(listener);
        let refused = set_accepted_socket_options(port, &OPTIONS).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::UnknownHandle);
        assert!(refused.message().contains(&port.to_string()));
    }

    #[test]
    fn what_the_system_refuses_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let options = AcceptedSocketOptions {
            user_timeout_ms: u32::MAX,
            ..OPTIONS
        };
        let refused = set_accepted_socket_options(port, &options).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::SocketOption);
        assert!(refused.message().contains("TCP_USER_TIMEOUT"), "{refused}");
    }
}
