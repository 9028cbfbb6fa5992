//! Calls on sockets of this process that no engine owns.

#![allow(unsafe_code, reason = "called by Node")]

use std::ffi::c_void;

use millrace_io::{EngineError, ErrorCode, Result};
use millrace_reactor::{AcceptedSocketOptions, set_accepted_socket_options, set_listen_backlog};
use napi_sys as sys;

use crate::function::{ARGUMENT_COUNT, guard};
use crate::js::{Js, Value};

/// (port, notsentLowatBytes, userTimeoutMs): number of listening sockets
pub(crate) unsafe extern "C" fn set_options(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> Value {
    guard(Js::new(env), |js| {
        let (arguments, _): ([Value; ARGUMENT_COUNT], *mut c_void) = js.arguments(info);
        let [port, notsent_lowat, user_timeout, ..] = arguments;
        let port = port_of(js.to_u32(port)?)?;
        let options = AcceptedSocketOptions {
            notsent_lowat_bytes: js.to_u32(notsent_lowat)?,
            user_timeout_ms: js.to_u32(user_timeout)?,
        };
        let count = set_accepted_socket_options(port, &options)?;
        Ok(js.number(count as f64))
    })
}

/// (port, backlog): number of listening sockets. A backlog above 65,535 is that.
pub(crate) unsafe extern "C" fn set_backlog(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> Value {
    guard(Js::new(env), |js| {
        let (arguments, _): ([Value; ARGUMENT_COUNT], *mut c_void) = js.arguments(info);
        let [port, backlog, ..] = arguments;
        let port = port_of(js.to_u32(port)?)?;
        let backlog = u16::try_from(js.to_u32(backlog)?).unwrap_or(u16::MAX);
        Ok(js.number(set_listen_backlog(port, backlog)? as f64))
    })
}

fn port_of(number: u32) -> Result<u16> {
    u16::try_from(number)
        .map_err(|_| EngineError::new(ErrorCode::UnknownHandle, format!("no port {number}")))
}
