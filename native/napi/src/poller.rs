//! The reactor in libuv's loop: its epoll descriptor is watched by a `uv_poll` handle, whose
//! callback makes one call into JavaScript per tick. Node exports libuv's symbols.

#![allow(unsafe_code, reason = "libuv and Node are C interfaces")]

use std::ffi::{c_int, c_void};
use std::os::fd::AsRawFd;
use std::ptr;
use std::rc::Rc;

use millrace_io::{EngineError, ErrorCode, Result};
use napi_sys as sys;

use crate::engine::Engine;
use crate::function::catch;
use crate::js::{Js, Value};

const UV_POLL: c_int = 8;
const UV_READABLE: c_int = 1;
/// Ticks in one callback while there is a backlog; then timers and everything else get their turn.
const TICKS_PER_CALLBACK: usize = 16;

type PollCallback = unsafe extern "C" fn(handle: *mut c_void, status: c_int, events: c_int);
type CloseCallback = unsafe extern "C" fn(handle: *mut c_void);

unsafe extern "C" {
    fn uv_handle_size(kind: c_int) -> usize;
    fn uv_poll_init(uv_loop: *mut c_void, handle: *mut c_void, descriptor: c_int) -> c_int;
    fn uv_poll_start(handle: *mut c_void, events: c_int, callback: PollCallback) -> c_int;
    fn uv_close(handle: *mut c_void, callback: CloseCallback);
    fn uv_handle_set_data(handle: *mut c_void, data: *mut c_void);
    fn uv_handle_get_data(handle: *const c_void) -> *mut c_void;
}

/// A running handle; the engine owns this, libuv's loop owns the `Watch` behind it.
pub(crate) struct Poller {
    handle: *mut c_void,
}

/// What the callbacks need. Freed by `closed`.
struct Watch {
    env: sys::napi_env,
    engine: Rc<Engine>,
    on_tick: sys::napi_ref,
    context: sys::napi_async_context,
    cleanup: sys::napi_async_cleanup_hook_handle,
    memory: Vec<u64>,
}

/// Starts watching. `on_tick(rowCount)` is called for every tick that has rows.
pub(crate) fn run(js: Js, engine: &Rc<Engine>, on_tick: Value) -> Result<()> {
    let failed = |what: &str| EngineError::new(ErrorCode::IoError, format!("{what} failed"));
    if engine.poller.borrow().is_some() {
        return Err(EngineError::new(
            ErrorCode::UnknownHandle,
            "the reactor runs already",
        ));
    }
    let descriptor = engine.with_reactor(|reactor| reactor.descriptor().as_raw_fd())?;
    let env = js.env();
    let mut uv_loop = ptr::null_mut();
    let mut reference = ptr::null_mut();
    let mut context = ptr::null_mut();
    // SAFETY: the environment is live during a call; the handle's memory is zeroed, aligned to 8
    // bytes and stays in place inside the Watch until `closed` frees it.
    unsafe {
        sys::napi_get_uv_event_loop(env, &mut uv_loop);
        sys::napi_create_reference(env, on_tick, 1, &mut reference);
        let name = js.string("MillraceReactor");
        sys::napi_async_init(env, ptr::null_mut(), name, &mut context);
        let memory = vec![0u64; uv_handle_size(UV_POLL).div_ceil(8)];
        let watch = Box::into_raw(Box::new(Watch {
            env,
            engine: Rc::clone(engine),
            on_tick: reference,
            context,
            cleanup: ptr::null_mut(),
            memory,
        }));
        let handle: *mut c_void = (*watch).memory.as_mut_ptr().cast();
        if uv_poll_init(uv_loop.cast(), handle, descriptor) != 0 {
            drop(Box::from_raw(watch));
            return Err(failed("uv_poll_init"));
        }
        uv_handle_set_data(handle, watch.cast());
        *engine.poller.borrow_mut() = Some(Poller { handle });
        sys::napi_add_async_cleanup_hook(
            env,
            Some(environment_ends),
            watch.cast(),
            &raw mut (*watch).cleanup,
        );
        if uv_poll_start(handle, UV_READABLE, on_readable) != 0 {
            close(engine);
            return Err(failed("uv_poll_start"));
        }
    }
    Ok(())
}

