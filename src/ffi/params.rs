use std::ffi::c_char;
use std::ptr::null_mut;

use super::handle::{self, Boxed, required};
use super::status::codex_status;
use super::{panic, string};
use crate::engine::error::{Error, Result};
use crate::engine::host_json::{failed_text, failure_of};
use crate::engine::params::Params;
use crate::engine::text::ZString;

/// A builder of the params of a call. Owned by the caller; used by one thread at a time.
pub struct codex_params {
    _private: [u8; 0],
}

pub(crate) struct ParamsHandle {
    params: Params,
    first_failure: Option<Error>,
    json: ZString,
}

impl Boxed for codex_params {
    type Value = ParamsHandle;
}

/// ## Writing JSON
///
/// The params of every call are JSON text; this builds it safely from C. A key that begins with `/` is a JSON Pointer and creates
/// the objects on its way: "/limits/timeoutMs". Setting a field again replaces it. A setter that fails changes nothing, and the
/// call that is given the JSON returns the first failure: the statuses of setters need not be checked one by one.
///
/// Params without fields.
///
/// @return owned, see [`codex_params_free`]; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn codex_params_new() -> *mut codex_params {
    panic::value(null_mut(), || {
        Some(handle::give(ParamsHandle { params: Params::new(), first_failure: None, json: ZString::default() }))
    })
}

/// Frees params, with the JSON that was borrowed from it.
///
/// @param params  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_free(params: *mut codex_params) {
    // SAFETY: the caller owns the params.
    panic::run(|| drop(unsafe { handle::take_back(params) }));
}

/// Changes the params of the caller inside the boundary.
///
/// # Safety
/// `params` is NULL or params that no other thread uses now.
unsafe fn change(params: *mut codex_params, change: impl FnOnce(&mut Params) -> Result<()>) -> codex_status {
    panic::status(|| {
        // SAFETY: the caller's promise.
        let handle = required(unsafe { handle::borrow_mut(params) }, "params")?;
        change(&mut handle.params).inspect_err(|failure| {
            handle.first_failure.get_or_insert_with(|| failure.clone());
        })
    })
}

/// Sets a field to a string.
///
/// @param params  required
/// @param key     the name of a field, or a JSON Pointer
/// @param value   required
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_set_string(
    params: *mut codex_params,
    key: *const c_char,
    value: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe {
        change(
            params,
            |params| Ok(params.set_string(string::required(key, "key")?, string::required(value, "value")?)?),
        )
    }
}

/// Sets a field to a whole number.
///
/// @param params  required
/// @param key     the name of a field, or a JSON Pointer
/// @param value   the number
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_set_int(
    params: *mut codex_params,
    key: *const c_char,
    value: i64,
) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe { change(params, |params| Ok(params.set_int(string::required(key, "key")?, value)?)) }
}

/// Sets a field to a number.
///
/// @param params  required
/// @param key     the name of a field, or a JSON Pointer
/// @param value   finite
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_set_double(
    params: *mut codex_params,
    key: *const c_char,
    value: f64,
) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe { change(params, |params| Ok(params.set_double(string::required(key, "key")?, value)?)) }
}

/// Sets a field to true or false.
///
/// @param params  required
/// @param key     the name of a field, or a JSON Pointer
/// @param value   true or false
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_set_bool(
    params: *mut codex_params,
    key: *const c_char,
    value: bool,
) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe { change(params, |params| Ok(params.set_bool(string::required(key, "key")?, value)?)) }
}

/// Sets a field to any JSON value, whose numbers and strings stay as they are written.
///
/// @param params  required
/// @param key     the name of a field, or a JSON Pointer
/// @param json    a JSON text
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_set_json(
    params: *mut codex_params,
    key: *const c_char,
    json: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe {
        change(params, |params| {
            let (key, json) = (string::required(key, "key")?, string::required(json, "json")?);
            match failure_of(json) {
                Some(failure) => Err(failure),
                None => Ok(params.set_json(key, json)?),
            }
        })
    }
}

/// Adds a text to the input of a turn. Input items are sent in the order in which they are added, behind the text of the call.
///
/// @param params  required
/// @param text    required
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_add_text(params: *mut codex_params, text: *const c_char) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe { change(params, |params| Ok(params.add_text(string::required(text, "text")?)?)) }
}

/// Adds an image by its URL. The runtime takes data URLs only, and refuses http and https.
///
/// @param params  required
/// @param url     a data URL; required
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_add_image_url(params: *mut codex_params, url: *const c_char) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe { change(params, |params| Ok(params.add_image_url(string::required(url, "url")?)?)) }
}

