//! The end of a log as staging sees it: which offset, position and segment the next batch gets.
//! Pure decisions; nothing here touches a file.

use std::io::IoSlice;

use millrace_record::{BatchHeader, NO_TIMESTAMP};

use crate::clock::now_ms;
use crate::types::LogOptions;

/// A batch that waits to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StagedBatch {
    pub(crate) size_bytes: u64,
    pub(crate) last_offset: i64,
    pub(crate) max_timestamp: i64,
    /// Base offset of the segment to open first.
    pub(crate) roll_at: Option<i64>,
    /// Gets index entries.
    pub(crate) indexed: bool,
}

/// Where the next batch goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TailMark {
    pub(crate) next_offset: i64,
    pub(crate) segment_base: i64,
    pub(crate) position: u64,
    /// Max timestamp of the segment's first batch; segment age counts from it.
    pub(crate) first_timestamp: Option<i64>,
    pub(crate) created_at_ms: i64,
    pub(crate) bytes_since_index: u64,
    pub(crate) offset_entries: u64,
    pub(crate) time_entries: u64,
    pub(crate) largest_timestamp: i64,
    pub(crate) last_time_entry: i64,
}

impl TailMark {
    /// Of an empty segment.
    pub(crate) fn of_new_segment(base_offset: i64) -> Self {
        Self {
            next_offset: base_offset,
            segment_base: base_offset,
            position: 0,
            first_timestamp: None,
            created_at_ms: now_ms(),
            bytes_since_index: 0,
            offset_entries: 0,
            time_entries: 0,
            largest_timestamp: NO_TIMESTAMP,
            last_time_entry: NO_TIMESTAMP,
        }
    }

    /// Whether the batch must start a new segment (`kafka-surface` C.2). No append, no roll.
    fn must_roll(&self, header: &BatchHeader, options: &LogOptions) -> bool {
        let last_offset = self.next_offset + i64::from(header.last_offset_delta);
        if last_offset - self.segment_base > i64::from(i32::MAX) {
            return true;
        }
        if self.position == 0 {
            return false;
        }
        self.position + header.size_bytes > options.segment_bytes
            || self.offset_entries >= (options.segment_index_bytes / 8).max(1)
            // One entry is kept free for the final one.
            || self.time_entries + 1 >= (options.segment_index_bytes / 12).max(2)
            || self.age_ms(header) > options.segment_ms - self.jitter_ms(options)
    }

    fn age_ms(&self, header: &BatchHeader) -> i64 {
        match self.first_timestamp {
            Some(first) if first >= 0 && header.max_timestamp >= 0 => {
                header.max_timestamp.saturating_sub(first)
            }
            _ => now_ms().saturating_sub(self.created_at_ms),
        }
    }

    /// Spreads rolls of many logs: a fixed fraction per segment, from a hash of its base offset and
    /// creation time.
    fn jitter_ms(&self, options: &LogOptions) -> i64 {
        let bound = options.segment_jitter_ms.min(options.segment_ms);
        if bound <= 0 {
            return 0;
        }
        let seed = (self.segment_base ^ self.created_at_ms) as u64;
        let mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        (mixed % bound as u64) as i64
    }

    /// Decides for one batch and moves on behind it. Gives the batch's base offset as well.
    pub(crate) fn stage(
        &mut self,
        header: &BatchHeader,
        options: &LogOptions,
    ) -> (i64, StagedBatch) {
        let base_offset = self.next_offset;
        let roll_at = self.must_roll(header, options).then_some(base_offset);
        if roll_at.is_some() {
            *self = Self::of_new_segment(base_offset);
        }
        if self.position == 0 {
            self.first_timestamp = Some(header.max_timestamp);
        }
        self.largest_timestamp = self.largest_timestamp.max(header.max_timestamp);
        let indexed = self.bytes_since_index > options.index_interval_bytes;
        if indexed {
            self.bytes_since_index = 0;
            self.offset_entries += 1;
            if self.largest_timestamp > self.last_time_entry {
                self.time_entries += 1;
                self.last_time_entry = self.largest_timestamp;
            }
        }
        let last_offset = base_offset + i64::from(header.last_offset_delta);
        self.bytes_since_index += header.size_bytes;
        self.position += header.size_bytes;
        self.next_offset = last_offset + 1;
        let staged = StagedBatch {
            size_bytes: header.size_bytes,
            last_offset,
            max_timestamp: header.max_timestamp,
            roll_at,
            indexed,
        };
        (base_offset, staged)
    }
}

