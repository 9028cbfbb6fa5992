//! Calls of the store: directories, files, opening and closing logs.

use std::ffi::CStr;
use std::path::Path;
use std::sync::Arc;

use millrace_io::Result;

use crate::function::{Body, Call};
use crate::job::{promise, to_number, to_undefined};
use crate::js::Value;
use crate::{convert, memory};

pub(crate) const FUNCTIONS: &[(&CStr, Body)] = &[
    (c"openDir", open_dir),
    (c"closeDir", close_dir),
    (c"listLogs", list_logs),
    (c"writeFile", write_file),
    (c"readFile", read_file),
    (c"removeFile", remove_file),
    (c"openLog", open_log),
    (c"closeLog", close_log),
    (c"deleteLog", delete_log),
    (c"discardLog", discard_log),
    (c"configureLog", configure_log),
];

/// (path)
fn open_dir(call: &Call<'_>) -> Result<Value> {
    let (store, path) = (Arc::clone(&call.engine.store), call.string(0)?);
    promise(call, to_number, move || {
        store.open_dir(Path::new(&path)).map(f64::from)
    })
}

/// (dirId)
fn close_dir(call: &Call<'_>) -> Result<Value> {
    let (store, dir) = (Arc::clone(&call.engine.store), call.u32(0)?);
    promise(call, to_undefined, move || store.close_dir(dir))
}

/// (dirId)
fn list_logs(call: &Call<'_>) -> Result<Value> {
    let (store, dir) = (Arc::clone(&call.engine.store), call.u32(0)?);
    promise(
        call,
        |js, names: Vec<String>| js.array(names.iter().map(|name| js.string(name))),
        move || store.list_logs(dir),
    )
}

/// (dirId, name, bytes)
fn write_file(call: &Call<'_>) -> Result<Value> {
    let store = Arc::clone(&call.engine.store);
    let (dir, name, bytes) = (call.u32(0)?, call.string(1)?, call.bytes(2)?);
    promise(call, to_undefined, move || {
        store.write_file(dir, &name, &bytes)
    })
}

/// (dirId, name)
fn read_file(call: &Call<'_>) -> Result<Value> {
    let store = Arc::clone(&call.engine.store);
    let (dir, name) = (call.u32(0)?, call.string(1)?);
    promise(
        call,
        |js, bytes: Option<Vec<u8>>| match bytes {
            Some(bytes) => memory::bytes(js, bytes),
            None => js.null(),
        },
        move || store.read_file(dir, &name),
    )
}

/// (dirId, name)
fn remove_file(call: &Call<'_>) -> Result<Value> {
    let store = Arc::clone(&call.engine.store);
    let (dir, name) = (call.u32(0)?, call.string(1)?);
    promise(call, to_undefined, move || store.remove_file(dir, &name))
}

/// (request)
fn open_log(call: &Call<'_>) -> Result<Value> {
    let store = Arc::clone(&call.engine.store);
    let request = convert::open_log_request(call.js, call.value(0))?;
    promise(call, convert::opened_log, move || store.open_log(&request))
}

/// (logId)
fn close_log(call: &Call<'_>) -> Result<Value> {
    let (store, log) = (Arc::clone(&call.engine.store), call.u32(0)?);
    promise(call, to_undefined, move || store.close_log(log))
}

/// (logId)
fn delete_log(call: &Call<'_>) -> Result<Value> {
    let (store, log) = (Arc::clone(&call.engine.store), call.u32(0)?);
    promise(call, to_undefined, move || store.delete_log(log))
}

/// (dirId, name)
fn discard_log(call: &Call<'_>) -> Result<Value> {
    let store = Arc::clone(&call.engine.store);
    let (dir, name) = (call.u32(0)?, call.string(1)?);
    promise(call, to_undefined, move || store.discard_log(dir, &name))
}

/// (logId, options)
fn configure_log(call: &Call<'_>) -> Result<Value> {
    let options = convert::log_options(call.js, call.value(1))?;
    call.engine.log(call.u32(0)?)?.configure(options);
    Ok(call.undefined())
}
