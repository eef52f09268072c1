use std::ffi::c_char;

use once_cell::sync::OnceCell;

use super::handle::{self, Boxed};
use super::panic;
use super::status::{CODEX_OK, codex_status};
use super::string;
use crate::engine::error::Error;
use crate::engine::text::ZString;

/// What went wrong. Owned by the caller, who frees it with [`codex_error_free`].
pub struct codex_error {
    _private: [u8; 0],
}

pub(crate) struct ErrorHandle {
    error: Error,
    message: ZString,
    reason: ZString,
    json: OnceCell<ZString>,
}

impl Boxed for codex_error {
    type Value = ErrorHandle;
}

/// Hands an error to C.
pub(crate) fn give_error(error: Error) -> *mut codex_error {
    let (message, reason) = (ZString::new(error.message()), ZString::new(error.reason()));
    handle::give(ErrorHandle { error, message, reason, json: OnceCell::new() })
}

/// ## Errors
///
/// Functions that can fail return a codex_status and take, as their last parameter, a `codex_error **err`. It may be NULL. It
/// is set to NULL when the call begins, and receives an error that the caller owns when the status is negative.
///
/// The status of an error: what the call that made it returned.
///
/// @param error  may be NULL: CODEX_OK
/// @return a negative status
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_error_status(error: *const codex_error) -> codex_status {
    // SAFETY: the caller passes an error that is not freed, or NULL.
    panic::value(CODEX_OK, || Some(unsafe { handle::borrow(error) }?.error.status().code()))
}

/// One readable sentence: what happened, with which value, what to do.
///
/// @param error  may be NULL: ""
/// @return borrowed from the error; UTF-8; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_error_message(error: *const codex_error) -> *const c_char {
    // SAFETY: the caller passes an error that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::borrowed(&unsafe { handle::borrow(error) }?.message)))
}

/// One stable word for the cause, where the status alone does not tell it: "threadNotFound", "noActiveTurn", "connectionLost",
/// "replayMismatch" and so on. The guide docs/guides/errors-and-deadlines.md lists them all; what the runtime reports of a turn,
/// like "usageLimitExceeded", comes as it is. Later versions may have more.
///
/// @param error  may be NULL: ""
/// @return borrowed from the error; "" when there is none; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_error_reason(error: *const codex_error) -> *const c_char {
    // SAFETY: the caller passes an error that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::borrowed(&unsafe { handle::borrow(error) }?.reason)))
}

/// The JSON-RPC code that the runtime answered with. It uses -32600 for nearly everything: see [`codex_error_reason`].
///
/// @param error  may be NULL: 0
/// @return 0 when the runtime did not answer with an error
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_error_rpc_code(error: *const codex_error) -> i64 {
    // SAFETY: the caller passes an error that is not freed, or NULL.
    panic::value(0, || Some(unsafe { handle::borrow(error) }?.error.rpc_code()))
}

/// Whether the same call may succeed when it is made again later: a runtime that is overloaded, a connection of the runtime
/// that broke, or a refusal whose data says `"retryable":true`. Where the runtime itself has tried in vain as often as it may,
/// the answer is false. A turn that failed this way has still happened.
///
/// @param error  may be NULL: false
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_error_is_retryable(error: *const codex_error) -> bool {
    // SAFETY: the caller passes an error that is not freed, or NULL.
    panic::value(false, || Some(unsafe { handle::borrow(error) }?.error.is_retryable()))
}

/// Everything that is known, as a JSON object: status, message, reason, rpcCode, retryable, data, codexErrorInfo, exitStatus,
/// stderrTail. The data and the codexErrorInfo are the runtime's own. What is unknown is null, a reason "" and an rpcCode 0.
/// API keys and tokens that the runtime repeats are not in it, nor in the message: `[removed]` stands in their place.
///
/// @param error  may be NULL: ""
/// @return borrowed from the error; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_error_json(error: *const codex_error) -> *const c_char {
    panic::value(c"".as_ptr(), || {
        // SAFETY: the caller passes an error that is not freed, or NULL.
        let handle = unsafe { handle::borrow(error) }?;
        Some(string::borrowed(handle.json.get_or_init(|| handle.error.to_json().into())))
    })
}

/// Frees an error, with all that was borrowed from it.
///
/// @param error  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_error_free(error: *mut codex_error) {
    // SAFETY: the caller owns the error.
    panic::run(|| drop(unsafe { handle::take_back(error) }));
}

/// Frees a string that a function handed out as owned. Never use free() of the C library for that.
///
/// @param string  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_string_free(string: *mut c_char) {
    // SAFETY: the caller owns the string.
    panic::run(|| unsafe { string::take_back(string) });
}
