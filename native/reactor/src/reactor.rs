//! The reactor itself: its state, its tick, and what both directions share.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use millrace_io::{CompletionQueue, CompletionRow, EngineError, Result};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, clock_gettime,
    timerfd_create, timerfd_settime,
};

use crate::buffers::Buffers;
use crate::info::ConnectionInfo;
use crate::listener::Listener;
use crate::mapping::Mapping;
use crate::options::{CloseReason, ReactorOptions};
use crate::rows::{EVENT_STRIDE, RowTable, SEND_STRIDE};
use crate::sending::FILE_BYTES_PER_TURN;
use crate::slots::Slots;
use crate::warmer::Warmer;

/// Rows of one tick; what does not fit comes with the next.
const EVENT_ROWS: usize = 8192;
const SEND_ROWS: usize = 8192;
/// Staging memory for replies.
const OUT_BYTES: usize = 2 << 20;
/// Ready descriptors looked at per tick.
const EVENTS_PER_POLL: usize = 512;
/// How often deadlines are checked, at most.
const SWEEP_MS_MAX: u64 = 1000;
const SWEEP_MS_MIN: u64 = 10;

/// What an epoll event is about, packed into its 64 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token {
    Connection(u32),
    Listener(u32),
    Completions,
    Warmed,
    Timer,
}

impl Token {
    pub(crate) fn data(self) -> EventData {
        let (kind, number) = match self {
            Self::Connection(id) => (0, id),
            Self::Listener(id) => (1, id),
            Self::Completions => (2, 0),
            Self::Warmed => (3, 0),
            Self::Timer => (4, 0),
        };
        EventData::new_u64(kind << 32 | u64::from(number))
    }

    fn of(data: u64) -> Self {
        match data >> 32 {
            0 => Self::Connection(data as u32),
            1 => Self::Listener(data as u32),
            2 => Self::Completions,
            3 => Self::Warmed,
            _ => Self::Timer,
        }
    }
}

/// Sockets, frames and replies of one thread. See the crate's page for the order of calls:
/// `poll`, decide, `flush`, `end_tick`.
pub struct Reactor {
    pub(crate) options: ReactorOptions,
    pub(crate) epoll: OwnedFd,
    timer: OwnedFd,
    completions: Arc<CompletionQueue>,
    pub(crate) listeners: Vec<Option<Listener>>,
    pub(crate) has_stopped_listeners: bool,
    pub(crate) slots: Slots,
    pub(crate) address_counts: HashMap<IpAddr, usize>,
    pub(crate) buffers: Buffers,
    pub(crate) warmer: Warmer,
    events: RowTable,
    pub(crate) sends: RowTable,
    pub(crate) out: Arc<Mapping>,
    rows: usize,
    /// Rows that found no place; they come first in the next tick.
    overflow: VecDeque<[f64; EVENT_STRIDE]>,
    /// Connections whose `closed` row is not dealt with.
    pub(crate) departed: Vec<(u32, ConnectionInfo)>,
    /// Connections to look at in the next tick without an event of their socket.
    listed: Vec<u32>,
    /// Rows can still be added to the tick that is being filled.
    is_polling: bool,
    /// Between `poll` and `end_tick`: whoever polls looks for a backlog afterwards.
    is_in_tick: bool,
    is_kicked: bool,
    /// Connections that wait for the inbound budget, and the one that may exceed it.
    pub(crate) waiting: Vec<u32>,
    pub(crate) favoured: Option<u32>,
    /// The last small frame that was not the next request of a bulky reader: when, and whose.
    pub(crate) brisk: Option<(u64, u32)>,
    pub(crate) spares: Vec<Vec<u8>>,
    pub(crate) now_ms: u64,
    pub(crate) inbound_bytes: u64,
    pub(crate) queued_bytes: u64,
    pub(crate) queued_memory: u64,
    pub(crate) received_total: u64,
    pub(crate) sent_total: u64,
    pub(crate) frames_total: u64,
    pub(crate) refused_total: u64,
    ready: Vec<Event>,
    completed: Vec<CompletionRow>,
    warmed: Vec<u32>,
    pub(crate) next_rows: Vec<u32>,
    pub(crate) touched: Vec<u32>,
}

