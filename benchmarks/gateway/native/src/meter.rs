//! What the clients saw during one phase.

use crate::machine::Use;
use crate::stamp;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Instant;

pub struct Meter {
    measuring: bool,
    sample_every: u32,
    until_sample: u32,
    latencies: Histogram<u64>,
    /// Since the process began, measured or not.
    pub delivered: u64,
    deliveries: u64,
    messages: u64,
    bytes: u64,
    announced_gaps: u64,
    silent_gaps: u64,
    /// How connections, subscriptions and requests ended: `close 4008`, `http 429`, `error 107` …
    outcomes: BTreeMap<String, u64>,
}

/// One line of the answer. Latencies in ms, from the moment a record was due until its message was read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub phase: String,
    pub clients: usize,
    /// Milliseconds until all clients of the phase were subscribed.
    pub connect_ms: f64,
    /// Records that readers got.
    pub deliveries: u64,
    pub messages: u64,
    /// With WebSocket heads.
    pub bytes: u64,
    /// Records that were produced.
    pub fed: u64,
    pub feed_errors: u64,
    pub samples: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    pub announced_gaps: u64,
    pub silent_gaps: u64,
    /// Clients that were away and are subscribed, and at the end of the log, again: ms after the first loss.
    pub subscribed_again_ms: f64,
    pub caught_up_again_ms: f64,
    pub still_away: usize,
    pub outcomes: BTreeMap<String, u64>,
    pub machine: Use,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            measuring: false,
            sample_every: 0,
            until_sample: 1,
            latencies: Histogram::new_with_bounds(1_000, 600_000_000_000, 3)
                .expect("constant bounds are valid"),
            delivered: 0,
            deliveries: 0,
            messages: 0,
            bytes: 0,
            announced_gaps: 0,
            silent_gaps: 0,
            outcomes: BTreeMap::new(),
        }
    }
}

impl Meter {
    /// Forgets everything and counts from here on.
    pub fn start(&mut self, sample_every: u32) {
        *self = Self {
            measuring: true,
            sample_every,
            delivered: self.delivered,
            ..Self::default()
        };
    }

    pub fn stop(&mut self) {
        self.measuring = false;
    }

    /// `records` that came in a WebSocket frame of `bytes`; 0 bytes = in the same one as those before.
    pub fn message(&mut self, records: u64, bytes: usize, message: &[u8]) {
        self.delivered += records;
        if !self.measuring {
            return;
        }
        self.deliveries += records;
        if bytes == 0 {
            return;
        }
        self.messages += 1;
        self.bytes += bytes as u64;
        if self.sample_every == 0 {
            return;
        }
        self.until_sample -= 1;
        if self.until_sample > 0 {
            return;
        }
        self.until_sample = self.sample_every;
        // The first record of a batch carries the stamp; in the others it is zero.
        if let Some(due) = stamp::read(message).filter(|&due| due != 0) {
            let now = stamp::nanos(Instant::now());
            self.latencies.saturating_record(now.saturating_sub(due));
        }
    }

    pub fn announced_gap(&mut self) {
        self.announced_gaps += 1;
    }

    /// A frame did not begin where the one before it had ended.
    pub fn silent_gap(&mut self) {
        self.silent_gaps += 1;
    }

    /// Noted always: an end during a warm-up must not go unseen.
    pub fn outcome(&mut self, name: String) {
        *self.outcomes.entry(name).or_default() += 1;
    }

    pub fn outcomes(&self) -> &BTreeMap<String, u64> {
        &self.outcomes
    }

    /// The counts as a report; whoever knows the rest fills it in.
    pub fn report(&self, phase: &str, machine: Use) -> Report {
        let ms = |quantile: f64| {
            if self.latencies.is_empty() {
                0.0
            } else {
                self.latencies.value_at_quantile(quantile) as f64 / 1e6
            }
        };
        Report {
            phase: phase.to_owned(),
            clients: 0,
            connect_ms: 0.0,
            deliveries: self.deliveries,
            messages: self.messages,
            bytes: self.bytes,
            fed: 0,
            feed_errors: 0,
            samples: self.latencies.len(),
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
            max_ms: ms(1.0),
            announced_gaps: self.announced_gaps,
            silent_gaps: self.silent_gaps,
            subscribed_again_ms: 0.0,
            caught_up_again_ms: 0.0,
            still_away: 0,
            outcomes: self.outcomes.clone(),
            machine,
        }
    }
}
