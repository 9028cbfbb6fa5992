//! A: the least one epoll thread can do for a fan-out. It answers the generator's handshake and writes each frame
//! that the feed brings to all its sockets, or to the group it names; a client is in group N when it asked for
//! `/N`. It serves nobody but the generator.
//!
//! usage: bare PORT FEED_PORT

use millrace_bench::epoll::{Epoll, Ready};
use millrace_gateway_bench::connect::raise_descriptor_limit;
use millrace_gateway_bench::websocket::{ACCEPT, http_end, server_message};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

const CLIENTS: u64 = u64::MAX;
const FEEDS: u64 = u64::MAX - 1;
const FEED: u64 = u64::MAX - 2;

struct Client {
    socket: TcpStream,
    request: Vec<u8>,
    group: Option<i32>,
    /// What the socket did not take; while there is some, the client misses frames.
    unsent: Vec<u8>,
}

struct Bare {
    epoll: Epoll,
    /// By token; `None` once closed.
    clients: Vec<Option<Client>>,
    groups: HashMap<i32, Vec<usize>>,
    feed: Option<TcpStream>,
    inbound: Vec<u8>,
    filled: usize,
}

impl Client {
    /// Sends what the socket takes of `bytes` and keeps the rest. A broken socket is noticed when it is read.
    fn send(&mut self, epoll: &Epoll, token: usize, bytes: &[u8]) {
        let waited = !self.unsent.is_empty();
        let written = self.socket.write(bytes).unwrap_or(0);
        self.unsent = bytes[written..].to_vec();
        let waits = !self.unsent.is_empty();
        if waits != waited {
            let _ = epoll.watch_write(self.socket.as_raw_fd(), token as u64, waits);
        }
    }

    /// Reads what came; false when the client is gone.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.socket.read(&mut bytes) {
            Ok(0) => false,
            Ok(count) => {
                if self.group.is_none() {
                    self.request.extend_from_slice(&bytes[..count]);
                }
                true
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    /// The group a whole request asks for, once.
    fn wanted_group(&mut self) -> Option<i32> {
        if self.group.is_some() || http_end(&self.request).is_none() {
            return None;
        }
        let request = std::mem::take(&mut self.request);
        let path = request.split(|&byte| byte == b' ').nth(1)?;
        self.group = Some(std::str::from_utf8(path.get(1..)?).ok()?.parse().ok()?);
        self.group
    }
}

impl Bare {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        while let Ok((socket, _)) = listener.accept() {
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            self.epoll
                .add(socket.as_raw_fd(), self.clients.len() as u64)?;
            self.clients.push(Some(Client {
                socket,
                request: Vec::new(),
                group: None,
                unsent: Vec::new(),
            }));
        }
        Ok(())
    }

    fn client_ready(&mut self, token: usize, event: &Ready) {
        let Some(client) = &mut self.clients[token] else {
            return;
        };
        if event.readable && !client.read() {
            if let Some(group) = client.group {
                self.groups
                    .entry(group)
                    .or_default()
                    .retain(|&other| other != token);
            }
            self.clients[token] = None;
            return;
        }
        if let Some(group) = client.wanted_group() {
            self.groups.entry(group).or_default().push(token);
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
            );
            client.send(&self.epoll, token, answer.as_bytes());
        }
        if event.writable && !client.unsent.is_empty() {
            let rest = client.unsent.clone();
            client.send(&self.epoll, token, &rest);
        }
    }

    fn feed_ready(&mut self) -> io::Result<()> {
        let Some(feed) = &mut self.feed else {
            return Ok(());
        };
        if self.inbound.len() < self.filled + (1 << 16) {
            self.inbound.resize(self.filled + (1 << 17), 0);
        }
        match feed.read(&mut self.inbound[self.filled..]) {
            Ok(0) => {
                self.feed = None;
                self.filled = 0;
                return Ok(());
            }
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
        let inbound = std::mem::take(&mut self.inbound);
        let word = |at: usize| {
            [
                inbound[at],
                inbound[at + 1],
                inbound[at + 2],
                inbound[at + 3],
            ]
        };
        let mut at = 0;
        while self.filled - at >= 8 {
            let end = at + 4 + u32::from_le_bytes(word(at)) as usize;
            if end > self.filled {
                break;
            }
            let message = server_message(&inbound[at + 8..end]);
            self.fan_out(i32::from_le_bytes(word(at + 4)), &message);
            at = end;
        }
        self.inbound = inbound;
        self.inbound.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(())
    }

    /// Group −1 is everybody.
    fn fan_out(&mut self, group: i32, message: &[u8]) {
        if group < 0 {
            for token in 0..self.clients.len() {
                offer(&mut self.clients, &self.epoll, token, message);
            }
        }
        for &token in self.groups.get(&group).map_or(&[][..], Vec::as_slice) {
            offer(&mut self.clients, &self.epoll, token, message);
        }
    }
}

fn offer(clients: &mut [Option<Client>], epoll: &Epoll, token: usize, message: &[u8]) {
    let ready = |client: &&mut Client| client.group.is_some() && client.unsent.is_empty();
    if let Some(client) = clients[token].as_mut().filter(ready) {
        client.send(epoll, token, message);
    }
}

fn main() -> io::Result<()> {
    let ports: Vec<u16> = std::env::args()
        .skip(1)
        .flat_map(|text| text.parse())
        .collect();
    let [port, feed_port] = ports[..] else {
        return Err(io::Error::other("usage: bare PORT FEED_PORT"));
    };
    raise_descriptor_limit();
    let clients = TcpListener::bind(("127.0.0.1", port))?;
    let feeds = TcpListener::bind(("127.0.0.1", feed_port))?;
    let mut bare = Bare {
        epoll: Epoll::new()?,
        clients: Vec::new(),
        groups: HashMap::new(),
        feed: None,
        inbound: Vec::new(),
        filled: 0,
    };
    for (listener, token) in [(&clients, CLIENTS), (&feeds, FEEDS)] {
        listener.set_nonblocking(true)?;
        bare.epoll.add(listener.as_raw_fd(), token)?;
    }
    println!("listening on {port}");
    let mut ready = Vec::new();
    loop {
        bare.epoll.wait(-1, &mut ready)?;
        for event in &ready {
            match event.token {
                CLIENTS => bare.accept(&clients)?,
                FEEDS => {
                    let (feed, _) = feeds.accept()?;
                    feed.set_nonblocking(true)?;
                    bare.epoll.add(feed.as_raw_fd(), FEED)?;
                    bare.feed = Some(feed);
                }
                FEED => bare.feed_ready()?,
                token => bare.client_ready(token as usize, event),
            }
        }
    }
}