impl std::fmt::Debug for Reactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reactor")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Reactor {
    /// A reactor without listeners. Rows of `completions` come out as event rows.
    pub fn new(options: ReactorOptions, completions: Arc<CompletionQueue>) -> Result<Self> {
        Self::create(options, completions).map_err(|error| EngineError::io("reactor", &error))
    }

    fn create(options: ReactorOptions, completions: Arc<CompletionQueue>) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        let shortest = options
            .idle_ms
            .min(options.frame_deadline_ms)
            .min(options.send_deadline_ms);
        let sweep_ms = (shortest / 4).clamp(SWEEP_MS_MIN, SWEEP_MS_MAX);
        let interval = Timespec {
            tv_sec: (sweep_ms / 1000) as i64,
            tv_nsec: (sweep_ms % 1000 * 1_000_000) as _,
        };
        let every = Itimerspec {
            it_interval: interval,
            it_value: interval,
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &every)?;
        let warmer = Warmer::new()?;
        epoll::add(&epoll, &timer, Token::Timer.data(), EventFlags::IN)?;
        epoll::add(
            &epoll,
            completions.descriptor(),
            Token::Completions.data(),
            EventFlags::IN,
        )?;
        epoll::add(
            &epoll,
            warmer.descriptor(),
            Token::Warmed.data(),
            EventFlags::IN,
        )?;
        Ok(Self {
            options,
            epoll,
            timer,
            completions,
            listeners: Vec::new(),
            has_stopped_listeners: false,
            slots: Slots::default(),
            address_counts: HashMap::new(),
            buffers: Buffers::new()?,
            warmer,
            events: RowTable::new(EVENT_ROWS, EVENT_STRIDE)?,
            sends: RowTable::new(SEND_ROWS, SEND_STRIDE)?,
            out: Arc::new(Mapping::new(OUT_BYTES)?),
            rows: 0,
            overflow: VecDeque::new(),
            departed: Vec::new(),
            listed: Vec::new(),
            is_polling: false,
            is_in_tick: false,
            is_kicked: false,
            waiting: Vec::new(),
            favoured: None,
            brisk: None,
            spares: Vec::new(),
            now_ms: now_ms(),
            inbound_bytes: 0,
            queued_bytes: 0,
            queued_memory: 0,
            received_total: 0,
            sent_total: 0,
            frames_total: 0,
            refused_total: 0,
            ready: Vec::with_capacity(EVENTS_PER_POLL),
            completed: Vec::new(),
            warmed: Vec::new(),
            next_rows: Vec::new(),
            touched: Vec::new(),
        })
    }

    /// The descriptor to poll for readability; `poll` then has something to do.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Memory of the event rows, the send rows and the staging memory.
    pub fn tables(&self) -> [&Arc<Mapping>; 3] {
        [self.events.mapping(), self.sends.mapping(), &self.out]
    }

    /// Memory of a buffer named by a frame row.
    pub fn buffer(&self, id: u32) -> Option<&Arc<Mapping>> {
        self.buffers.mapping(id)
    }

    /// Looks at every ready descriptor, never waits. Returns the number of event rows. Until
    /// `end_tick`, the frames they name stay where they are.
    pub fn poll(&mut self) -> usize {
        self.is_in_tick = true;
        self.is_polling = true;
        self.now_ms = now_ms();
        self.rows = 0;
        while self.rows < EVENT_ROWS
            && let Some(row) = self.overflow.pop_front()
        {
            self.events.write(self.rows, row);
            self.rows += 1;
        }
        self.serve_listed();
        self.ready.clear();
        let mut ready = std::mem::take(&mut self.ready);
        let instantly = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let spare = rustix::buffer::spare_capacity(&mut ready);
        if epoll::wait(&self.epoll, spare, Some(&instantly)).is_err() {
            // Only EINTR is possible; the descriptor stays readable.
            ready.clear();
        }
        for event in &ready {
            self.on_event(Token::of(event.data.u64()), event.flags);
        }
        self.ready = ready;
        self.is_polling = false;
        self.rows
    }

    /// The rows of `poll` have been dealt with. With `hold`, appends that were staged still need the
    /// frames: they stay until `release`.
    pub fn end_tick(&mut self, hold: bool) -> Result<()> {
        self.is_in_tick = false;
        if self.overflow.is_empty() {
            self.departed.clear();
        }
        self.buffers
            .end_tick(hold)
            .map_err(|error| EngineError::io("mmap", &error))
    }

    /// Nothing staged needs held frames any more.
    pub fn release(&mut self) {
        self.buffers.release();
    }

    /// There is work for which no descriptor is ready: `poll` again soon, or `kick`.
    pub fn has_backlog(&self) -> bool {
        !self.overflow.is_empty() || !self.listed.is_empty()
    }

    /// Makes the descriptor readable when there is a backlog.
    pub fn kick(&mut self) {
        if self.has_backlog() && !self.is_kicked {
            self.is_kicked = true;
            let _ = rustix::io::write(self.warmer.descriptor(), &1u64.to_ne_bytes());
        }
    }

    pub(crate) fn kick_when_outside(&mut self) {
        if !self.is_in_tick {
            self.kick();
        }
    }

    fn serve_listed(&mut self) {
        for id in std::mem::take(&mut self.listed) {
            let Some(connection) = self.slots.get(id) else {
                continue;
            };
            connection.is_listed = false;
            self.deliver_leftover(id);
            self.drive(id);
        }
    }

    fn on_event(&mut self, token: Token, flags: EventFlags) {
        match token {
            Token::Connection(id) => self.on_socket(id, flags),
            Token::Listener(id) => self.accept(id),
            Token::Completions => self.take_completions(),
            Token::Warmed => self.take_warmed(),
            Token::Timer => {
                let _ = rustix::io::read(&self.timer, &mut [0u8; 8]);
                self.sweep();
            }
        }
    }

    fn on_socket(&mut self, id: u32, flags: EventFlags) {
        if flags.contains(EventFlags::OUT)
            && let Some(connection) = self.slots.get(id)
        {
            connection.is_blocked = false;
            self.drive(id);
        }
        let Some(connection) = self.slots.get(id) else {
            return;
        };
        if connection.is_paused() {
            if flags.intersects(EventFlags::HUP | EventFlags::ERR) {
                return self.close_with(id, CloseReason::Peer);
            }
            return self.disarm_reading(id);
        }
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            self.read_connection(id);
        }
    }

    fn take_completions(&mut self) {
        let mut completed = std::mem::take(&mut self.completed);
        self.completions.drain(&mut completed);
        for row in completed.drain(..) {
            let took_ms = row.took.as_secs_f64() * 1e3;
            self.emit([
                row.kind as u8 as f64,
                row.subject as f64,
                row.value as f64,
                took_ms,
            ]);
        }
        self.completed = completed;
    }

    fn take_warmed(&mut self) {
        self.is_kicked = false;
        let mut warmed = std::mem::take(&mut self.warmed);
        self.warmer.drain(&mut warmed);
        for id in warmed.drain(..) {
            let Some(connection) = self.slots.get(id) else {
                continue;
            };
            connection.is_warming = false;
            connection.resident_bytes = FILE_BYTES_PER_TURN;
            self.drive(id);
        }
        self.warmed = warmed;
    }

    pub(crate) fn rows_left(&self) -> usize {
        EVENT_ROWS - self.rows
    }

    /// Adds an event row, to this tick when one is being filled.
    pub(crate) fn emit<const N: usize>(&mut self, columns: [f64; N]) {
        if self.is_polling && self.rows < EVENT_ROWS && self.overflow.is_empty() {
            self.events.write(self.rows, columns);
            self.rows += 1;
        } else {
            let mut row = [0.0; EVENT_STRIDE];
            row[..N].copy_from_slice(&columns);
            self.overflow.push_back(row);
        }
    }

    /// Looks at the connection in the next tick, whether its socket has news or not.
    pub(crate) fn list(&mut self, id: u32) {
        if let Some(connection) = self.slots.get(id)
            && !connection.is_listed
        {
            connection.is_listed = true;
            self.listed.push(id);
        }
    }
}

fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}
