//! Native memory as JavaScript arrays. The collector and the core own it together: it is unmapped
//! when the last of them lets go, so a view kept too long reads stale bytes and never crashes.

#![allow(unsafe_code, reason = "memory shared with JavaScript")]

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use millrace_reactor::Mapping;
use napi_sys as sys;

use crate::js::{Js, Value};

unsafe extern "C" fn let_go(_env: sys::napi_env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: `hint` came from `Arc::into_raw` below, and a finalizer runs once.
    drop(unsafe { Arc::from_raw(hint.cast::<Mapping>()) });
}

unsafe extern "C" fn free_bytes(_env: sys::napi_env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: `hint` came from `Box::into_raw` in `bytes`, and a finalizer runs once.
    drop(unsafe { Box::from_raw(hint.cast::<Vec<u8>>()) });
}

fn external(
    js: Js,
    start: *mut u8,
    length: usize,
    finalize: unsafe extern "C" fn(sys::napi_env, *mut c_void, *mut c_void),
    hint: *mut c_void,
) -> Value {
    let mut buffer = ptr::null_mut();
    // SAFETY: the memory lives until `finalize` runs.
    unsafe {
        sys::napi_create_external_arraybuffer(
            js.env(),
            start.cast(),
            length,
            Some(finalize),
            hint,
            &mut buffer,
        );
    }
    buffer
}

fn typed(js: Js, kind: i32, buffer: Value, length: usize) -> Value {
    let mut array = ptr::null_mut();
    // SAFETY: `buffer` holds `length` elements of that kind.
    unsafe { sys::napi_create_typedarray(js.env(), kind, length, buffer, 0, &mut array) };
    array
}

fn mapping_buffer(js: Js, mapping: &Arc<Mapping>) -> Value {
    let hint = Arc::into_raw(Arc::clone(mapping)).cast_mut().cast();
    external(js, mapping.as_ptr(), mapping.len(), let_go, hint)
}

/// A mapping as Float64Array. Once per mapping: two buffers over the same memory are not allowed.
pub(crate) fn doubles(js: Js, mapping: &Arc<Mapping>) -> Value {
    let length = mapping.len() / size_of::<f64>();
    typed(
        js,
        sys::TypedarrayType::float64_array,
        mapping_buffer(js, mapping),
        length,
    )
}

/// A mapping as Uint8Array. Once per mapping.
pub(crate) fn view(js: Js, mapping: &Arc<Mapping>) -> Value {
    typed(
        js,
        sys::TypedarrayType::uint8_array,
        mapping_buffer(js, mapping),
        mapping.len(),
    )
}

/// Bytes given to JavaScript for good: small ones are copied, large ones change owner.
pub(crate) fn bytes(js: Js, bytes: Vec<u8>) -> Value {
    const COPY_BYTES_MAX: usize = 64 << 10;
    let length = bytes.len();
    let buffer = if length <= COPY_BYTES_MAX {
        let mut start = ptr::null_mut();
        let mut buffer = ptr::null_mut();
        // SAFETY: Node allocates `length` bytes and says where.
        unsafe {
            sys::napi_create_arraybuffer(js.env(), length, &mut start, &mut buffer);
            if length > 0 && !start.is_null() {
                ptr::copy_nonoverlapping(bytes.as_ptr(), start.cast(), length);
            }
        }
        buffer
    } else {
        let hint = Box::into_raw(Box::new(bytes));
        // SAFETY: just made, and the vector is not touched until it is freed.
        let start = unsafe { (*hint).as_mut_ptr() };
        external(js, start, length, free_bytes, hint.cast())
    };
    typed(js, sys::TypedarrayType::uint8_array, buffer, length)
}

/// Doubles copied to a new Float64Array.
pub(crate) fn copied_doubles(js: Js, numbers: &[f64]) -> Value {
    let mut start = ptr::null_mut();
    let mut buffer = ptr::null_mut();
    // SAFETY: Node allocates the bytes, aligned for doubles, and says where.
    unsafe {
        let length = size_of_val(numbers);
        sys::napi_create_arraybuffer(js.env(), length, &mut start, &mut buffer);
        if length > 0 && !start.is_null() {
            ptr::copy_nonoverlapping(numbers.as_ptr(), start.cast(), numbers.len());
        }
    }
    typed(
        js,
        sys::TypedarrayType::float64_array,
        buffer,
        numbers.len(),
    )
}
