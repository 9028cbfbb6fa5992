//! The calls of the data path. Arguments are plain numbers, everything wider goes through the
//! tables; none of them allocates or waits.

#![allow(unsafe_code, reason = "reads and writes tables shared with JavaScript")]

use std::ffi::CStr;
use std::ptr::NonNull;

use millrace_io::{EngineError, ErrorCode, Result};
use millrace_log::{Locate, Located, LogId, ReadBounds, StageRequest, Staged};
use millrace_reactor::Mapping;
use napi_sys as sys;

use crate::engine::{PLAN_ROWS, PLAN_STRIDE, RESULT_STRIDE, StoreFiles};
use crate::function::{Body, Call};
use crate::js::Value;

pub(crate) const FUNCTIONS: &[(&CStr, Body)] = &[
    (c"stage", stage),
    (c"stageOwned", stage_owned),
    (c"commit", commit),
    (c"setDeferral", set_deferral),
    (c"locate", locate),
    (c"flush", flush),
    (c"noop", noop),
];

/// Does nothing: what a crossing costs (benchmarks/micro).
fn noop(call: &Call<'_>) -> Result<Value> {
    Ok(call.value(0))
}

/// (rowCount): stages rows of `plan`, fills `results`.
fn stage(call: &Call<'_>) -> Result<Value> {
    let row_count = (call.u32(0)? as usize).min(PLAN_ROWS);
    let tables = &call.engine.tables;
    let reactor = call.engine.reactor.borrow();
    let Some(reactor) = reactor.as_ref() else {
        return Err(EngineError::new(
            ErrorCode::UnknownHandle,
            "the reactor is closed",
        ));
    };
    let mut appender = call.engine.appender.borrow_mut();
    let plan = tables.plan.as_ptr().cast::<[f64; PLAN_STRIDE]>();
    let results = tables.results.as_ptr().cast::<[f64; RESULT_STRIDE]>();
    for row in 0..row_count {
        // SAFETY: `row` is below the table's row count; JavaScript does not run meanwhile.
        let [log, buffer, offset, length, epoch, time] = unsafe { plan.add(row).read() };
        let request = StageRequest {
            log_id: log as u32,
            leader_epoch: epoch as i32,
            append_time_ms: time as i64,
        };
        let (offset, length) = (offset as usize, length as usize);
        let result = match reactor.buffer(buffer as u32) {
            Some(mapping) if offset <= mapping.len() && length <= mapping.len() - offset => {
                // SAFETY: in bounds (checked above).
                let start = unsafe { NonNull::new_unchecked(mapping.as_ptr().add(offset)) };
                let batch = NonNull::slice_from_raw_parts(start, length);
                // SAFETY: the reactor leaves delivered frames alone until the tick ends, and
                // until `commit` when something is staged (`end_tick(hold)`).
                unsafe { appender.stage(&request, batch) }
            }
            _ => Err(ErrorCode::UnknownHandle),
        };
        // SAFETY: as for `plan`.
        unsafe { results.add(row).write(result_row(result)) };
    }
    Ok(call.undefined())
}

/// (logId, batch, leaderEpoch, appendTimeMs): result in row 0. The TypeScript face keeps the array
/// alive until `commit`.
fn stage_owned(call: &Call<'_>) -> Result<Value> {
    let request = StageRequest {
        log_id: call.u32(0)?,
        leader_epoch: call.f64(2)? as i32,
        append_time_ms: call.i64(3)?,
    };
    let (kind, start, length) = call.js.to_typed_array(call.value(1))?;
    let result = match NonNull::new(start) {
        Some(start) if kind == sys::TypedarrayType::uint8_array => {
            let batch = NonNull::slice_from_raw_parts(start, length);
            // SAFETY: the array is kept alive and untouched until `commit`, by the contract of
            // `SegmentStore.stageOwned`.
            unsafe { call.engine.appender.borrow_mut().stage(&request, batch) }
        }
        _ => Err(ErrorCode::InvalidBatch),
    };
    let results = call
        .engine
        .tables
        .results
        .as_ptr()
        .cast::<[f64; RESULT_STRIDE]>();
    // SAFETY: row 0 of the table; JavaScript does not run meanwhile.
    unsafe { results.write(result_row(result)) };
    Ok(call.undefined())
}