/// Adds an image from a file, which the runtime reads.
///
/// @param params  required
/// @param path    a path; a relative one starts from the directory of the runtime's process
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_add_image_file(params: *mut codex_params, path: *const c_char) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe { change(params, |params| Ok(params.add_image_file(string::required(path, "path")?)?)) }
}

/// Adds an image from memory. No file is made.
///
/// @param params     required
/// @param bytes      the contents of an image file; copied
/// @param len        how many bytes, at least 1
/// @param mime_type  like "image/png"
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_add_image_bytes(
    params: *mut codex_params,
    bytes: *const u8,
    len: usize,
    mime_type: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe {
        change(params, |params| {
            Ok(params
                .add_image_bytes(string::bytes(bytes, len, "bytes")?, string::required(mime_type, "mime_type")?)?)
        })
    }
}

/// Adds a skill that the agent is to use.
///
/// @param params  required
/// @param name    its name; required
/// @param path    the file of the skill; the runtime ignores one that it does not know
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_add_skill(
    params: *mut codex_params,
    name: *const c_char,
    path: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe {
        change(params, |params| Ok(params.add_skill(string::required(name, "name")?, string::required(path, "path")?)?))
    }
}

/// Adds a mention of an app or a plugin.
///
/// @param params  required
/// @param name    what the person calls it; required
/// @param path    what is meant: "app://" and the id of an app, or "plugin://", the name of a plugin, "@" and its marketplace;
///                required
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_add_mention(
    params: *mut codex_params,
    name: *const c_char,
    path: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe {
        change(params, |params| {
            Ok(params.add_mention(string::required(name, "name")?, string::required(path, "path")?)?)
        })
    }
}

/// Begins the turn with a message of a tool or a system instead of a person's input: the protocol's `toolOutput`. Such params hold
/// no input.
///
/// @param params          required
/// @param tool_name       where the message comes from, its `name`; not blank
/// @param tool_namespace  its `namespace`; may be NULL
/// @param content         what it says, its `output`; required
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_set_external_message(
    params: *mut codex_params,
    tool_name: *const c_char,
    tool_namespace: *const c_char,
    content: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its params, and NUL-terminated strings or NULL.
    unsafe {
        change(params, |params| {
            Ok(params.set_external_message(
                string::required(tool_name, "tool_name")?,
                string::optional(tool_namespace, "tool_namespace")?,
                string::required(content, "content")?,
            )?)
        })
    }
}

/// The params as JSON, for the call that they are made for.
///
/// @param params  required
/// @return borrowed until the next call with these params; "" for NULL. When a setter failed it is no JSON: the call that it is
///         passed to fails with the error of that setter
/// @note one thread at a time; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_params_json(params: *mut codex_params) -> *const c_char {
    panic::value(c"".as_ptr(), || {
        // SAFETY: the caller passes its params, or NULL.
        let handle = unsafe { handle::borrow_mut(params) }?;
        let json = handle.first_failure.as_ref().map_or_else(|| handle.params.json(), failed_text);
        handle.json = json.into();
        Some(string::borrowed(&handle.json))
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;
    use crate::engine::error::Status;

    #[test]
    fn the_failure_of_inner_params_reaches_the_call_through_the_outer_ones() {
        let (inner, outer) = (codex_params_new(), codex_params_new());
        // SAFETY: the params are this function's own and freed once; the strings are literals or borrowed from live params.
        let told = unsafe {
            assert_eq!(codex_params_set_double(inner, c"x".as_ptr(), f64::NAN), Status::InvalidArgument.code());
            let status = codex_params_set_json(outer, c"config".as_ptr(), codex_params_json(inner));
            assert_eq!(status, Status::InvalidArgument.code());
            let told = CStr::from_ptr(codex_params_json(outer)).to_str().unwrap().to_owned();
            codex_params_free(inner);
            codex_params_free(outer);
            told
        };
        let failure = failure_of(&told).unwrap();
        assert!(failure.message().contains("\"x\" is NaN"), "{}", failure.message());
    }

    #[test]
    fn a_null_argument_counts_as_the_first_failure() {
        let params = codex_params_new();
        // SAFETY: the params are this function's own and freed once.
        let told = unsafe {
            assert_eq!(codex_params_add_text(params, std::ptr::null()), Status::InvalidArgument.code());
            assert_eq!(codex_params_set_json(params, c"k".as_ptr(), c"{".as_ptr()), Status::InvalidJson.code());
            let told = CStr::from_ptr(codex_params_json(params)).to_str().unwrap().to_owned();
            codex_params_free(params);
            told
        };
        let failure = failure_of(&told).unwrap();
        assert_eq!(failure.status(), Status::InvalidArgument);
        assert!(failure.message().contains("`text`"), "{}", failure.message());
    }
}
