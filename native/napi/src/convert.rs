//! Structs of the core from and to plain objects, field by field.

use std::ffi::CStr;
use std::time::Duration;

use millrace_io::Result;
use millrace_log::{
    AbortedTransaction, CompactRequest, CompactResult, EpochEntry, FlushMode, LogOptions,
    OpenLogRequest, OpenedLog, ProducerRow, SegmentInfo,
};
use millrace_reactor::{PrefixRange, ReactorOptions};
use napi_sys as sys;

use crate::js::{Js, Value};

fn f64_field(js: Js, object: Value, name: &CStr) -> Result<f64> {
    js.to_f64(js.field(object, name))
}

fn i64_field(js: Js, object: Value, name: &CStr) -> Result<i64> {
    f64_field(js, object, name).map(|number| number as i64)
}

fn u64_field(js: Js, object: Value, name: &CStr) -> Result<u64> {
    f64_field(js, object, name).map(|number| number as u64)
}

pub(crate) fn reactor_options(js: Js, object: Value) -> Result<ReactorOptions> {
    let size = |name: &CStr| f64_field(js, object, name).map(|number| number as usize);
    let optional = |name: &CStr| {
        f64_field(js, object, name).map(|number| (number >= 0.0).then_some(number as usize))
    };
    Ok(ReactorOptions {
        max_frame_bytes: size(c"maxFrameBytes")?,
        min_frame_bytes: size(c"minFrameBytes")?,
        inbound_budget_bytes: u64_field(js, object, c"inboundBudgetBytes")?,
        max_queued_send_bytes: u64_field(js, object, c"maxQueuedSendBytes")?,
        idle_ms: u64_field(js, object, c"idleMs")?,
        frame_deadline_ms: u64_field(js, object, c"frameDeadlineMs")?,
        send_deadline_ms: u64_field(js, object, c"sendDeadlineMs")?,
        max_connections: size(c"maxConnections")?,
        max_connections_per_address: size(c"maxConnectionsPerAddress")?,
        send_buffer_bytes: optional(c"sendBufferBytes")?,
        receive_buffer_bytes: optional(c"receiveBufferBytes")?,
        accepted_prefixes: prefixes(js, js.field(object, c"acceptedPrefixes"))?,
    })
}

fn prefixes(js: Js, value: Value) -> Result<Vec<PrefixRange>> {
    let (kind, start, length) = js.to_typed_array(value)?;
    if kind != sys::TypedarrayType::int16_array || length == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: Node says that `length` int16 lie there, aligned; nothing else runs meanwhile.
    #[allow(unsafe_code, reason = "elements of a typed array")]
    let numbers = unsafe { std::slice::from_raw_parts(start.cast::<i16>(), length) };
    Ok(numbers
        .chunks_exact(3)
        .map(|triple| PrefixRange {
            first: triple[0],
            lowest: triple[1],
            highest: triple[2],
        })
        .collect())
}

pub(crate) fn log_options(js: Js, object: Value) -> Result<LogOptions> {
    let mode = js.to_string(js.field(object, c"flushMode"))?;
    Ok(LogOptions {
        segment_bytes: u64_field(js, object, c"segmentBytes")?,
        segment_ms: i64_field(js, object, c"segmentMs")?,
        segment_jitter_ms: i64_field(js, object, c"segmentJitterMs")?,
        segment_index_bytes: u64_field(js, object, c"segmentIndexBytes")?,
        index_interval_bytes: u64_field(js, object, c"indexIntervalBytes")?,
        flush_mode: if mode == "os" {
            FlushMode::Os
        } else {
            FlushMode::Group
        },
        file_delete_delay: Duration::from_millis(u64_field(js, object, c"fileDeleteDelayMs")?),
    })
}

pub(crate) fn open_log_request(js: Js, object: Value) -> Result<OpenLogRequest> {
    Ok(OpenLogRequest {
        dir_id: js.to_u32(js.field(object, c"dirId"))?,
        name: js.to_string(js.field(object, c"name"))?,
        create: js.to_bool(js.field(object, c"create"))?,
        options: log_options(js, js.field(object, c"options"))?,
        recovery_point: i64_field(js, object, c"recoveryPoint")?,
        log_start_offset: i64_field(js, object, c"logStartOffset")?,
        clean: js.to_bool(js.field(object, c"clean"))?,
        topic_id: js.to_optional_string(js.field(object, c"topicId"))?,
    })
}

