//! Binding and accepting.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;

use millrace_io::{EngineError, ErrorCode, Result};
use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, acceptfrom_with, bind, getsockname, listen,
    socket_with, sockopt,
};

use crate::connection::Connection;
use crate::info::ConnectionInfo;
use crate::options::CloseReason;
use crate::reactor::{Reactor, Token};
use crate::rows::EventKind;
use crate::slots::SLOT_COUNT_MAX;

/// Connections accepted from one listener per tick; the rest wait for the next.
const ACCEPTS_PER_TICK: usize = 128;

/// A bound listener.
#[derive(Clone, Debug)]
pub struct ListenerInfo {
    /// Its number.
    pub listener_id: u32,
    /// The bound address.
    pub address: SocketAddr,
}

#[derive(Debug)]
pub(crate) struct Listener {
    socket: OwnedFd,
    is_accepting: bool,
}

impl Reactor {
    /// Binds exclusively: no SO_REUSEPORT. An empty host binds every address, IPv6 and IPv4 on one
    /// socket where the machine has IPv6. Port 0 takes any free one.
    pub fn listen(&mut self, host: &str, port: u16, backlog: i32) -> Result<ListenerInfo> {
        let socket = match host {
            "" => match bind_one(SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port))) {
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    bind_one(SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, port)))
                }
                other => other,
            },
            host => bind_first(host, port),
        };
        let shown = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let address = format!("{shown}:{port}");
        let socket = socket.map_err(|error| bind_error(&address, &error))?;
        let add = || -> io::Result<SocketAddr> {
            listen(&socket, backlog)?;
            SocketAddr::try_from(getsockname(&socket)?).map_err(io::Error::from)
        };
        let bound = add().map_err(|error| bind_error(&address, &error))?;
        let listener_id = self.listeners.len() as u32;
        epoll::add(
            &self.epoll,
            &socket,
            Token::Listener(listener_id).data(),
            EventFlags::IN,
        )
        .map_err(|errno| EngineError::io("epoll_ctl", &errno.into()))?;
        self.listeners.push(Some(Listener {
            socket,
            is_accepting: true,
        }));
        Ok(ListenerInfo {
            listener_id,
            address: bound,
        })
    }

    /// Stops listening; connections stay.
    pub fn close_listener(&mut self, listener_id: u32) {
        if let Some(slot) = self.listeners.get_mut(listener_id as usize) {
            *slot = None;
        }
    }

    pub(crate) fn accept(&mut self, listener_id: u32) {
        for _ in 0..ACCEPTS_PER_TICK {
            if self.rows_left() == 0 {
                return;
            }
            let Some(Some(listener)) = self.listeners.get(listener_id as usize) else {
                return;
            };
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            match acceptfrom_with(&listener.socket, flags) {
                Ok((socket, remote)) => {
                    let remote = remote.and_then(|address| SocketAddr::try_from(address).ok());
                    if let Some(remote) = remote {
                        self.admit(socket, remote, listener_id);
                    }
                }
                Err(Errno::AGAIN) => return,
                // The peer was gone before it was accepted.
                Err(Errno::CONNABORTED | Errno::INTR | Errno::PROTO) => {}
                // Out of descriptors or memory: leave them in the backlog and serve who is there.
                Err(_) => {
                    self.stop_accepting(listener_id);
                    return;
                }
            }
        }
    }

    fn admit(&mut self, socket: OwnedFd, remote: SocketAddr, listener_id: u32) {
        let address = remote.ip().to_canonical();
        let of_address = self.address_counts.get(&address).copied().unwrap_or(0);
        let options = &self.options;
        if self.slots.count() >= options.max_connections.min(SLOT_COUNT_MAX)
            || of_address >= options.max_connections_per_address
        {
            self.refused_total += 1;
            return;
        }
        // A socket that refuses an option is still served.
        let _ = sockopt::set_tcp_nodelay(&socket, true);
        let _ = sockopt::set_socket_keepalive(&socket, true);
        if let Some(bytes) = options.send_buffer_bytes {
            let _ = sockopt::set_socket_send_buffer_size(&socket, bytes);
        }
        if let Some(bytes) = options.receive_buffer_bytes {
            let _ = sockopt::set_socket_recv_buffer_size(&socket, bytes);
        }
        let local = getsockname(&socket)
            .ok()
            .and_then(|local| SocketAddr::try_from(local).ok());
        let info = ConnectionInfo {
            remote,
            local: local.unwrap_or(remote),
        };
        let now_ms = self.now_ms;
        let id = self
            .slots
            .insert(|id| Box::new(Connection::new(id, socket, info, now_ms)));
        self.address_counts.insert(address, of_address + 1);
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        let data = Token::Connection(id).data();
        let added = epoll::add(&self.epoll, &connection.socket, data, EventFlags::IN);
        self.emit([
            EventKind::Opened as u8 as f64,
            id as f64,
            listener_id as f64,
        ]);
        if added.is_err() {
            self.close_with(id, CloseReason::IoError);
        }
    }

    fn stop_accepting(&mut self, listener_id: u32) {
        if let Some(Some(listener)) = self.listeners.get_mut(listener_id as usize) {
            listener.is_accepting = false;
            let _ = epoll::delete(&self.epoll, &listener.socket);
        }
        self.has_stopped_listeners = true;
    }

    /// A descriptor may be free again.
    pub(crate) fn resume_accepting(&mut self) {
        if !std::mem::take(&mut self.has_stopped_listeners) {
            return;
        }
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            let Some(listener) = listener else { continue };
            if listener.is_accepting {
                continue;
            }
            let data = Token::Listener(index as u32).data();
            if epoll::add(&self.epoll, &listener.socket, data, EventFlags::IN).is_ok() {
                listener.is_accepting = true;
            } else {
                self.has_stopped_listeners = true;
            }
        }
    }

    pub(crate) fn forget_address(&mut self, address: IpAddr) {
        if let Some(count) = self.address_counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.address_counts.remove(&address);
            }
        }
    }
}

fn bind_first(host: &str, port: u16) -> io::Result<OwnedFd> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let mut addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    // As Kafka's JVM does by default: `localhost` is 127.0.0.1.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    for address in addresses {
        match bind_one(address) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_one(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() {
        AddressFamily::INET6
    } else {
        AddressFamily::INET
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    // Only lets go of ports in TIME_WAIT; on Linux two listeners still exclude each other.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, !address.ip().is_unspecified())?;
    }
    bind(&socket, &address)?;
    Ok(socket)
}

fn bind_error(address: &str, error: &io::Error) -> EngineError {
    let code = match error.kind() {
        io::ErrorKind::AddrInUse => ErrorCode::AddressInUse,
        _ => ErrorCode::AddressUnavailable,
    };
    EngineError::new(code, format!("listen on {address}: {error}"))
}
