//! Sockets for a thread that decides: one epoll set, polled by its owner, that cuts length-prefixed
//! frames into memory the owner can see and takes replies as rows. Knows nothing of Kafka beyond the
//! four bytes of length in front of a frame.
//!
//! ```text
//! poll ── accept, recv, cut ──▶ event rows + buffers ──▶ (owner decides) ──▶ send rows ──▶ flush
//! ```
//!
//! One thread owns a [`Reactor`]; only the readers of cold files run elsewhere.

mod buffers;
mod connection;
mod inbound;
mod info;
mod listener;
mod listening_socket;
mod low_water;
mod mapping;
mod options;
mod outbound;
mod reactor;
mod registration;
mod rows;
mod sending;
mod slots;
mod sweep;
mod warmer;

pub use info::{ConnectionInfo, ReactorStats};
pub use listener::ListenerInfo;
pub use listening_socket::{
    AcceptedSocketOptions, set_accepted_socket_options, set_listen_backlog,
};
pub use mapping::Mapping;
pub use options::{CloseReason, PrefixRange, ReactorOptions};
pub use outbound::FileSource;
pub use reactor::Reactor;
pub use rows::{EVENT_STRIDE, EventKind, SEND_STRIDE, SendKind};