/// Batches of one log between `stage` and `commit`.
#[derive(Debug, Default)]
pub(crate) struct StagedBatches {
    pub(crate) batches: Vec<StagedBatch>,
    /// Their bytes, in the same order. See `Appender::stage` for how long they live.
    pub(crate) slices: Vec<IoSlice<'static>>,
}

impl StagedBatches {
    pub(crate) fn clear(&mut self) {
        self.batches.clear();
        self.slices.clear();
    }
}

/// The staging state of a log.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Behind everything staged.
    pub(crate) mark: TailMark,
    /// Behind everything written: where `mark` falls back to when a commit fails.
    pub(crate) committed: TailMark,
    pub(crate) staged: StagedBatches,
    pub(crate) closed: bool,
    /// Commits in the queue of the writer thread.
    pub(crate) deferred_count: usize,
    /// One of them was refused: the offsets staged behind it are void.
    pub(crate) is_broken: bool,
    /// Completion rows up to this number contain the report of it.
    pub(crate) refusals_reported: u64,
}

impl Tail {
    /// At the log end `mark`.
    pub(crate) fn new(mark: TailMark) -> Self {
        Self {
            mark,
            committed: mark,
            staged: StagedBatches::default(),
            closed: false,
            deferred_count: 0,
            is_broken: false,
            refusals_reported: 0,
        }
    }

    /// Goes on at the log end after a refusal, once nothing of before is under way and the deciding
    /// thread has been told.
    pub(crate) fn heal(&mut self, drained_count: u64) -> bool {
        let over = self.deferred_count == 0
            && self.staged.batches.is_empty()
            && drained_count >= self.refusals_reported;
        if over {
            self.mark = self.committed;
            self.is_broken = false;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_record::{BatchFields, write_batch};

    fn header(max_timestamp: i64) -> BatchHeader {
        let fields = BatchFields {
            base_timestamp: max_timestamp,
            ..BatchFields::default()
        };
        BatchHeader::read(&write_batch(&fields, &[(None, Some(&[0; 100]))])).unwrap()
    }

    #[test]
    fn a_roll_needs_a_non_empty_segment() {
        let options = LogOptions {
            segment_bytes: 10,
            segment_ms: 0,
            ..LogOptions::default()
        };
        let mut mark = TailMark::of_new_segment(5);
        assert_eq!(mark.stage(&header(0), &options).1.roll_at, None);
        assert_eq!(mark.stage(&header(0), &options).1.roll_at, Some(6));
    }

    #[test]
    fn age_counts_from_the_first_batch() {
        let options = LogOptions {
            segment_ms: 1_000,
            ..LogOptions::default()
        };
        let mut mark = TailMark::of_new_segment(0);
        for (timestamp, rolls) in [(50, false), (1_050, false), (1_051, true), (2_051, false)] {
            let staged = mark.stage(&header(timestamp), &options).1;
            assert_eq!(staged.roll_at.is_some(), rolls, "{timestamp}");
        }
    }

    #[test]
    fn an_offset_that_no_longer_fits_the_index_rolls() {
        let mut mark = TailMark::of_new_segment(0);
        mark.next_offset = i64::from(i32::MAX);
        assert_eq!(
            mark.stage(&header(0), &LogOptions::default()).1.roll_at,
            None
        );
        assert!(
            mark.stage(&header(0), &LogOptions::default())
                .1
                .roll_at
                .is_some()
        );
    }

    #[test]
    fn full_indexes_roll() {
        let options = LogOptions {
            segment_index_bytes: 48,
            index_interval_bytes: 0,
            ..LogOptions::default()
        };
        let mut mark = TailMark::of_new_segment(0);
        let rolls: Vec<bool> = (0..9)
            .map(|timestamp| mark.stage(&header(timestamp), &options).1.roll_at.is_some())
            .collect();
        // The first batch has no entry; the time index is full at three of four entries.
        assert_eq!(
            rolls,
            [false, false, false, false, true, false, false, false, true]
        );
    }
}
