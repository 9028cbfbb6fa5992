//! The limit: the least that one epoll thread can do for Produce v8 and Fetch v11. It cuts frames,
//! checks CRC32C, stamps base offset and leader epoch, writes one growing file per partition (the
//! writes of a tick gathered into one pwritev) and answers; it fetches by sendfile. It has no groups,
//! no index files, no recovery and no safety: ratios are taken against it, nobody should run it.
//!
//! usage: limit PORT DIR

use millrace_bench::epoll::{Epoll, Ready};
use millrace_bench::frames::{read_i16, read_i32, read_i64};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

const PARTITION_COUNT: usize = 64;
const LISTENER: u64 = u64::MAX;
const IOV_LIMIT: usize = 512;

struct Partition {
    file: File,
    size: u64,
    next_offset: i64,
    /// (base offset, position) of every batch.
    batches: Vec<(i64, u64)>,
    pending: Vec<libc::iovec>,
    pending_bytes: u64,
}

impl Partition {
    fn flush(&mut self) {
        for chunk in self.pending.chunks(IOV_LIMIT) {
            let bytes: usize = chunk.iter().map(|part| part.iov_len).sum();
            // SAFETY: the slices point into connection buffers that nothing moves before the flush.
            let written = unsafe {
                libc::pwritev(
                    self.file.as_raw_fd(),
                    chunk.as_ptr(),
                    chunk.len() as libc::c_int,
                    (self.size - self.pending_bytes) as libc::off_t,
                )
            };
            assert_eq!(
                written,
                bytes as isize,
                "pwritev: {}",
                std::io::Error::last_os_error()
            );
            self.pending_bytes -= bytes as u64;
        }
        self.pending.clear();
    }
}

#[derive(Default)]
struct FileAnswer {
    partition: usize,
    position: libc::off_t,
    bytes: usize,
}

struct Connection {
    socket: TcpStream,
    inbound: Vec<u8>,
    filled: usize,
    taken: usize,
    outbound: Vec<u8>,
    file: FileAnswer,
    blocked: bool,
}

enum Sent {
    All,
    Blocked,
    Broken,
}

struct Limit {
    partitions: Vec<Partition>,
}

