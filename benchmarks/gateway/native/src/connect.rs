//! Sockets that leave from many addresses of 127.0.0.0/8.

use std::io;
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Connections that share one source address.
const PER_ADDRESS: usize = 100;

/// Lets this process hold as many descriptors as the system allows.
pub fn raise_descriptor_limit() {
    // SAFETY: the structure is ours and outlives both calls.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn set_option(
    fd: libc::c_int,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `value` outlives the call and its size is passed along.
    check(unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), length) })
        .map(|_| ())
}

fn socket_address(address: u32, port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr {
            s_addr: address.to_be(),
        },
        sin_zero: [0; 8],
    }
}

/// Begins to connect client `index` to `target`; the socket is writable once it stands.
pub fn connect(target: SocketAddrV4, index: usize) -> io::Result<TcpStream> {
    let group = (index / PER_ADDRESS) as u32;
    let source = (127 << 24) | (1 << 16) | ((group / 250) << 8) | (1 + group % 250);
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers are passed; the descriptor is new and owned from here on.
    let owned = unsafe { OwnedFd::from_raw_fd(check(libc::socket(libc::AF_INET, kind, 0))?) };
    let fd = owned.as_raw_fd();
    set_option(fd, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)?;
    set_option(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
    let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    let from = socket_address(source, 0);
    let to = socket_address(u32::from(*target.ip()), target.port());
    // SAFETY: both addresses outlive the calls and their sizes are passed along.
    check(unsafe { libc::bind(fd, (&raw const from).cast(), length) })?;
    match check(unsafe { libc::connect(fd, (&raw const to).cast(), length) }) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(TcpStream::from(owned)),
    }
}

/// Closes without a trace: thousands of ended connections must not wait in TIME_WAIT for the next run.
pub fn abandon(stream: TcpStream) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let length = size_of::<libc::linger>() as libc::socklen_t;
    // SAFETY: `linger` outlives the call. Failure leaves an ordinary close.
    unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            length,
        );
    }
}
