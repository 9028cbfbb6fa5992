//! Clients that open connections at a rate, one after another, whatever becomes of them.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// A connection that nobody ends is given up after this: later than any documented timeout of a handshake.
const PATIENCE: Duration = Duration::from_secs(12);

pub struct Churn {
    interval: Duration,
    /// Client indexes that may open.
    free: Vec<usize>,
    /// When each of the others opened, oldest first; some of them are over.
    busy: VecDeque<(Instant, usize)>,
    next_due: Instant,
}

impl Churn {
    pub fn new(clients: Range<usize>, per_second: f64, now: Instant) -> Self {
        Self {
            interval: Duration::from_secs_f64(1.0 / per_second),
            free: clients.collect(),
            busy: VecDeque::new(),
            next_due: now,
        }
    }

    pub fn next_due(&self) -> Instant {
        self.next_due
    }

    /// Takes back the oldest ones that are over; gives those that are too old. `is_open` tells of a client.
    pub fn overdue(&mut self, now: Instant, is_open: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut late = Vec::new();
        while let Some(&(opened, index)) = self.busy.front() {
            if is_open(index) {
                if now < opened + PATIENCE {
                    break;
                }
                late.push(index);
            }
            self.busy.pop_front();
            self.free.push(index);
        }
        late
    }

    /// A client that is to open now; when all are busy the turn is lost.
    pub fn next(&mut self, now: Instant) -> Option<usize> {
        while self.next_due <= now {
            self.next_due += self.interval;
            if let Some(index) = self.free.pop() {
                self.busy.push_back((now, index));
                return Some(index);
            }
        }
        None
    }
}