fn result_row(result: std::result::Result<Staged, ErrorCode>) -> [f64; RESULT_STRIDE] {
    match result {
        Ok(staged) => [
            0.0,
            staged.base_offset as f64,
            staged.rolled_at.unwrap_or(-1) as f64,
            staged.log_end_offset as f64,
        ],
        Err(code) => [f64::from(code as u8), -1.0, -1.0, -1.0],
    }
}

/// (): writes what is staged; number of failed logs, whose ids are in `failedLogs`.
fn commit(call: &Call<'_>) -> Result<Value> {
    let mut appender = call.engine.appender.borrow_mut();
    let failed = appender.commit();
    let count = failed.len().min(PLAN_ROWS);
    write_ids(&call.engine.tables.failed_logs, &failed[..count]);
    let deferred = appender.deferred();
    let deferred_count = deferred.len().min(PLAN_ROWS);
    let table = &call.engine.tables.deferred_logs;
    write_ids(table, &deferred[..deferred_count]);
    // SAFETY: the last cell of the table; JavaScript does not run meanwhile.
    unsafe {
        table
            .as_ptr()
            .cast::<f64>()
            .add(PLAN_ROWS)
            .write(deferred_count as f64)
    };
    if let Some(reactor) = call.engine.reactor.borrow_mut().as_mut() {
        reactor.release();
    }
    Ok(call.js.number(count as f64))
}

fn write_ids(table: &Mapping, ids: &[LogId]) {
    for (index, &id) in ids.iter().enumerate() {
        // SAFETY: at most PLAN_ROWS ids; JavaScript does not run meanwhile.
        unsafe { table.as_ptr().cast::<f64>().add(index).write(f64::from(id)) };
    }
}

/// (mayDefer)
fn set_deferral(call: &Call<'_>) -> Result<Value> {
    let may_defer = call.bool(0)?;
    call.engine.appender.borrow_mut().set_deferral(may_defer);
    Ok(call.undefined())
}

/// (logId, offset, upToOffset, maxBytes, atLeastOne): a LocateStatus; `located` is filled for 0.
fn locate(call: &Call<'_>) -> Result<Value> {
    let bounds = ReadBounds {
        offset: call.i64(1)?,
        up_to_offset: call.i64(2)?,
        max_bytes: call.f64(3)? as u64,
        at_least_one: call.bool(4)?,
    };
    let status = match call.engine.log(call.u32(0)?)?.locate(&bounds) {
        Locate::Found(found) => {
            let Located {
                segment_base_offset,
                position,
                length_bytes,
                first_base_offset,
                next_offset,
            } = found;
            let row = [
                segment_base_offset as f64,
                position as f64,
                length_bytes as f64,
                first_base_offset as f64,
                next_offset as f64,
            ];
            // SAFETY: the table has five doubles; JavaScript does not run meanwhile.
            unsafe {
                call.engine
                    .tables
                    .located
                    .as_ptr()
                    .cast::<[f64; 5]>()
                    .write(row)
            };
            0.0
        }
        Locate::Empty => 1.0,
        Locate::OutOfRange => 2.0,
        Locate::Cold => 3.0,
        Locate::Failed => 4.0,
    };
    Ok(call.js.number(status))
}

/// (rowCount): hands rows of `sends` to the sockets.
fn flush(call: &Call<'_>) -> Result<Value> {
    let row_count = call.u32(0)? as usize;
    let files = StoreFiles(&call.engine.store);
    if let Some(reactor) = call.engine.reactor.borrow_mut().as_mut() {
        reactor.flush(row_count, &files);
    }
    Ok(call.undefined())
}
