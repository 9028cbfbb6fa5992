//! What the machine did between two moments: both cores, the server's process, the kernel's socket memory.

use millrace_bench::report::{ProcessUse, process_use};
use serde::Serialize;
use std::fs::read_to_string;
use std::time::Instant;

const TICKS_PER_SECOND: f64 = 100.0;
const PAGE_BYTES: u64 = 4096;

/// Seconds of one core.
#[derive(Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Core {
    pub user: f64,
    /// System, interrupts and softirqs.
    pub kernel: f64,
    pub idle: f64,
    /// What the hypervisor took.
    pub steal: f64,
}

impl Core {
    fn since(self, before: Self) -> Self {
        Self {
            user: self.user - before.user,
            kernel: self.kernel - before.kernel,
            idle: self.idle - before.idle,
            steal: self.steal - before.steal,
        }
    }
}

pub struct Snapshot {
    at: Instant,
    cores: Vec<Core>,
    server: ProcessUse,
    socket_memory_bytes: u64,
}

/// The difference of two snapshots; bytes are those of the later one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Use {
    pub seconds: f64,
    pub cores: Vec<Core>,
    pub server_cpu_seconds: f64,
    pub server_user_seconds: f64,
    pub server_rss_bytes: u64,
    pub server_rss_growth_bytes: i64,
    pub socket_memory_bytes: u64,
    pub socket_memory_growth_bytes: i64,
}

impl Snapshot {
    pub fn take(pid: u32) -> Self {
        Self {
            at: Instant::now(),
            cores: cores(),
            server: process_use(pid),
            socket_memory_bytes: socket_memory_bytes(),
        }
    }

    pub fn until(&self, later: &Self) -> Use {
        let pairs = later.cores.iter().zip(&self.cores);
        Use {
            seconds: (later.at - self.at).as_secs_f64(),
            cores: pairs.map(|(after, before)| after.since(*before)).collect(),
            server_cpu_seconds: later.server.cpu_seconds - self.server.cpu_seconds,
            server_user_seconds: later.server.user_seconds - self.server.user_seconds,
            server_rss_bytes: later.server.rss_bytes,
            server_rss_growth_bytes: later.server.rss_bytes as i64 - self.server.rss_bytes as i64,
            socket_memory_bytes: later.socket_memory_bytes,
            socket_memory_growth_bytes: later.socket_memory_bytes as i64
                - self.socket_memory_bytes as i64,
        }
    }
}

/// `cpuN user nice system idle iowait irq softirq steal …` of /proc/stat, in clock ticks.
fn cores() -> Vec<Core> {
    let stat = read_to_string("/proc/stat").unwrap_or_default();
    let lines = stat.lines().filter(|line| {
        line.strip_prefix("cpu")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    lines
        .map(|line| {
            let ticks: Vec<f64> = line
                .split_whitespace()
                .skip(1)
                .flat_map(str::parse)
                .collect();
            let seconds =
                |index: usize| ticks.get(index).copied().unwrap_or(0.0) / TICKS_PER_SECOND;
            Core {
                user: seconds(0) + seconds(1),
                kernel: seconds(2) + seconds(5) + seconds(6),
                idle: seconds(3) + seconds(4),
                steal: seconds(7),
            }
        })
        .collect()
}

/// Memory of all TCP sockets of the machine: `TCP: … mem PAGES` of /proc/net/sockstat.
fn socket_memory_bytes() -> u64 {
    let stat = read_to_string("/proc/net/sockstat").unwrap_or_default();
    let line = stat
        .lines()
        .find(|line| line.starts_with("TCP:"))
        .unwrap_or_default();
    let pages = line
        .split_whitespace()
        .skip_while(|word| *word != "mem")
        .nth(1);
    pages.and_then(|word| word.parse::<u64>().ok()).unwrap_or(0) * PAGE_BYTES
}
