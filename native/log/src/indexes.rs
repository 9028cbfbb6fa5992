//! Both indexes of a segment while they are gathered in memory, in the format of their files.

use millrace_record::NO_TIMESTAMP;

use crate::offset_index::OffsetEntry;
use crate::time_index::TimeEntry;

/// Entries of a segment, encoded.
#[derive(Debug)]
pub(crate) struct Indexes {
    pub(crate) base_offset: i64,
    pub(crate) offsets: Vec<u8>,
    pub(crate) times: Vec<u8>,
    pub(crate) last_time_entry: i64,
}

impl Indexes {
    pub(crate) fn new(base_offset: i64) -> Self {
        let last_time_entry = NO_TIMESTAMP;
        Self {
            base_offset,
            offsets: Vec::new(),
            times: Vec::new(),
            last_time_entry,
        }
    }

    /// An entry for a batch, and one for the largest timestamp so far when it has grown.
    pub(crate) fn push(&mut self, entry: OffsetEntry, largest: TimeEntry) {
        self.offsets
            .extend_from_slice(&self.relative(entry.last_offset));
        self.offsets
            .extend_from_slice(&(entry.position as i32).to_be_bytes());
        self.push_time(largest);
    }

    /// The time entry alone, as when a segment is sealed.
    pub(crate) fn push_time(&mut self, largest: TimeEntry) {
        if largest.timestamp > self.last_time_entry {
            self.last_time_entry = largest.timestamp;
            self.times
                .extend_from_slice(&largest.timestamp.to_be_bytes());
            self.times.extend_from_slice(&self.relative(largest.offset));
        }
    }

    fn relative(&self, offset: i64) -> [u8; 4] {
        ((offset - self.base_offset) as i32).to_be_bytes()
    }
}
