//! The one place that asks for the time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Wall-clock milliseconds.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
