//! The run: one thread, one epoll set, all clients and the producer in it; phase after phase.

use crate::churn::Churn;
use crate::client::{Client, Context, Ended, State};
use crate::comeback::Comeback;
use crate::connect::{abandon, connect};
use crate::feed::{self, Feeder};
use crate::machine::Snapshot;
use crate::meter::{Meter, Report};
use crate::settings::{Mode, Phase, Settings};
use millrace_bench::epoll::{Epoll, Ready};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Handshakes under way at once: below a gateway's bound on unauthenticated connections.
const OPENING_MAX: usize = 256;
const CONNECT_PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries while nobody listens; only one client tries then.
const RETRY: Duration = Duration::from_millis(10);
/// A slow reader reads ten times a second.
const SLOW_TURN: Duration = Duration::from_millis(100);
/// What a phase's feeds sent last arrives before the next phase begins.
const DRAIN: Duration = Duration::from_millis(300);
const BUFFER_BYTES: usize = 1 << 16;
const IDLE_WAIT: Duration = Duration::from_millis(100);

pub struct Load {
    settings: Settings,
    target: SocketAddrV4,
    epoll: Epoll,
    clients: Vec<Client>,
    /// Waiting to connect.
    queue: VecDeque<usize>,
    opening: usize,
    opening_max: usize,
    retry_at: Instant,
    /// Read by the turn, not when they are ready.
    slow: Vec<usize>,
    slow_due: Instant,
    churns: Vec<Churn>,
    feeder: Option<Feeder>,
    meter: Meter,
    buffer: Vec<u8>,
    records_per_message: u64,
    nap: Duration,
    back: Comeback,
    live_readers: u64,
    /// Clients that should be live and caught up.
    wanted: usize,
    live: usize,
    caught_up: usize,
}

impl Load {
    pub fn new(settings: Settings) -> Result<Self, Box<dyn std::error::Error>> {
        let epoll = Epoll::new()?;
        let feeder = match &settings.sink {
            Some(sink) => Some(Feeder::connect(sink, &epoll)?),
            None => None,
        };
        let now = Instant::now();
        Ok(Self {
            target: settings.address.parse()?,
            settings,
            epoll,
            clients: Vec::new(),
            queue: VecDeque::new(),
            opening: 0,
            opening_max: OPENING_MAX,
            retry_at: now,
            slow: Vec::new(),
            slow_due: now,
            churns: Vec::new(),
            feeder,
            meter: Meter::default(),
            buffer: vec![0; BUFFER_BYTES],
            records_per_message: 1,
            nap: Duration::ZERO,
            back: Comeback::default(),
            live_readers: 0,
            wanted: 0,
            live: 0,
            caught_up: 0,
        })
    }

    /// Runs all phases; `tell` gets each one's report.
    pub fn run(&mut self, mut tell: impl FnMut(&str, Option<&Report>)) -> io::Result<()> {
        let phases = std::mem::take(&mut self.settings.phases);
        for (index, phase) in phases.iter().enumerate() {
            self.records_per_message = phase.feeds.first().map_or(1, |feed| feed.records as u64);
            let connecting = Instant::now();
            self.join(index);
            while self.live < self.wanted {
                if connecting.elapsed() > CONNECT_PATIENCE {
                    let (live, wanted) = (self.live, self.wanted);
                    let outcomes = self.meter.outcomes();
                    let text = format!("{live} of {wanted} clients subscribed: {outcomes:?}");
                    return Err(io::Error::other(text));
                }
                self.turn(connecting + CONNECT_PATIENCE)?;
            }
            let connect_ms = connecting.elapsed().as_secs_f64() * 1e3;
            tell(&phase.name, None);
            let mut report = self.phase(phase)?;
            report.connect_ms = connect_ms;
            tell(&phase.name, Some(&report));
        }
        Ok(())
    }

    /// The groups of this phase begin to connect.
    fn join(&mut self, phase: usize) {
        for (group, settings) in self.settings.groups.iter().enumerate() {
            if settings.from_phase != phase {
                continue;
            }
            let first = self.clients.len();
            let ours = first..first + settings.count;
            self.clients.extend(
                (0..settings.count)
                    .map(|index| Client::new(group, index % settings.variants.len())),
            );
            if settings.mode == Mode::Churn {
                self.churns
                    .push(Churn::new(ours, settings.rate, Instant::now()));
            } else {
                self.queue.extend(ours);
                self.wanted += settings.count;
            }
        }
    }

