//! Tells when a write to the page cache is about to wait for the disk.
//!
//! The kernel makes writers wait once dirty pages pass the middle between its two thresholds; before
//! that even a full-speed load is not paused. So the first slow write looks at the kernel's counters,
//! and a slow flush is a warning of its own. While the warning lasts commits go to the writer thread,
//! and after it until a write there was quick: the deciding thread does not try a bad disk again by
//! itself.

use std::time::{Duration, Instant};

/// Share of the kernel's limit from which a slow write is its doing, in percent.
const WARN_PERCENT: u64 = 90;
/// A write that takes longer than this, and longer than its bytes explain, is slow. One alone may be
/// a busy machine's doing; it warns when the counters are near the limit or a second one follows
/// within `WARNING`.
const SLOW_WRITE: Duration = Duration::from_millis(50);
const SLOW_BYTES_PER_MS: u128 = 100_000;
/// No busy machine takes that long: such a write warns at once.
const STALLED_WRITE: Duration = Duration::from_millis(200);
/// A flush that takes longer is slow.
const SLOW_FLUSH: Duration = Duration::from_millis(200);
/// How long a slow write or flush warns; longer while the counters stay near the limit.
const WARNING: Duration = Duration::from_secs(1);

/// The warning of one directory.
#[derive(Debug)]
pub(crate) struct Pressure {
    warned_until: Option<Instant>,
    /// The last write was slow while a warning lasted: the next one shows whether that is over.
    was_slow: bool,
    last_slow: Option<Instant>,
    /// When the flushes that are under way began.
    flushes: Vec<Instant>,
    counters: Counters,
}

/// Where the counters come from.
type Counters = fn() -> Option<String>;

fn vmstat() -> Option<String> {
    std::fs::read_to_string("/proc/vmstat").ok()
}

impl Default for Pressure {
    fn default() -> Self {
        Self {
            warned_until: None,
            was_slow: false,
            last_slow: None,
            flushes: Vec::new(),
            counters: vmstat,
        }
    }
}

impl Pressure {
    /// Whether the next write had better not be made here.
    pub(crate) fn is_high(&mut self) -> bool {
        if self
            .flushes
            .iter()
            .any(|began| began.elapsed() > SLOW_FLUSH)
        {
            self.warn();
        }
        match self.warned_until {
            Some(until) if until > Instant::now() => return true,
            Some(_) if self.is_near_limit() => {
                self.warn();
                return true;
            }
            Some(_) => self.warned_until = None,
            None => {}
        }
        self.was_slow
    }

    /// Notes how long a write took, wherever it was made.
    pub(crate) fn note_write(&mut self, bytes: u64, took: Duration) {
        let now = Instant::now();
        let slow = took > SLOW_WRITE && took.as_millis() * SLOW_BYTES_PER_MS > u128::from(bytes);
        let again =
            self.warned_until.is_some() || self.last_slow.is_some_and(|last| now - last < WARNING);
        self.was_slow = slow && (again || took > STALLED_WRITE || self.is_near_limit());
        if slow {
            self.last_slow = Some(now);
        }
        if self.was_slow {
            self.warn();
        }
    }

    /// A flush begins: where flushes hang, writes will.
    pub(crate) fn flush_begins(&mut self) -> Instant {
        let now = Instant::now();
        self.flushes.push(now);
        now
    }

    /// It is over.
    pub(crate) fn flush_ends(&mut self, began: Instant) {
        if let Some(index) = self.flushes.iter().position(|other| *other == began) {
            self.flushes.swap_remove(index);
        }
        if began.elapsed() > SLOW_FLUSH {
            self.warn();
        }
    }

    fn is_near_limit(&self) -> bool {
        (self.counters)().is_some_and(|text| is_near_limit(&text))
    }

    fn warn(&mut self) {
        self.warned_until = Some(Instant::now() + WARNING);
    }
}

