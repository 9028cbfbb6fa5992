//! Decides which records of a batch stay, and writes the batch anew without the others.

use std::collections::{HashMap, HashSet};

use millrace_codec::{compress, decompress};
use millrace_record::{
    ATTRIBUTE_DELETE_HORIZON, ATTRIBUTE_LOG_APPEND_TIME, BatchHeader, HEADER_BYTES, RawRecord,
    RawRecords, control_type, seal, write_record,
};

use crate::key_map::KeyMap;
use crate::types::{AbortedTransaction, CompactRequest};

/// A batch that inflates beyond this, or sixteen times `max.message.bytes`, stays as it is.
const INFLATED_BYTES_MAX: u64 = 64 << 20;
/// A producer that wrote nothing for so long is forgotten (`producer.id.expiration.ms`).
const PRODUCER_EXPIRY_MS: i64 = 24 * 3_600_000;
const ABORT_MARKER: i16 = 0;

/// Follows aborted transactions while batches pass in offset order.
#[derive(Debug, Default)]
pub(crate) struct Aborted {
    /// By first offset, descending: the next one is the last.
    waiting: Vec<AbortedTransaction>,
    open: HashSet<i64>,
}

impl Aborted {
    pub(crate) fn new(mut entries: Vec<AbortedTransaction>) -> Self {
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.first_offset));
        Self {
            waiting: entries,
            open: HashSet::new(),
        }
    }

    /// Whether the batch belongs to an aborted transaction. `body` is asked for control batches.
    pub(crate) fn covers(&mut self, header: &BatchHeader, body: &[u8]) -> bool {
        while let Some(next) = self.waiting.last() {
            if next.first_offset > header.last_offset() {
                break;
            }
            self.open.insert(next.producer_id);
            self.waiting.pop();
        }
        if header.is_control() {
            if control_type(body).is_some_and(|(kind, _)| kind == ABORT_MARKER) {
                self.open.remove(&header.producer_id);
            }
            return false;
        }
        header.is_transactional() && self.open.contains(&header.producer_id)
    }
}

/// What is to be done with a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it is.
    Keep,
    /// The bytes in `Cleaner::output`.
    Rewrite,
    /// Nothing of it stays.
    Drop,
}

/// The second pass: filters batches by the map of the first.
pub(crate) struct Cleaner<'a> {
    pub(crate) map: &'a KeyMap,
    /// Batches that end at or above it are not in the map and stay.
    pub(crate) clean_end: i64,
    pub(crate) request: &'a CompactRequest,
    /// Producer id → base offset of its last batch in the log.
    pub(crate) last_of_producer: &'a HashMap<i64, i64>,
    /// The rewritten batch.
    pub(crate) output: Vec<u8>,
    pub(crate) records_kept: u64,
    body: Vec<u8>,
    records: Vec<u8>,
}

