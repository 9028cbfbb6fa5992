//! The only crate that knows Node: conversions and handles, no logic. It binds napi-sys directly,
//! because the calls made for every tick and every batch must cost tens of nanoseconds; one small
//! layer (`js`, `function`, `job`) serves hot and cold calls alike.
//!
//! `openEngine(options)` gives one object with a function per call; `packages/engine` wraps it.
//! `setAcceptedSocketOptions` concerns sockets that Node or a library opened.
//! No panic crosses the boundary: `function`, `job` and `poller` catch them.

mod convert;
mod engine;
mod function;
mod hot_calls;
mod job;
mod js;
mod log_calls;
mod memory;
mod poller;
mod reactor_calls;
mod socket_calls;
mod store_calls;

use std::ffi::c_void;

use napi_sys as sys;

use crate::js::{Js, Value};

/// Version of the calls between this binary and `packages/engine`; both must agree.
const BINARY_VERSION: f64 = 4.0;

/// Called by Node once per environment (main thread or worker).
///
/// # Safety
/// Only Node calls this, with a live environment.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "entry point named by Node")]
unsafe extern "C" fn napi_register_module_v1(env: sys::napi_env, exports: Value) -> Value {
    let js = Js::new(env);
    js.set(exports, c"binaryVersion", js.number(BINARY_VERSION));
    // SAFETY: `open_engine` has the signature Node calls and keeps no state in `data`.
    let open = unsafe { js.function(c"openEngine", open_engine, std::ptr::null_mut()) };
    js.set(exports, c"openEngine", open);
    let name = c"setAcceptedSocketOptions";
    // SAFETY: as above.
    let options = unsafe { js.function(name, socket_calls::set_options, std::ptr::null_mut()) };
    js.set(exports, name, options);
    let name = c"setListenBacklog";
    // SAFETY: as above.
    let backlog = unsafe { js.function(name, socket_calls::set_backlog, std::ptr::null_mut()) };
    js.set(exports, name, backlog);
    exports
}

#[allow(unsafe_code, reason = "called by Node")]
unsafe extern "C" fn open_engine(env: sys::napi_env, info: sys::napi_callback_info) -> Value {
    function::guard(Js::new(env), |js| {
        let (arguments, _): ([Value; function::ARGUMENT_COUNT], *mut c_void) = js.arguments(info);
        engine::open(js, arguments[0])
    })
}