/// Stops watching and closes every socket. The handle is gone with the loop's next turn.
pub(crate) fn close(engine: &Engine) {
    if let Some(Poller { handle }) = engine.poller.borrow_mut().take() {
        // SAFETY: the handle is live and closed once, because the poller is taken out. Closing it
        // stops watching at once, so that the descriptor may be closed below.
        unsafe { uv_close(handle, closed) };
    }
    // Dropped outside of the borrow: nothing of it calls back.
    let reactor = engine.reactor.borrow_mut().take();
    drop(reactor);
}

unsafe extern "C" fn closed(handle: *mut c_void) {
    // SAFETY: libuv is done with the handle; the Watch was made in `run` and is freed here only.
    let watch = unsafe { Box::from_raw(uv_handle_get_data(handle).cast::<Watch>()) };
    // SAFETY: the environment outlives the hook, which is removed last. Deleting a reference needs
    // no handle scope.
    unsafe {
        sys::napi_delete_reference(watch.env, watch.on_tick);
        sys::napi_async_destroy(watch.env, watch.context);
        sys::napi_remove_async_cleanup_hook(watch.cleanup);
    }
}

/// The thread's environment is being torn down with the reactor still running.
unsafe extern "C" fn environment_ends(
    _handle: sys::napi_async_cleanup_hook_handle,
    data: *mut c_void,
) {
    // SAFETY: the hook is removed when the Watch is freed, so it is live here.
    let engine = unsafe { Rc::clone(&(*data.cast::<Watch>()).engine) };
    close(&engine);
}

unsafe extern "C" fn on_readable(handle: *mut c_void, _status: c_int, _events: c_int) {
    // SAFETY: libuv calls back only while the handle is open; its data is the Watch.
    let watch = unsafe { &*uv_handle_get_data(handle).cast::<Watch>() };
    let (env, engine) = (watch.env, Rc::clone(&watch.engine));
    let js = Js::new(env);
    let mut scope = ptr::null_mut();
    // SAFETY: the environment is live and this is its thread.
    unsafe { sys::napi_open_handle_scope(env, &mut scope) };
    let outcome = catch(|| {
        for _ in 0..TICKS_PER_CALLBACK {
            if !tick(js, watch, &engine)? {
                return Ok(());
            }
        }
        engine.with_reactor(|reactor| reactor.kick()).or(Ok(()))
    });
    if let Err(error) = outcome {
        // A bug in the core. Its sockets cannot be trusted any more; the owner hears of it.
        close(&engine);
        js.fatal(js.error(&error));
    }
    // SAFETY: opened above.
    unsafe { sys::napi_close_handle_scope(env, scope) };
}

/// One tick; whether another should follow at once. `watch` may be gone when JavaScript closed the
/// reactor, but not before the loop's next turn.
fn tick(js: Js, watch: &Watch, engine: &Rc<Engine>) -> Result<bool> {
    let Ok(rows) = engine.with_reactor(|reactor| reactor.poll()) else {
        return Ok(false);
    };
    if rows > 0 {
        call(js, watch, rows);
    }
    let hold = engine.appender.borrow().has_staged();
    engine
        .with_reactor(|reactor| {
            reactor.end_tick(hold)?;
            Ok(reactor.has_backlog())
        })
        .unwrap_or(Ok(false))
}

fn call(js: Js, watch: &Watch, rows: usize) {
    let env = js.env();
    let mut scope = ptr::null_mut();
    let mut receiver = ptr::null_mut();
    let mut function = ptr::null_mut();
    let arguments = [js.number(rows as f64)];
    // SAFETY: the environment is live, this is its thread, and the reference is deleted only by
    // `closed`. `napi_make_callback` runs microtasks and process.nextTick afterwards.
    unsafe {
        sys::napi_open_handle_scope(env, &mut scope);
        sys::napi_get_global(env, &mut receiver);
        sys::napi_get_reference_value(env, watch.on_tick, &mut function);
        let status = sys::napi_make_callback(
            env,
            watch.context,
            receiver,
            function,
            arguments.len(),
            arguments.as_ptr(),
            ptr::null_mut(),
        );
        if status == sys::Status::napi_pending_exception {
            let mut error = ptr::null_mut();
            sys::napi_get_and_clear_last_exception(env, &mut error);
            js.fatal(error);
        }
        sys::napi_close_handle_scope(env, scope);
    }
}
