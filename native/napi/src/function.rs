//! Functions of an engine: one trampoline for all, whose data says which Rust function to run.

#![allow(unsafe_code, reason = "callbacks of Node")]

use std::any::Any;
use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use millrace_io::{EngineError, ErrorCode, Result};
use napi_sys as sys;

use crate::engine::Engine;
use crate::js::{Js, Value};

/// Most arguments a function takes.
pub(crate) const ARGUMENT_COUNT: usize = 6;

/// One call from JavaScript.
pub(crate) struct Call<'a> {
    pub(crate) js: Js,
    pub(crate) engine: &'a Rc<Engine>,
    arguments: [Value; ARGUMENT_COUNT],
}

impl Call<'_> {
    pub(crate) fn value(&self, index: usize) -> Value {
        self.arguments[index]
    }

    pub(crate) fn f64(&self, index: usize) -> Result<f64> {
        self.js.to_f64(self.arguments[index])
    }

    pub(crate) fn u32(&self, index: usize) -> Result<u32> {
        self.js.to_u32(self.arguments[index])
    }

    pub(crate) fn i64(&self, index: usize) -> Result<i64> {
        self.js.to_i64(self.arguments[index])
    }

    pub(crate) fn bool(&self, index: usize) -> Result<bool> {
        self.js.to_bool(self.arguments[index])
    }

    pub(crate) fn string(&self, index: usize) -> Result<String> {
        self.js.to_string(self.arguments[index])
    }

    pub(crate) fn bytes(&self, index: usize) -> Result<Vec<u8>> {
        self.js.to_bytes(self.arguments[index])
    }

    pub(crate) fn undefined(&self) -> Value {
        self.js.undefined()
    }
}

/// What a function does.
pub(crate) type Body = fn(&Call<'_>) -> Result<Value>;

struct Binding {
    engine: Rc<Engine>,
    body: Body,
}

/// Adds a function to the engine's object. The function keeps the engine alive.
pub(crate) fn define(js: Js, object: Value, engine: &Rc<Engine>, name: &CStr, body: Body) {
    let data: *mut c_void = Box::into_raw(Box::new(Binding {
        engine: Rc::clone(engine),
        body,
    }))
    .cast();
    // SAFETY: `data` is a Binding that lives until the function's finalizer runs.
    let function = unsafe { js.function(name, trampoline, data) };
    // SAFETY: as above; no reference is asked for.
    unsafe {
        let hint = ptr::null_mut();
        sys::napi_add_finalizer(
            js.env(),
            function,
            data,
            Some(let_go),
            hint,
            ptr::null_mut(),
        );
    }
    js.set(object, name, function);
}

unsafe extern "C" fn let_go(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `data` came from `Box::into_raw` in `define`, and a finalizer runs once.
    drop(unsafe { Box::from_raw(data.cast::<Binding>()) });
}

unsafe extern "C" fn trampoline(env: sys::napi_env, info: sys::napi_callback_info) -> Value {
    guard(Js::new(env), |js| {
        let (arguments, data) = js.arguments(info);
        // SAFETY: the function lives, so its binding does.
        let binding = unsafe { &*data.cast::<Binding>() };
        (binding.body)(&Call {
            js,
            engine: &binding.engine,
            arguments,
        })
    })
}

/// Runs a body: errors and panics become exceptions.
pub(crate) fn guard(js: Js, body: impl FnOnce(Js) -> Result<Value>) -> Value {
    match catch(|| body(js)) {
        Ok(value) => value,
        Err(error) => {
            js.throw(&error);
            ptr::null_mut()
        }
    }
}

/// Turns a panic into an error. State that a panic left half changed belongs to one engine, whose
/// owner is told by the code to give it up.
pub(crate) fn catch<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(panic_error(&*payload)))
}

fn panic_error(payload: &(dyn Any + Send)) -> EngineError {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned());
    EngineError::new(ErrorCode::Panic, text)
}
