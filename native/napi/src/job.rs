//! Work for libuv's thread pool, reported by a promise.

#![allow(unsafe_code, reason = "callbacks of Node")]

use std::ffi::c_void;
use std::ptr;

use millrace_io::{EngineError, ErrorCode, Result};
use napi_sys as sys;

use crate::function::{Call, catch};
use crate::js::{Js, Value};

type Work<T> = Box<dyn FnOnce() -> Result<T> + Send>;

struct Job<T> {
    work: Option<Work<T>>,
    outcome: Result<T>,
    convert: fn(Js, T) -> Value,
    deferred: sys::napi_deferred,
    handle: sys::napi_async_work,
}

/// Runs `work` on a pool thread; gives a promise of its result.
pub(crate) fn promise<T: Send + 'static>(
    call: &Call<'_>,
    convert: fn(Js, T) -> Value,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<Value> {
    let env = call.js.env();
    let failed = || EngineError::new(ErrorCode::Panic, "no promise could be made");
    let mut deferred = ptr::null_mut();
    let mut promise = ptr::null_mut();
    // SAFETY: the environment is live during a call.
    let status = unsafe { sys::napi_create_promise(env, &mut deferred, &mut promise) };
    if status != sys::Status::napi_ok {
        return Err(failed());
    }
    let job: *mut Job<T> = Box::into_raw(Box::new(Job {
        work: Some(Box::new(work)),
        outcome: Err(failed()),
        convert,
        deferred,
        handle: ptr::null_mut(),
    }));
    let name = call.js.string("millrace");
    // SAFETY: the job lives until `complete::<T>` takes it back.
    let status = unsafe {
        sys::napi_create_async_work(
            env,
            ptr::null_mut(),
            name,
            Some(execute::<T>),
            Some(complete::<T>),
            job.cast(),
            &raw mut (*job).handle,
        )
    };
    if status != sys::Status::napi_ok {
        // SAFETY: nothing else knows the job.
        drop(unsafe { Box::from_raw(job) });
        return Err(failed());
    }
    // SAFETY: the handle was just made.
    unsafe { sys::napi_queue_async_work(env, (*job).handle) };
    Ok(promise)
}

unsafe extern "C" fn execute<T>(_env: sys::napi_env, data: *mut c_void) {
    // SAFETY: between queueing and completion only this thread touches the job.
    let job = unsafe { &mut *data.cast::<Job<T>>() };
    if let Some(work) = job.work.take() {
        job.outcome = catch(work);
    }
}

unsafe extern "C" fn complete<T>(env: sys::napi_env, status: sys::napi_status, data: *mut c_void) {
    // SAFETY: the pool is done with the job, and completion comes once.
    let job = unsafe { Box::from_raw(data.cast::<Job<T>>()) };
    let js = Js::new(env);
    // SAFETY: the environment is live; the handle is deleted once.
    unsafe {
        sys::napi_delete_async_work(env, job.handle);
    }
    if status == sys::Status::napi_cancelled {
        // The environment is going away; nobody waits for the promise.
        return;
    }
    let convert = job.convert;
    let outcome = job
        .outcome
        .and_then(|value| catch(|| Ok(convert(js, value))));
    match outcome {
        Ok(value) => {
            // SAFETY: a deferred is settled once.
            unsafe { sys::napi_resolve_deferred(env, job.deferred, value) };
        }
        Err(error) => {
            let error = js.error(&error);
            // SAFETY: a deferred is settled once.
            unsafe { sys::napi_reject_deferred(env, job.deferred, error) };
        }
    }
}

pub(crate) fn to_undefined(js: Js, (): ()) -> Value {
    js.undefined()
}

pub(crate) fn to_number(js: Js, number: f64) -> Value {
    js.number(number)
}
