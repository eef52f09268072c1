//! Text that comes in and goes out.

use std::ffi::{CStr, CString, c_char};
use std::ptr::null_mut;

use super::error::codex_error;
use super::handle::{Out, is_null};
use super::panic;
use super::status::codex_status;
use crate::engine::error::{Error, Result};
use crate::engine::text::ZString;

/// A text of the caller's that must be there.
///
/// # Safety
/// The pointer is NULL or a NUL-terminated string that stays valid during `'a`.
pub(crate) unsafe fn required<'a>(text: *const c_char, what: &str) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    unsafe { optional(text, what) }?.ok_or_else(|| is_null(what))
}

/// A text of the caller's that may be absent.
///
/// # Safety
/// As [`required`].
pub(crate) unsafe fn optional<'a>(text: *const c_char, what: &str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    let checked = text.to_str().map_err(|error| {
        Error::invalid_argument(format!("the argument `{what}` is not valid UTF-8 at byte {}", error.valid_up_to()))
    })?;
    Ok(Some(checked))
}

/// Bytes of the caller's.
///
/// # Safety
/// The pointer is NULL or valid for reading `len` bytes during `'a`.
pub(crate) unsafe fn bytes<'a>(bytes: *const u8, len: usize, what: &str) -> Result<&'a [u8]> {
    if bytes.is_null() {
        return Err(is_null(what));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(bytes, len) })
}

/// A text that the caller will free with `codex_string_free`. What follows a NUL would be lost, so NULs are left out; JSON
/// has none.
pub(crate) fn owned(text: String) -> *mut c_char {
    let text = CString::new(text).unwrap_or_else(|error| {
        let mut bytes = error.into_vec();
        bytes.retain(|byte| *byte != 0);
        CString::new(bytes).unwrap_or_default()
    });
    text.into_raw()
}

/// Hands out the text that `body` makes, as [`owned`].
///
/// # Safety
/// The pointers are NULL or valid for writing.
pub(crate) unsafe fn hand_out(
    out: *mut *mut c_char,
    err: *mut *mut codex_error,
    body: impl FnOnce() -> Result<String>,
) -> codex_status {
    // SAFETY: the caller's promise.
    unsafe {
        let out = Out::new(out, null_mut());
        panic::act(err, || {
            let out = out.required("out_json")?;
            out.set(owned(body()?));
            Ok(())
        })
    }
}

/// Takes back what [`owned`] gave.
///
/// # Safety
/// The pointer is NULL or came from [`owned`] and was not taken back before.
pub(crate) unsafe fn take_back(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { CString::from_raw(text) });
    }
}

/// A text that lives as long as what it was asked of.
pub(crate) fn borrowed(text: &ZString) -> *const c_char {
    terminated(text.with_nul())
}

/// Bytes that end in NUL, as C sees them.
pub(crate) fn terminated(bytes: &[u8]) -> *const c_char {
    debug_assert_eq!(bytes.last(), Some(&0));
    bytes.as_ptr().cast()
}

/// Bytes that end in NUL, with their length.
pub(crate) fn measured(bytes: &[u8], len: &Out<usize>) -> *const c_char {
    len.set(bytes.len() - 1);
    terminated(bytes)
}