impl Limit {
    fn produce(&mut self, body: &mut [u8], outbound: &mut Vec<u8>) {
        let correlation = read_i32(body, 4);
        let mut at = 10 + read_i16(body, 8).max(0) as usize;
        at += 2 + read_i16(body, at).max(0) as usize;
        let acks = read_i16(body, at);
        at += 2 + 4 + 4;
        let topic = at..at + 2 + read_i16(body, at) as usize;
        at = topic.end + 4;
        let index = read_i32(body, at);
        let length = read_i32(body, at + 4) as usize;
        let (head, tail) = body.split_at_mut(at + 8);
        let batch = &mut tail[..length];
        let partition = &mut self.partitions[index as usize % PARTITION_COUNT];
        let intact = crc32c::crc32c(&batch[21..]) == read_i32(batch, 17) as u32;
        let base = partition.next_offset;
        partition.next_offset += i64::from(read_i32(batch, 23)) + 1;
        batch[..8].copy_from_slice(&base.to_be_bytes());
        batch[12..16].copy_from_slice(&0i32.to_be_bytes());
        partition.batches.push((base, partition.size));
        partition.pending.push(libc::iovec {
            iov_base: batch.as_mut_ptr().cast(),
            iov_len: length,
        });
        partition.size += length as u64;
        partition.pending_bytes += length as u64;
        if acks == 0 {
            return;
        }
        let start = outbound.len();
        outbound.extend_from_slice(&[0; 4]);
        outbound.extend_from_slice(&correlation.to_be_bytes());
        outbound.extend_from_slice(&1i32.to_be_bytes());
        outbound.extend_from_slice(&head[topic]);
        outbound.extend_from_slice(&1i32.to_be_bytes());
        outbound.extend_from_slice(&index.to_be_bytes());
        outbound.extend_from_slice(&(if intact { 0i16 } else { 2 }).to_be_bytes());
        outbound.extend_from_slice(&base.to_be_bytes());
        outbound.extend_from_slice(&(-1i64).to_be_bytes());
        outbound.extend_from_slice(&0i64.to_be_bytes());
        outbound.extend_from_slice(&0i32.to_be_bytes());
        outbound.extend_from_slice(&(-1i16).to_be_bytes());
        outbound.extend_from_slice(&0i32.to_be_bytes());
        let length = (outbound.len() - start - 4) as u32;
        outbound[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    fn fetch(&mut self, body: &[u8], outbound: &mut Vec<u8>, file: &mut FileAnswer) {
        let correlation = read_i32(body, 4);
        let mut at = 10 + read_i16(body, 8).max(0) as usize + 4 + 4 + 4 + 4 + 1 + 4 + 4 + 4;
        let topic = at..at + 2 + read_i16(body, at) as usize;
        at = topic.end + 4;
        let index = read_i32(body, at);
        let offset = read_i64(body, at + 8);
        let max_bytes = read_i32(body, at + 24) as u64;
        let number = index as usize % PARTITION_COUNT;
        let partition = &mut self.partitions[number];
        partition.flush();
        let found = partition.batches.partition_point(|batch| batch.0 <= offset);
        let position = if offset >= partition.next_offset || found == 0 {
            partition.size
        } else {
            partition.batches[found - 1].1
        };
        let bytes = (partition.size - position).min(max_bytes);
        let start = outbound.len();
        outbound.extend_from_slice(&[0; 4]);
        outbound.extend_from_slice(&correlation.to_be_bytes());
        outbound.extend_from_slice(&[0; 10]);
        outbound.extend_from_slice(&1i32.to_be_bytes());
        outbound.extend_from_slice(&body[topic]);
        outbound.extend_from_slice(&1i32.to_be_bytes());
        outbound.extend_from_slice(&index.to_be_bytes());
        outbound.extend_from_slice(&0i16.to_be_bytes());
        outbound.extend_from_slice(&partition.next_offset.to_be_bytes());
        outbound.extend_from_slice(&partition.next_offset.to_be_bytes());
        outbound.extend_from_slice(&0i64.to_be_bytes());
        outbound.extend_from_slice(&0i32.to_be_bytes());
        outbound.extend_from_slice(&(-1i32).to_be_bytes());
        outbound.extend_from_slice(&(bytes as i32).to_be_bytes());
        let length = (outbound.len() - start - 4) as u32 + bytes as u32;
        outbound[start..start + 4].copy_from_slice(&length.to_be_bytes());
        *file = FileAnswer {
            partition: number,
            position: position as libc::off_t,
            bytes: bytes as usize,
        };
    }

    /// Takes whole frames from what the connection has read; a fetch ends the round.
    fn take_frames(&mut self, connection: &mut Connection) {
        while connection.filled - connection.taken >= 4 && connection.file.bytes == 0 {
            let start = connection.taken + 4;
            let length = read_i32(&connection.inbound, connection.taken) as usize;
            if connection.filled - connection.taken < length + 4 {
                return;
            }
            let body = &mut connection.inbound[start..start + length];
            match read_i16(body, 0) {
                0 => self.produce(body, &mut connection.outbound),
                1 => self.fetch(body, &mut connection.outbound, &mut connection.file),
                key => eprintln!("limit: api key {key} is not served"),
            }
            connection.taken = start + length;
        }
    }

    fn send(&self, connection: &mut Connection) -> Sent {
        let mut sent = 0;
        let more = if connection.file.bytes > 0 {
            libc::MSG_MORE
        } else {
            0
        };
        while sent < connection.outbound.len() {
            let rest = &connection.outbound[sent..];
            // SAFETY: pointer and length come from one slice.
            let count = unsafe {
                libc::send(
                    connection.socket.as_raw_fd(),
                    rest.as_ptr().cast(),
                    rest.len(),
                    libc::MSG_NOSIGNAL | more,
                )
            };
            if count < 0 {
                connection.outbound.drain(..sent);
                return blocked_or_broken();
            }
            sent += count as usize;
        }
        connection.outbound.clear();
        while connection.file.bytes > 0 {
            let file = &self.partitions[connection.file.partition].file;
            // SAFETY: both descriptors are open and `position` outlives the call.
            let count = unsafe {
                libc::sendfile(
                    connection.socket.as_raw_fd(),
                    file.as_raw_fd(),
                    &mut connection.file.position,
                    connection.file.bytes,
                )
            };
            if count <= 0 {
                return blocked_or_broken();
            }
            connection.file.bytes -= count as usize;
        }
        Sent::All
    }
}

fn blocked_or_broken() -> Sent {
    match std::io::Error::last_os_error().kind() {
        ErrorKind::WouldBlock => Sent::Blocked,
        _ => Sent::Broken,
    }
}

/// Moves the unfinished frame to the front and makes room for the rest of it.
fn make_room(connection: &mut Connection) {
    connection
        .inbound
        .copy_within(connection.taken..connection.filled, 0);
    connection.filled -= connection.taken;
    connection.taken = 0;
    let capacity = connection.inbound.len();
    let need = if connection.filled >= 4 {
        read_i32(&connection.inbound, 0) as usize + 4
    } else {
        0
    };
    if need > capacity {
        connection.inbound.resize(need + (1 << 16), 0);
    } else if capacity - connection.filled < 4096 && capacity < 1 << 22 {
        connection.inbound.resize(capacity * 2, 0);
    }
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, directory] = arguments.as_slice() else {
        eprintln!("usage: limit PORT DIR");
        std::process::exit(2);
    };
    std::fs::create_dir_all(directory)?;
    let mut partitions = Vec::new();
    for number in 0..PARTITION_COUNT {
        let path = format!("{directory}/{number}.log");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        partitions.push(Partition {
            file,
            size: 0,
            next_offset: 0,
            batches: Vec::new(),
            pending: Vec::new(),
            pending_bytes: 0,
        });
    }
    let mut limit = Limit { partitions };
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    listener.set_nonblocking(true)?;
    println!("limit: listening on {}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    let mut epoll = Epoll::new()?;
    epoll.add(listener.as_raw_fd(), LISTENER)?;
    let mut connections: HashMap<u64, Connection> = HashMap::new();
    let mut next_token = 0u64;
    let mut ready: Vec<Ready> = Vec::new();
    let mut busy: Vec<u64> = Vec::new();
    loop {
        epoll.wait(-1, &mut ready)?;
        busy.clear();
        for event in &ready {
            if event.token == LISTENER {
                while let Ok((socket, _)) = listener.accept() {
                    socket.set_nonblocking(true)?;
                    socket.set_nodelay(true)?;
                    epoll.add(socket.as_raw_fd(), next_token)?;
                    let connection = Connection {
                        socket,
                        inbound: vec![0; 1 << 16],
                        filled: 0,
                        taken: 0,
                        outbound: Vec::new(),
                        file: FileAnswer::default(),
                        blocked: false,
                    };
                    connections.insert(next_token, connection);
                    next_token += 1;
                }
                continue;
            }
            let Some(connection) = connections.get_mut(&event.token) else {
                continue;
            };
            busy.push(event.token);
            if connection.blocked {
                continue;
            }
            match connection
                .socket
                .read(&mut connection.inbound[connection.filled..])
            {
                Ok(0) => {
                    connections.remove(&event.token);
                    continue;
                }
                Ok(count) => connection.filled += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => {
                    connections.remove(&event.token);
                    continue;
                }
            }
            limit.take_frames(connection);
        }
        limit.partitions.iter_mut().for_each(|partition| {
            if !partition.pending.is_empty() {
                partition.flush();
            }
        });
        for token in &busy {
            let Some(connection) = connections.get_mut(token) else {
                continue;
            };
            make_room(connection);
            let was_blocked = connection.blocked;
            match limit.send(connection) {
                Sent::All => connection.blocked = false,
                Sent::Blocked => connection.blocked = true,
                Sent::Broken => {
                    connections.remove(token);
                    continue;
                }
            }
            if connection.blocked != was_blocked {
                epoll.watch_write(connection.socket.as_raw_fd(), *token, connection.blocked)?;
            }
        }
    }
}
