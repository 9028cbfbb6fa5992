//! JavaScript values as Node-API gives them. Every unsafe call of the boundary that is not a
//! callback lives here. Statuses are not checked one by one: a failed call leaves a null value or a
//! pending exception, and conversions that JavaScript can get wrong report `InvalidArgument`.

#![allow(unsafe_code, reason = "Node-API is a C interface")]

use std::ffi::{CStr, c_void};
use std::ptr;

use millrace_io::{EngineError, ErrorCode, Result};
use napi_sys as sys;

/// A handle of the current scope.
pub(crate) type Value = sys::napi_value;

/// The environment of the thread that is running; valid during a call from Node.
#[derive(Clone, Copy)]
pub(crate) struct Js {
    env: sys::napi_env,
}

/// A value was not what the TypeScript face promises: a bug there.
fn bad(what: &str) -> EngineError {
    EngineError::new(ErrorCode::Panic, format!("argument is not {what}"))
}

impl Js {
    pub(crate) fn new(env: sys::napi_env) -> Self {
        Self { env }
    }

    pub(crate) fn env(self) -> sys::napi_env {
        self.env
    }

    /// Runs one call that writes a value.
    fn make(self, call: impl FnOnce(sys::napi_env, *mut Value)) -> Value {
        let mut value = ptr::null_mut();
        call(self.env, &mut value);
        value
    }

    pub(crate) fn number(self, number: f64) -> Value {
        // SAFETY: the environment is live and `value` outlives the call; so for all calls below.
        self.make(|env, value| unsafe {
            sys::napi_create_double(env, number, value);
        })
    }

    pub(crate) fn undefined(self) -> Value {
        // SAFETY: as in `number`.
        self.make(|env, value| unsafe {
            sys::napi_get_undefined(env, value);
        })
    }

    pub(crate) fn null(self) -> Value {
        // SAFETY: as in `number`.
        self.make(|env, value| unsafe {
            sys::napi_get_null(env, value);
        })
    }

    pub(crate) fn string(self, text: &str) -> Value {
        // SAFETY: as in `number`; the text is copied.
        self.make(|env, value| unsafe {
            sys::napi_create_string_utf8(env, text.as_ptr().cast(), text.len() as isize, value);
        })
    }

    pub(crate) fn object(self, fields: &[(&CStr, Value)]) -> Value {
        // SAFETY: as in `number`.
        let object = self.make(|env, value| unsafe {
            sys::napi_create_object(env, value);
        });
        for (name, value) in fields {
            self.set(object, name, *value);
        }
        object
    }

    pub(crate) fn array(self, items: impl ExactSizeIterator<Item = Value>) -> Value {
        // SAFETY: as in `number`.
        let array = self.make(|env, value| unsafe {
            sys::napi_create_array_with_length(env, items.len(), value);
        });
        for (index, item) in items.enumerate() {
            // SAFETY: `array` is an array of this scope.
            unsafe { sys::napi_set_element(self.env, array, index as u32, item) };
        }
        array
    }

    pub(crate) fn set(self, object: Value, name: &CStr, value: Value) {
        // SAFETY: as in `number`; the name ends with a zero byte.
        unsafe { sys::napi_set_named_property(self.env, object, name.as_ptr(), value) };
    }

    /// # Safety
    /// `data` is what `callback` expects, for as long as the function lives.
    pub(crate) unsafe fn function(
        self,
        name: &CStr,
        callback: unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> Value,
        data: *mut c_void,
    ) -> Value {
        // SAFETY: as in `number`, and by the caller's promise.
        self.make(|env, value| unsafe {
            let length = name.count_bytes() as isize;
            sys::napi_create_function(env, name.as_ptr(), length, Some(callback), data, value);
        })
    }

    /// Arguments of a call, undefined where fewer were given, and the function's data.
    pub(crate) fn arguments<const N: usize>(
        self,
        info: sys::napi_callback_info,
    ) -> ([Value; N], *mut c_void) {
        let mut arguments = [ptr::null_mut(); N];
        let mut count = N;
        let mut data = ptr::null_mut();
        // SAFETY: as in `number`; `count` says how many values fit.
        unsafe {
            sys::napi_get_cb_info(
                self.env,
                info,
                &mut count,
                arguments.as_mut_ptr(),
                ptr::null_mut(),
                &mut data,
            );
        }
        (arguments, data)
    }