impl<'a> Cleaner<'a> {
    pub(crate) fn new(
        map: &'a KeyMap,
        clean_end: i64,
        request: &'a CompactRequest,
        last_of_producer: &'a HashMap<i64, i64>,
    ) -> Self {
        Self {
            map,
            clean_end,
            request,
            last_of_producer,
            output: Vec::new(),
            records_kept: 0,
            body: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Judges one batch.
    pub(crate) fn judge(&mut self, header: &BatchHeader, batch: &[u8], aborted: bool) -> Verdict {
        if header.is_control() || header.last_offset() >= self.clean_end {
            self.records_kept += header.record_count as u64;
            return Verdict::Keep;
        }
        if header.record_count == 0 {
            return if self.is_remembered(header) {
                Verdict::Keep
            } else {
                Verdict::Drop
            };
        }
        if !inflate(header, batch, self.request, &mut self.body) {
            self.records_kept += header.record_count as u64;
            return Verdict::Keep;
        }
        let body = std::mem::take(&mut self.body);
        let verdict = self.filter(header, &body, aborted);
        self.body = body;
        verdict
    }

    fn filter(&mut self, header: &BatchHeader, body: &[u8], aborted: bool) -> Verdict {
        let expired = header.has_delete_horizon() && header.base_timestamp <= self.request.now_ms;
        let mut kept: Vec<RawRecord<'_>> = Vec::new();
        let mut has_tombstone = false;
        for record in RawRecords::new(body, header.record_count) {
            let Ok(record) = record else {
                // Not what it says it is: nothing is thrown away on such a basis.
                self.records_kept += header.record_count as u64;
                return Verdict::Keep;
            };
            if !aborted && self.stays(header, &record, expired) {
                has_tombstone |= record.value.is_none();
                kept.push(record);
            }
        }
        self.records_kept += kept.len() as u64;
        if kept.is_empty() && !self.is_remembered(header) {
            return Verdict::Drop;
        }
        let new_horizon = has_tombstone && !header.has_delete_horizon();
        if kept.len() as i32 == header.record_count && !new_horizon {
            return Verdict::Keep;
        }
        let horizon = new_horizon.then(|| {
            self.request
                .now_ms
                .saturating_add(self.request.delete_retention_ms)
        });
        if self.rewrite(header, &kept, horizon) {
            Verdict::Rewrite
        } else {
            Verdict::Keep
        }
    }

    /// The last record of its key stays; a tombstone only until its horizon.
    fn stays(&self, header: &BatchHeader, record: &RawRecord<'_>, expired: bool) -> bool {
        // A compacted log has no records without keys; whoever wrote one loses it here.
        let Some(key) = record.key else { return false };
        let offset = header.base_offset + i64::from(record.offset_delta);
        let is_last = self.map.last_offset(key).is_none_or(|last| offset >= last);
        is_last && (record.value.is_some() || !expired)
    }

    /// An empty batch tells a restarted broker the producer's last sequence.
    fn is_remembered(&self, header: &BatchHeader) -> bool {
        header.producer_id >= 0
            && self.last_of_producer.get(&header.producer_id) == Some(&header.base_offset)
            && header.max_timestamp > self.request.now_ms - PRODUCER_EXPIRY_MS
    }

    /// False when the batch cannot be written anew.
    fn rewrite(
        &mut self,
        header: &BatchHeader,
        kept: &[RawRecord<'_>],
        horizon: Option<i64>,
    ) -> bool {
        let mut new = *header;
        new.record_count = kept.len() as i32;
        if let Some(horizon) = horizon {
            new.attributes |= ATTRIBUTE_DELETE_HORIZON;
            new.base_timestamp = horizon;
        }
        let shift = header.base_timestamp.wrapping_sub(new.base_timestamp);
        self.records.clear();
        let mut max_timestamp = i64::MIN;
        for record in kept {
            let delta = record.timestamp_delta.wrapping_add(shift);
            max_timestamp = max_timestamp.max(new.base_timestamp.wrapping_add(delta));
            if horizon.is_none() {
                self.records.extend_from_slice(record.bytes);
                continue;
            }
            let (key, value) = (record.key, record.value);
            let into = &mut self.records;
            write_record(into, delta, record.offset_delta, key, value, record.headers);
        }
        let append_time = header.attributes & ATTRIBUTE_LOG_APPEND_TIME != 0;
        if !append_time && !kept.is_empty() {
            new.max_timestamp = max_timestamp;
        }
        self.output.clear();
        self.output.resize(HEADER_BYTES, 0);
        if kept.is_empty() {
            // Nothing to decompress in an empty body.
            new.attributes &= !millrace_record::ATTRIBUTE_CODEC_MASK;
        } else if compress(header.codec(), &self.records, &mut self.output).is_err() {
            return false;
        }
        if self.output.len() > i32::MAX as usize {
            return false;
        }
        new.size_bytes = self.output.len() as u64;
        new.write(&mut self.output);
        seal(&mut self.output);
        true
    }
}

/// The body of a batch, decompressed; false when it is too large or cannot be read.
pub(crate) fn inflate(
    header: &BatchHeader,
    batch: &[u8],
    request: &CompactRequest,
    into: &mut Vec<u8>,
) -> bool {
    let limit = INFLATED_BYTES_MAX.max(request.max_message_bytes.saturating_mul(16));
    into.clear();
    into.shrink_to(INFLATED_BYTES_MAX as usize);
    decompress(header.codec(), &batch[HEADER_BYTES..], limit as usize, into).is_ok()
}
