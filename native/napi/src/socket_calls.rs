//! Calls on sockets of this process that no engine owns.

#![allow(unsafe_code, reason = "called by Node")]

use std::ffi::c_void;

use millrace_io::{EngineError, ErrorCode};
use millrace_reactor::{AcceptedSocketOptions, set_accepted_socket_options};
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
        let port = js.to_u32(port)?;
        let no_port = |_| EngineError::new(ErrorCode::UnknownHandle, format!("no port {port}"));
        let options = AcceptedSocketOptions {
            notsent_lowat_bytes: js.to_u32(notsent_lowat)?,
            user_timeout_ms: js.to_u32(user_timeout)?,
        };
        let port = u16::try_from(port).map_err(no_port)?;
        let count = set_accepted_socket_options(port, &options)?;
        Ok(js.number(count as f64))
    })
}