    fn phase(&mut self, phase: &Phase) -> io::Result<Report> {
        let started = Instant::now();
        self.nap = Duration::from_micros(phase.nap_micros);
        if let Some(feeder) = &mut self.feeder {
            feeder.begin(&phase.feeds, self.meter.delivered);
        }
        self.pump(
            started + Duration::from_secs_f64(phase.warmup_seconds),
            false,
        )?;
        let (fed, errors) = self
            .feeder
            .as_ref()
            .map_or((0, 0), |feeder| (feeder.fed, feeder.errors));
        self.back = Comeback::default();
        self.meter.start(phase.sample_every);
        let before = Snapshot::take(self.settings.pid);
        self.pump(
            Instant::now() + Duration::from_secs_f64(phase.seconds),
            phase.until_back,
        )?;
        self.meter.stop();
        let used = before.until(&Snapshot::take(self.settings.pid));
        if let Some(feeder) = &mut self.feeder {
            feeder.begin(&[], self.meter.delivered);
        }
        let mut report = self.meter.report(&phase.name, used);
        report.clients = self.live;
        if let Some(feeder) = &self.feeder {
            report.fed = feeder.fed - fed;
            report.feed_errors = feeder.errors - errors;
        }
        self.back.fill(&mut report);
        report.still_away = self.wanted - self.live;
        self.pump(Instant::now() + DRAIN, false)?;
        Ok(report)
    }

    fn pump(&mut self, until: Instant, until_back: bool) -> io::Result<()> {
        while Instant::now() < until {
            self.turn(until)?;
            if until_back && self.back.has_lost() && self.caught_up == self.wanted {
                return Ok(());
            }
        }
        Ok(())
    }

    /// One wait and what came of it, at the latest at `until`.
    fn turn(&mut self, until: Instant) -> io::Result<()> {
        let now = Instant::now();
        if let Some(feeder) = &mut self.feeder {
            feeder.turn(now, self.live_readers, self.meter.delivered)?;
            feeder.flush(&self.epoll)?;
        }
        self.connect_some(now);
        self.churn(now);
        self.read_slow_ones(now);
        let mut ready = Vec::with_capacity(256);
        let wake = self.wake_at(now).min(until);
        let wait = if self.nap.is_zero() {
            wake.saturating_duration_since(Instant::now())
        } else {
            Duration::ZERO
        };
        self.epoll.wait_for(Some(wait), &mut ready)?;
        if ready.is_empty() {
            std::thread::sleep(self.nap);
        }
        for event in &ready {
            if event.token == feed::TOKEN {
                if let Some(feeder) = self.feeder.as_mut().filter(|_| event.readable) {
                    feeder.readable()?;
                }
            } else {
                self.client_ready(event);
            }
        }
        Ok(())
    }

    fn wake_at(&self, now: Instant) -> Instant {
        let mut wake = now + IDLE_WAIT;
        if let Some(due) = self.feeder.as_ref().and_then(Feeder::next_due) {
            wake = wake.min(due);
        }
        if !self.queue.is_empty() && self.opening < self.opening_max {
            wake = wake.min(self.retry_at);
        }
        if !self.slow.is_empty() {
            wake = wake.min(self.slow_due);
        }
        self.churns
            .iter()
            .fold(wake, |wake, churn| wake.min(churn.next_due()))
    }

    fn connect_some(&mut self, now: Instant) {
        while self.opening < self.opening_max && now >= self.retry_at {
            let Some(index) = self.queue.pop_front() else {
                return;
            };
            self.opening += 1;
            self.open(index);
        }
    }

    fn open(&mut self, index: usize) {
        let opened = connect(self.target, index).and_then(|stream| {
            self.epoll.add(stream.as_raw_fd(), index as u64)?;
            self.epoll
                .watch_write(stream.as_raw_fd(), index as u64, true)?;
            Ok(stream)
        });
        match opened {
            Ok(stream) => self.clients[index].open(stream),
            Err(error) => self.ended(index, error.kind().to_string()),
        }
    }