pub(crate) fn opened_log(js: Js, log: OpenedLog) -> Value {
    let offset = |offset: i64| js.number(offset as f64);
    js.object(&[
        (c"logId", js.number(log.log_id.into())),
        (c"logStartOffset", offset(log.log_start_offset)),
        (c"logEndOffset", offset(log.log_end_offset)),
        (c"flushedOffset", offset(log.flushed_offset)),
        (
            c"topicId",
            log.topic_id
                .as_deref()
                .map_or_else(|| js.null(), |id| js.string(id)),
        ),
        (c"epochs", epochs(js, &log.epochs)),
        (c"truncatedBytes", js.number(log.truncated_bytes as f64)),
        (
            c"snapshotOffsets",
            js.array(log.snapshot_offsets.iter().map(|&at| offset(at))),
        ),
    ])
}

pub(crate) fn epochs(js: Js, entries: &[EpochEntry]) -> Value {
    js.array(entries.iter().map(|entry| {
        js.object(&[
            (c"epoch", js.number(entry.epoch.into())),
            (c"startOffset", js.number(entry.start_offset as f64)),
        ])
    }))
}

pub(crate) fn segment_info(js: Js, segment: &SegmentInfo) -> Value {
    js.object(&[
        (c"baseOffset", js.number(segment.base_offset as f64)),
        (c"sizeBytes", js.number(segment.size_bytes as f64)),
        (
            c"largestTimestamp",
            js.number(segment.largest_timestamp as f64),
        ),
        (c"nextOffset", js.number(segment.next_offset as f64)),
        (
            c"lastModifiedMs",
            js.number(segment.last_modified_ms as f64),
        ),
    ])
}

/// Rows in the order of `ProducerRowColumn`.
pub(crate) fn producer_rows(rows: &[ProducerRow]) -> Vec<f64> {
    rows.iter()
        .flat_map(|row| {
            [
                row.base_offset as f64,
                row.last_offset as f64,
                row.producer_id as f64,
                row.producer_epoch.into(),
                row.base_sequence.into(),
                row.last_sequence.into(),
                row.max_timestamp as f64,
                row.attributes.into(),
                row.control_type.into(),
            ]
        })
        .collect()
}

pub(crate) fn aborted_transaction(js: Js, entry: &AbortedTransaction) -> Value {
    js.object(&[
        (c"producerId", js.number(entry.producer_id as f64)),
        (c"firstOffset", js.number(entry.first_offset as f64)),
        (c"lastOffset", js.number(entry.last_offset as f64)),
        (
            c"lastStableOffset",
            js.number(entry.last_stable_offset as f64),
        ),
    ])
}

pub(crate) fn to_aborted_transaction(js: Js, object: Value) -> Result<AbortedTransaction> {
    Ok(AbortedTransaction {
        producer_id: i64_field(js, object, c"producerId")?,
        first_offset: i64_field(js, object, c"firstOffset")?,
        last_offset: i64_field(js, object, c"lastOffset")?,
        last_stable_offset: i64_field(js, object, c"lastStableOffset")?,
    })
}

pub(crate) fn compact_request(js: Js, object: Value) -> Result<CompactRequest> {
    Ok(CompactRequest {
        first_dirty_offset: i64_field(js, object, c"firstDirtyOffset")?,
        first_uncleanable_offset: i64_field(js, object, c"firstUncleanableOffset")?,
        now_ms: i64_field(js, object, c"nowMs")?,
        delete_retention_ms: i64_field(js, object, c"deleteRetentionMs")?,
        max_message_bytes: u64_field(js, object, c"maxMessageBytes")?,
        dedupe_buffer_bytes: u64_field(js, object, c"dedupeBufferBytes")?,
    })
}

pub(crate) fn compact_result(js: Js, result: CompactResult) -> Value {
    js.object(&[
        (
            c"nextDirtyOffset",
            js.number(result.next_dirty_offset as f64),
        ),
        (c"bytesBefore", js.number(result.bytes_before as f64)),
        (c"bytesAfter", js.number(result.bytes_after as f64)),
        (c"recordsKept", js.number(result.records_kept as f64)),
    ])
}