fn is_near_limit(vmstat: &str) -> bool {
    let counter = |name: &str| -> Option<u64> {
        let line = vmstat
            .lines()
            .find(|line| line.strip_prefix(name).is_some_and(starts_blank))?;
        line.rsplit(' ').next()?.parse().ok()
    };
    let waiting = counter("nr_dirty").zip(counter("nr_writeback"));
    let limits = counter("nr_dirty_threshold").zip(counter("nr_dirty_background_threshold"));
    match (waiting, limits) {
        (Some((dirty, writeback)), Some((hard, background))) => {
            (dirty + writeback) * 100 > (hard + background) / 2 * WARN_PERCENT
        }
        _ => false,
    }
}

fn starts_blank(rest: &str) -> bool {
    rest.starts_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: &str = "nr_dirty 10\nnr_writeback 5\nnr_writeback_temp 9999\n\
        nr_dirty_threshold 200\nnr_dirty_background_threshold 100\n";

    fn calm() -> Pressure {
        Pressure {
            counters: || Some(CALM.to_owned()),
            ..Pressure::default()
        }
    }

    #[test]
    fn the_limit_is_the_middle_of_both_thresholds() {
        assert!(!is_near_limit(CALM));
        assert!(!is_near_limit(&CALM.replace("nr_dirty 10", "nr_dirty 130")));
        assert!(is_near_limit(&CALM.replace("nr_dirty 10", "nr_dirty 131")));
        assert!(!is_near_limit("nothing of the kind"));
        assert!(vmstat().is_none_or(|text| text.contains("nr_dirty_threshold ")));
    }

    #[test]
    fn a_slow_write_warns_but_a_large_one_may_take_its_time() {
        let mut pressure = calm();
        pressure.note_write(10_000_000, Duration::from_millis(90));
        assert!(!pressure.is_high());
        pressure.note_write(100_000, Duration::from_millis(500));
        assert!(pressure.is_high());
    }

    #[test]
    fn a_pause_warns_when_it_comes_again() {
        let mut pressure = calm();
        pressure.note_write(1, Duration::from_millis(90));
        assert!(!pressure.is_high(), "once may be chance");
        pressure.note_write(1, Duration::from_millis(1));
        pressure.note_write(1, Duration::from_millis(90));
        assert!(pressure.is_high());
        let mut stalled = calm();
        stalled.note_write(1, Duration::from_millis(500));
        assert!(stalled.is_high());
    }

    #[test]
    fn only_a_quick_write_ends_the_suspicion_of_a_slow_one() {
        let mut pressure = calm();
        pressure.note_write(1, Duration::from_secs(2));
        pressure.warned_until = Some(Instant::now());
        assert!(pressure.is_high());
        assert!(pressure.is_high(), "the warning is over, nobody has tried");
        pressure.note_write(1, Duration::from_millis(1));
        assert!(!pressure.is_high());
    }

    #[test]
    fn a_slow_flush_warns_while_it_hangs_and_afterwards() {
        let mut pressure = Pressure::default();
        let quick = pressure.flush_begins();
        pressure.flush_ends(quick);
        assert!(!pressure.is_high() && pressure.flushes.is_empty());
        let began = Instant::now() - Duration::from_millis(300);
        pressure.flushes.push(began);
        assert!(pressure.is_high());
        pressure.warned_until = None;
        pressure.flush_ends(began);
        assert!(pressure.is_high() && pressure.flushes.is_empty());
    }

    #[test]
    fn a_slow_write_near_the_limit_warns_for_as_long_as_it_is_near() {
        let counters = || Some(CALM.replace("nr_dirty 10", "nr_dirty 900"));
        let mut pressure = Pressure {
            counters,
            ..Pressure::default()
        };
        assert!(!pressure.is_high(), "full speed is no pause");
        pressure.note_write(1, Duration::from_millis(90));
        assert!(pressure.is_high());
        pressure.note_write(1, Duration::from_millis(1));
        pressure.warned_until = Some(Instant::now());
        assert!(pressure.is_high());
        pressure.counters = || Some(CALM.to_owned());
        pressure.warned_until = Some(Instant::now());
        assert!(!pressure.is_high());
    }
}
