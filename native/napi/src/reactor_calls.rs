//! Calls of the socket side that are made rarely.

use std::ffi::CStr;
use std::net::SocketAddr;
use std::rc::Rc;

use millrace_io::{EngineError, ErrorCode, Result};

use crate::function::{Body, Call};
use crate::js::{Js, Value};
use crate::{memory, poller};

pub(crate) const FUNCTIONS: &[(&CStr, Body)] = &[
    (c"listen", listen),
    (c"closeListener", close_listener),
    (c"run", run),
    (c"buffer", buffer),
    (c"connectionInfo", connection_info),
    (c"sendOwned", send_owned),
    (c"pauseReading", pause_reading),
    (c"resumeReading", resume_reading),
    (c"closeConnection", close_connection),
    (c"unsentBytes", unsent_bytes),
    (c"reactorStats", stats),
    (c"closeReactor", close_reactor),
];

/// (host, port, backlog)
fn listen(call: &Call<'_>) -> Result<Value> {
    let (host, port, backlog) = (call.string(0)?, call.u32(1)?, call.f64(2)? as i32);
    let port = u16::try_from(port)
        .map_err(|_| EngineError::new(ErrorCode::AddressUnavailable, "port above 65535"))?;
    let info = call
        .engine
        .with_reactor(|reactor| reactor.listen(&host, port, backlog))??;
    let js = call.js;
    Ok(js.object(&[
        (c"listenerId", js.number(info.listener_id.into())),
        (c"host", host_of(js, info.address)),
        (c"port", js.number(info.address.port().into())),
    ]))
}

fn host_of(js: Js, address: SocketAddr) -> Value {
    js.string(&address.ip().to_canonical().to_string())
}

/// (listenerId)
fn close_listener(call: &Call<'_>) -> Result<Value> {
    let id = call.u32(0)?;
    call.engine
        .with_reactor(|reactor| reactor.close_listener(id))?;
    Ok(call.undefined())
}

/// (onTick)
fn run(call: &Call<'_>) -> Result<Value> {
    poller::run(call.js, call.engine, call.value(0))?;
    Ok(call.undefined())
}

/// (bufferId): once per buffer, the TypeScript face keeps the view.
fn buffer(call: &Call<'_>) -> Result<Value> {
    let id = call.u32(0)?;
    let mapping = call
        .engine
        .with_reactor(|reactor| reactor.buffer(id).cloned())?;
    let unknown = || EngineError::new(ErrorCode::UnknownHandle, format!("buffer {id}"));
    Ok(memory::view(call.js, &mapping.ok_or_else(unknown)?))
}

/// (connectionId)
fn connection_info(call: &Call<'_>) -> Result<Value> {
    let id = call.u32(0)?;
    let info = call
        .engine
        .with_reactor(|reactor| reactor.connection_info(id))??;
    let js = call.js;
    Ok(js.object(&[
        (c"remoteAddress", host_of(js, info.remote)),
        (c"remotePort", js.number(info.remote.port().into())),
        (c"localAddress", host_of(js, info.local)),
        (c"localPort", js.number(info.local.port().into())),
    ]))
}

/// (connectionId, bytes)
fn send_owned(call: &Call<'_>) -> Result<Value> {
    let (id, bytes) = (call.u32(0)?, call.bytes(1)?);
    call.engine
        .with_reactor(|reactor| reactor.send_owned(id, &bytes))?;
    Ok(call.undefined())
}

/// (connectionId)
fn pause_reading(call: &Call<'_>) -> Result<Value> {
    let id = call.u32(0)?;
    call.engine
        .with_reactor(|reactor| reactor.pause_reading(id))?;
    Ok(call.undefined())
}

/// (connectionId): a number
fn unsent_bytes(call: &Call<'_>) -> Result<Value> {
    let id = call.u32(0)?;
    let bytes = call
        .engine
        .with_reactor(|reactor| reactor.unsent_bytes(id))?;
    Ok(call.js.number(bytes as f64))
}

/// (connectionId)
fn resume_reading(call: &Call<'_>) -> Result<Value> {
    let id = call.u32(0)?;
    call.engine
        .with_reactor(|reactor| reactor.resume_reading(id))?;
    Ok(call.undefined())
}

/// (connectionId)
fn close_connection(call: &Call<'_>) -> Result<Value> {
    let id = call.u32(0)?;
    call.engine
        .with_reactor(|reactor| reactor.close_connection(id))?;
    Ok(call.undefined())
}

fn stats(call: &Call<'_>) -> Result<Value> {
    let stats = call.engine.with_reactor(|reactor| reactor.stats())?;
    let js = call.js;
    let number = |value: u64| js.number(value as f64);
    Ok(js.object(&[
        (c"connectionCount", js.number(stats.connection_count as f64)),
        (c"inboundBytes", number(stats.inbound_bytes)),
        (c"queuedSendBytes", number(stats.queued_send_bytes)),
        (c"receivedBytesTotal", number(stats.received_total)),
        (c"sentBytesTotal", number(stats.sent_total)),
        (c"framesTotal", number(stats.frames_total)),
        (c"refusedTotal", number(stats.refused_total)),
    ]))
}

fn close_reactor(call: &Call<'_>) -> Result<Value> {
    // Kept alive past the close, which drops what the handle held.
    let engine = Rc::clone(call.engine);
    poller::close(&engine);
    Ok(call.undefined())
}