    fn client_ready(&mut self, event: &Ready) {
        let index = event.token as usize;
        let client = &mut self.clients[index];
        if client.stream.is_none() {
            return;
        }
        let context = context(&self.settings, client, self.records_per_message);
        let before = (client.state, client.caught_up);
        let mut result = Ok(());
        if event.writable && client.state == State::Opening {
            result = client.writable(&context).and_then(|said| {
                let stream = client.stream.as_ref().filter(|_| said);
                stream.map_or(Ok(()), |stream| {
                    self.epoll
                        .watch_write(stream.as_raw_fd(), event.token, false)
                        .map_err(|error| error.kind().to_string())
                })
            });
        }
        if result.is_ok() && event.readable {
            result = client.readable(&mut self.buffer, &context, &mut self.meter);
        }
        self.note_progress(index, before);
        if let Err(ended) = result {
            self.ended(index, ended);
        }
    }

    /// Counts a client that became live or caught up.
    fn note_progress(&mut self, index: usize, (state, caught_up): (State, bool)) {
        let client = &self.clients[index];
        let mode = self.settings.groups[client.group].mode;
        if mode == Mode::Churn {
            return;
        }
        if state == State::Opening && client.state != State::Opening {
            self.opening_max = OPENING_MAX;
        }
        if client.state == State::Live && state != State::Live {
            self.live += 1;
            self.opening -= 1;
            self.live_readers += u64::from(mode == Mode::Read);
            self.back.subscribed();
            if let Some(stream) = client
                .stream
                .as_ref()
                .filter(|_| matches!(mode, Mode::Stop | Mode::Slow))
            {
                // Closing removes the descriptor as well, so a failure here has no further effect.
                let _ = self.epoll.remove(stream.as_raw_fd());
                if mode == Mode::Slow {
                    self.slow.push(index);
                }
            }
        }
        if client.caught_up && !caught_up {
            self.caught_up += 1;
            self.back.caught_up();
        }
    }

    fn read_slow_ones(&mut self, now: Instant) {
        if self.slow.is_empty() || now < self.slow_due {
            return;
        }
        self.slow_due = now + SLOW_TURN;
        for index in std::mem::take(&mut self.slow) {
            let client = &mut self.clients[index];
            let group = &self.settings.groups[client.group];
            let context = context(&self.settings, client, self.records_per_message);
            let bytes = (group.rate * SLOW_TURN.as_secs_f64()).max(1.0) as usize;
            let read = &mut self.buffer[..bytes.min(BUFFER_BYTES)];
            match client.readable(read, &context, &mut self.meter) {
                Ok(()) => self.slow.push(index),
                Err(ended) => self.ended(index, ended),
            }
        }
    }

    fn ended(&mut self, index: usize, outcome: Ended) {
        let client = &mut self.clients[index];
        let (state, caught_up) = (client.state, client.caught_up);
        if let Some(stream) = client.lose() {
            abandon(stream);
        }
        client.caught_up = false;
        let group = &self.settings.groups[client.group];
        if group.mode == Mode::Churn {
            let expected = &group.variants[client.variant].expect;
            let name = if outcome == *expected {
                outcome
            } else {
                format!("{outcome} for {expected}")
            };
            self.meter.outcome(name);
            return;
        }
        self.caught_up -= usize::from(caught_up);
        match state {
            State::Live => {
                self.live -= 1;
                self.live_readers -= u64::from(group.mode == Mode::Read);
                self.back.lost();
            }
            _ => self.opening -= 1,
        }
        let refused = outcome == "refused";
        if !group.reconnect || !refused {
            self.meter.outcome(outcome);
        }
        if group.reconnect {
            if refused {
                self.opening_max = 1;
                self.retry_at = Instant::now() + RETRY;
            }
            self.queue.push_back(index);
        }
    }

    /// Opens what is due of the churning groups; a connection that nobody ended in time is an outcome too.
    fn churn(&mut self, now: Instant) {
        for at in 0..self.churns.len() {
            let clients = &self.clients;
            let is_open = |index: usize| clients[index].stream.is_some();
            for index in self.churns[at].overdue(now, is_open) {
                self.ended(index, "nothing".into());
            }
            while let Some(index) = self.churns[at].next(now) {
                self.open(index);
            }
        }
    }
}

fn context<'a>(settings: &'a Settings, client: &Client, records_per_message: u64) -> Context<'a> {
    let group = &settings.groups[client.group];
    Context {
        protocol: settings.protocol,
        variant: &group.variants[client.variant],
        answers: settings.answers.as_ref(),
        records_per_message,
        counts: group.mode == Mode::Read,
    }
}
