//! What a run is told and what it reports: one line of JSON each way.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Settings of a run; absent fields take the defaults below. Sizes in bytes.
#[derive(Deserialize, Clone)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Settings {
    /// `produce`, `fetch`, `end-to-end`, `flush`, `create` or `delete`.
    pub mode: String,
    /// Where `flush` puts its files, one a partition.
    pub dir: String,
    pub address: String,
    pub topic: String,
    pub partitions: i32,
    pub connections: usize,
    /// Records per batch are as many as fit, at least one.
    pub batch_bytes: usize,
    pub record_bytes: usize,
    /// Requests in flight per connection.
    pub depth: usize,
    pub acks: i16,
    /// Requests a second over all connections; 0 = closed loop.
    pub rate: f64,
    pub fetch_bytes: i32,
    pub warmup_seconds: f64,
    pub seconds: f64,
    /// The server whose CPU time and memory are read; 0 = none.
    pub pid: u32,
    pub configs: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: String::new(),
            dir: String::new(),
            address: "127.0.0.1:9092".into(),
            topic: "bench".into(),
            partitions: 4,
            connections: 1,
            batch_bytes: 65_536,
            record_bytes: 1_000,
            depth: 5,
            acks: -1,
            rate: 0.0,
            fetch_bytes: 1 << 20,
            warmup_seconds: 1.0,
            seconds: 5.0,
            pid: 0,
            configs: Vec::new(),
        }
    }
}

impl Settings {
    /// How many records of `record_bytes` fill a batch of `batch_bytes` (about 8 bytes a record and
    /// 61 a batch are overhead).
    pub fn records_per_batch(&self) -> usize {
        (self.batch_bytes.saturating_sub(61) / (self.record_bytes + 8)).max(1)
    }
}

/// CPU seconds (user and system) and resident memory of a process, from /proc.
#[derive(Clone, Copy, Default)]
pub struct ProcessUse {
    pub cpu_seconds: f64,
    /// The part of it spent in user space.
    pub user_seconds: f64,
    pub rss_bytes: u64,
}

/// Reads /proc; all zero when `pid` is 0 or gone.
pub fn process_use(pid: u32) -> ProcessUse {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return ProcessUse::default();
    };
    // The command name may hold spaces: fields are counted from its closing parenthesis.
    let fields: Vec<&str> = stat
        .rsplit_once(") ")
        .map(|(_, rest)| rest.split(' ').collect())
        .unwrap_or_default();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|v| v.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    // SAFETY: sysconf takes a constant and touches no memory.
    let (per_second, page) = unsafe {
        (
            libc::sysconf(libc::_SC_CLK_TCK) as f64,
            libc::sysconf(libc::_SC_PAGESIZE),
        )
    };
    ProcessUse {
        cpu_seconds: (ticks(11) + ticks(12)) / per_second,
        user_seconds: ticks(11) / per_second,
        rss_bytes: ticks(21) as u64 * page as u64,
    }
}

/// Counts from the end of the warm-up on.
pub struct Meter {
    settings: Settings,
    started: Instant,
    measuring_since: Option<(Instant, ProcessUse)>,
    latencies: Histogram<u64>,
    requests: u64,
    bytes: u64,
    errors: u64,
}

/// The result of a run. Durations in ms where the name says so.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub requests: u64,
    pub errors: u64,
    pub seconds: f64,
    pub requests_per_second: f64,
    pub mb_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub cpu_seconds: f64,
    pub cpu_seconds_per_gb: f64,
    pub cpu_micros_per_request: f64,
    pub rss_mb: f64,
}

impl Meter {
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            started: Instant::now(),
            measuring_since: None,
            latencies: Histogram::new_with_bounds(1, 600_000_000_000, 3)
                .expect("constant bounds are valid"),
            requests: 0,
            bytes: 0,
            errors: 0,
        }
    }

    /// Notes one answered request; ignored during the warm-up.
    pub fn note(&mut self, latency: Duration, bytes: u64) {
        if self.measuring_since.is_some() {
            self.requests += 1;
            self.bytes += bytes;
            self.latencies.saturating_record(latency.as_nanos() as u64);
        }
    }

    pub fn error(&mut self, text: &str) {
        if self.errors == 0 {
            eprintln!("load: first error: {text}");
        }
        self.errors += 1;
    }

    /// Ends the warm-up when it is due; true when the whole run is over.
    pub fn is_over(&mut self) -> bool {
        let elapsed = self.started.elapsed().as_secs_f64();
        if self.measuring_since.is_none() && elapsed >= self.settings.warmup_seconds {
            self.measuring_since = Some((Instant::now(), process_use(self.settings.pid)));
        }
        elapsed >= self.settings.warmup_seconds + self.settings.seconds
    }

    pub fn report(&self) -> Report {
        let (since, before) = self
            .measuring_since
            .unwrap_or((self.started, process_use(self.settings.pid)));
        let after = process_use(self.settings.pid);
        let seconds = since.elapsed().as_secs_f64();
        let cpu_seconds = after.cpu_seconds - before.cpu_seconds;
        let quantile_ms = |q: f64| self.latencies.value_at_quantile(q) as f64 / 1e6;
        Report {
            requests: self.requests,
            errors: self.errors,
            seconds,
            requests_per_second: self.requests as f64 / seconds,
            mb_per_second: self.bytes as f64 / 1e6 / seconds,
            p50_ms: quantile_ms(0.5),
            p99_ms: quantile_ms(0.99),
            p999_ms: quantile_ms(0.999),
            cpu_seconds,
            cpu_seconds_per_gb: cpu_seconds / (self.bytes.max(1) as f64 / 1e9),
            cpu_micros_per_request: cpu_seconds * 1e6 / self.requests.max(1) as f64,
            rss_mb: after.rss_bytes as f64 / 1e6,
        }
    }
}