    pub(crate) fn to_f64(self, value: Value) -> Result<f64> {
        let mut number = 0.0;
        // SAFETY: as in `number`.
        match unsafe { sys::napi_get_value_double(self.env, value, &mut number) } {
            sys::Status::napi_ok => Ok(number),
            _ => Err(bad("a number")),
        }
    }

    pub(crate) fn to_u32(self, value: Value) -> Result<u32> {
        self.to_f64(value).map(|number| number as u32)
    }

    pub(crate) fn to_i64(self, value: Value) -> Result<i64> {
        self.to_f64(value).map(|number| number as i64)
    }

    pub(crate) fn to_bool(self, value: Value) -> Result<bool> {
        let mut flag = false;
        // SAFETY: as in `number`.
        match unsafe { sys::napi_get_value_bool(self.env, value, &mut flag) } {
            sys::Status::napi_ok => Ok(flag),
            _ => Err(bad("a boolean")),
        }
    }

    pub(crate) fn to_string(self, value: Value) -> Result<String> {
        let mut length = 0;
        // SAFETY: as in `number`; without a buffer only the length is written.
        let status = unsafe {
            sys::napi_get_value_string_utf8(self.env, value, ptr::null_mut(), 0, &mut length)
        };
        if status != sys::Status::napi_ok {
            return Err(bad("a string"));
        }
        let mut bytes = vec![0u8; length + 1];
        // SAFETY: the buffer holds the text and its zero byte.
        unsafe {
            let room = bytes.len();
            let start = bytes.as_mut_ptr().cast();
            sys::napi_get_value_string_utf8(self.env, value, start, room, &mut length);
        }
        bytes.truncate(length);
        String::from_utf8(bytes).map_err(|_| bad("UTF-8"))
    }

    /// null and undefined are `None`.
    pub(crate) fn to_optional_string(self, value: Value) -> Result<Option<String>> {
        let mut kind = 0;
        // SAFETY: as in `number`.
        unsafe { sys::napi_typeof(self.env, value, &mut kind) };
        match kind {
            sys::ValueType::napi_undefined | sys::ValueType::napi_null => Ok(None),
            _ => self.to_string(value).map(Some),
        }
    }

    /// The elements of a typed array: kind, first byte, element count.
    pub(crate) fn to_typed_array(self, value: Value) -> Result<(i32, *mut u8, usize)> {
        let mut kind = 0;
        let (mut length, mut data, mut buffer, mut offset) =
            (0, ptr::null_mut(), ptr::null_mut(), 0);
        // SAFETY: as in `number`.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                value,
                &mut kind,
                &mut length,
                &mut data,
                &mut buffer,
                &mut offset,
            )
        };
        match status {
            sys::Status::napi_ok => Ok((kind, data.cast(), length)),
            _ => Err(bad("a typed array")),
        }
    }

    /// A copy of a Uint8Array.
    pub(crate) fn to_bytes(self, value: Value) -> Result<Vec<u8>> {
        let (kind, start, length) = self.to_typed_array(value)?;
        if kind != sys::TypedarrayType::uint8_array {
            return Err(bad("a Uint8Array"));
        }
        if length == 0 {
            return Ok(Vec::new());
        }
        // SAFETY: Node says that `length` bytes lie there; nothing else runs meanwhile.
        Ok(unsafe { std::slice::from_raw_parts(start, length) }.to_vec())
    }

    pub(crate) fn field(self, object: Value, name: &CStr) -> Value {
        // SAFETY: as in `number`.
        self.make(|env, value| unsafe {
            sys::napi_get_named_property(env, object, name.as_ptr(), value);
        })
    }

    /// An `Error` whose `code` is the number of an error code, as text.
    pub(crate) fn error(self, error: &EngineError) -> Value {
        let code = self.string(&(error.code() as u8).to_string());
        let message = self.string(error.message());
        // SAFETY: as in `number`.
        self.make(|env, value| unsafe {
            sys::napi_create_error(env, code, message, value);
        })
    }

    pub(crate) fn throw(self, error: &EngineError) {
        // SAFETY: as in `number`.
        unsafe { sys::napi_throw(self.env, self.error(error)) };
    }

    /// Raises `uncaughtException`.
    pub(crate) fn fatal(self, error: Value) {
        // SAFETY: as in `number`.
        unsafe { sys::napi_fatal_exception(self.env, error) };
    }
}
