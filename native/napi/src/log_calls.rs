//! Calls of one log: reading, cutting, side files.

use std::ffi::CStr;

use millrace_io::Result;
use millrace_log::{AbortedTransaction, ReadBounds};

use crate::function::{Body, Call};
use crate::job::{promise, to_number, to_undefined};
use crate::js::{Js, Value};
use crate::{convert, memory};

pub(crate) const FUNCTIONS: &[(&CStr, Body)] = &[
    (c"warm", warm),
    (c"read", read),
    (c"findBatchByTimestamp", find_batch_by_timestamp),
    (c"findLargestTimestamp", find_largest_timestamp),
    (c"segments", segments),
    (c"sizeBytes", size_bytes),
    (c"roll", roll),
    (c"trimTo", trim_to),
    (c"truncateTo", truncate_to),
    (c"flushLog", flush_log),
    (c"assignLeaderEpoch", assign_leader_epoch),
    (c"epochs", epochs),
    (c"scanProducers", scan_producers),
    (c"writeSnapshot", write_snapshot),
    (c"readSnapshot", read_snapshot),
    (c"removeSnapshot", remove_snapshot),
    (c"abortedTransactions", aborted_transactions),
    (c"appendAbortedTransaction", append_aborted_transaction),
    (c"compact", compact),
];

/// (logId, offset, maxBytes)
fn warm(call: &Call<'_>) -> Result<Value> {
    let (log, offset) = (call.engine.log(call.u32(0)?)?, call.i64(1)?);
    let max_bytes = call.f64(2)? as u64;
    promise(call, to_undefined, move || log.warm(offset, max_bytes))
}

/// (logId, offset, upToOffset, maxBytes, atLeastOne)
fn read(call: &Call<'_>) -> Result<Value> {
    let log = call.engine.log(call.u32(0)?)?;
    let bounds = ReadBounds {
        offset: call.i64(1)?,
        up_to_offset: call.i64(2)?,
        max_bytes: call.f64(3)? as u64,
        at_least_one: call.bool(4)?,
    };
    promise(call, memory::bytes, move || log.read(&bounds))
}

fn offset_or_minus_one(js: Js, offset: Option<i64>) -> Value {
    js.number(offset.unwrap_or(-1) as f64)
}

/// (logId, timestampMs, fromOffset)
fn find_batch_by_timestamp(call: &Call<'_>) -> Result<Value> {
    let log = call.engine.log(call.u32(0)?)?;
    let (timestamp_ms, from) = (call.i64(1)?, call.i64(2)?);
    promise(call, offset_or_minus_one, move || {
        log.find_batch_by_timestamp(timestamp_ms, from)
    })
}

/// (logId)
fn find_largest_timestamp(call: &Call<'_>) -> Result<Value> {
    let log = call.engine.log(call.u32(0)?)?;
    promise(call, offset_or_minus_one, move || {
        log.find_largest_timestamp()
    })
}

/// (logId)
fn segments(call: &Call<'_>) -> Result<Value> {
    let segments = call.engine.log(call.u32(0)?)?.segments();
    Ok(call.js.array(
        segments
            .iter()
            .map(|segment| convert::segment_info(call.js, segment)),
    ))
}

/// (logId)
fn size_bytes(call: &Call<'_>) -> Result<Value> {
    Ok(call
        .js
        .number(call.engine.log(call.u32(0)?)?.size_bytes() as f64))
}

/// (logId)
fn roll(call: &Call<'_>) -> Result<Value> {
    Ok(call
        .js
        .number(call.engine.log(call.u32(0)?)?.roll()? as f64))
}

/// (logId, logStartOffset)
fn trim_to(call: &Call<'_>) -> Result<Value> {
    let (log, offset) = (call.engine.log(call.u32(0)?)?, call.i64(1)?);
    promise(call, to_number, move || {
        log.trim_to(offset).map(|count| count as f64)
    })
}

/// (logId, offset)
fn truncate_to(call: &Call<'_>) -> Result<Value> {
    let (log, offset) = (call.engine.log(call.u32(0)?)?, call.i64(1)?);
    promise(call, to_undefined, move || log.truncate_to(offset))
}

/// (logId)
fn flush_log(call: &Call<'_>) -> Result<Value> {
    let log = call.engine.log(call.u32(0)?)?;
    promise(call, to_number, move || {
        log.flush().map(|offset| offset as f64)
    })
}

/// (logId, epoch)
fn assign_leader_epoch(call: &Call<'_>) -> Result<Value> {
    let (log, epoch) = (call.engine.log(call.u32(0)?)?, call.f64(1)? as i32);
    promise(call, to_undefined, move || log.assign_leader_epoch(epoch))
}

/// (logId)
fn epochs(call: &Call<'_>) -> Result<Value> {
    let epochs = call.engine.log(call.u32(0)?)?.epochs();
    Ok(convert::epochs(call.js, &epochs))
}

/// (logId, fromOffset)
fn scan_producers(call: &Call<'_>) -> Result<Value> {
    let (log, from) = (call.engine.log(call.u32(0)?)?, call.i64(1)?);
    promise(
        call,
        |js, rows: Vec<f64>| memory::copied_doubles(js, &rows),
        move || {
            log.scan_producers(from)
                .map(|rows| convert::producer_rows(&rows))
        },
    )
}

/// (logId, offset, bytes)
fn write_snapshot(call: &Call<'_>) -> Result<Value> {
    let (log, offset) = (call.engine.log(call.u32(0)?)?, call.i64(1)?);
    let bytes = call.bytes(2)?;
    promise(call, to_undefined, move || {
        log.write_snapshot(offset, &bytes)
    })
}

/// (logId, offset)
fn read_snapshot(call: &Call<'_>) -> Result<Value> {
    let (log, offset) = (call.engine.log(call.u32(0)?)?, call.i64(1)?);
    promise(
        call,
        |js, bytes: Option<Vec<u8>>| match bytes {
            Some(bytes) => memory::bytes(js, bytes),
            None => js.null(),
        },
        move || log.read_snapshot(offset),
    )
}

/// (logId, offset)
fn remove_snapshot(call: &Call<'_>) -> Result<Value> {
    let (log, offset) = (call.engine.log(call.u32(0)?)?, call.i64(1)?);
    promise(call, to_undefined, move || log.remove_snapshot(offset))
}

/// (logId, fromOffset, upToOffset)
fn aborted_transactions(call: &Call<'_>) -> Result<Value> {
    let log = call.engine.log(call.u32(0)?)?;
    let (from, up_to) = (call.i64(1)?, call.i64(2)?);
    promise(
        call,
        |js, entries: Vec<AbortedTransaction>| {
            js.array(
                entries
                    .iter()
                    .map(|entry| convert::aborted_transaction(js, entry)),
            )
        },
        move || log.aborted_transactions(from, up_to),
    )
}

/// (logId, entry)
fn append_aborted_transaction(call: &Call<'_>) -> Result<Value> {
    let log = call.engine.log(call.u32(0)?)?;
    let entry = convert::to_aborted_transaction(call.js, call.value(1))?;
    promise(call, to_undefined, move || {
        log.append_aborted_transaction(entry)
    })
}

/// (logId, request)
fn compact(call: &Call<'_>) -> Result<Value> {
    let log = call.engine.log(call.u32(0)?)?;
    let request = convert::compact_request(call.js, call.value(1))?;
    promise(call, convert::compact_result, move || log.compact(&request))
}
