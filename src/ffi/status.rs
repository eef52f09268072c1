use std::ffi::{CStr, c_char};

/// What a call returns: 0 or more is success, less than 0 an error. An open integer: later versions may add values.
pub type codex_status = i32;

/// Success.
pub const CODEX_OK: codex_status = 0;
/// Nothing came within the time given, or the wait was woken. Only from waits; there is no codex_error.
pub const CODEX_TIMEOUT: codex_status = 1;
/// The stream has ended; nothing will ever come again. Not an error; there is no codex_error.
pub const CODEX_END: codex_status = 2;
/// A required argument is NULL, malformed or out of range.
pub const CODEX_ERROR_INVALID_ARGUMENT: codex_status = -1;
/// A text that must be JSON is not; the message tells the line and the column.
pub const CODEX_ERROR_INVALID_JSON: codex_status = -2;
/// No executable of the runtime was found; the message lists every place that was searched.
pub const CODEX_ERROR_RUNTIME_NOT_FOUND: codex_status = -10;
/// The runtime could not be started, or ended before it was ready; carries its exit status and standard error.
pub const CODEX_ERROR_RUNTIME_START: codex_status = -11;
/// The runtime is too old or too new for what was asked.
pub const CODEX_ERROR_RUNTIME_UNSUPPORTED: codex_status = -12;
/// The connection was lost, or one to a socket could not be made; carries the runtime's exit status and the end of its standard
/// error, if it was started here.
pub const CODEX_ERROR_TRANSPORT: codex_status = -13;
/// The runtime broke the protocol, or required events are missing.
pub const CODEX_ERROR_PROTOCOL: codex_status = -14;
/// The runtime asks for a login; behind a socket, for another token.
pub const CODEX_ERROR_AUTH: codex_status = -15;
/// A call was not answered in time. The runtime may still act on it.
pub const CODEX_ERROR_TIMED_OUT: codex_status = -16;
/// The runtime answered with an error: see its reason, its JSON-RPC code and its data.
pub const CODEX_ERROR_RPC: codex_status = -20;
/// The runtime was still overloaded after the retries that the deadline allowed, or does not read what it is told.
pub const CODEX_ERROR_OVERLOADED: codex_status = -21;
/// The turn failed. Its TurnResult is handed out all the same: items, usage, error.
pub const CODEX_ERROR_TURN_FAILED: codex_status = -30;
/// The turn was interrupted. Its TurnResult is handed out all the same.
pub const CODEX_ERROR_TURN_INTERRUPTED: codex_status = -31;
/// A deadline of the turn passed and it was interrupted. Its TurnResult is handed out all the same.
pub const CODEX_ERROR_TURN_TIMED_OUT: codex_status = -32;
/// A budget of the turn ran out and it was interrupted. Its TurnResult is handed out all the same.
pub const CODEX_ERROR_LIMIT: codex_status = -33;
/// The client was closed.
pub const CODEX_ERROR_CLOSED: codex_status = -40;
/// The call would wait for ever: it cannot be made from this callback, or behind events that nobody reads.
pub const CODEX_ERROR_WOULD_DEADLOCK: codex_status = -41;
/// The handle belongs to the parent process; after fork() a child makes clients of its own.
pub const CODEX_ERROR_FORKED: codex_status = -42;
/// The request was answered before, or needs no answer any more.
pub const CODEX_ERROR_ALREADY_ANSWERED: codex_status = -43;
/// A defect of the library: a panic was caught at the boundary.
pub const CODEX_ERROR_INTERNAL: codex_status = -99;

/// ## Status
///
/// The name of a status, like "CODEX_ERROR_TRANSPORT".
///
/// @param status  any status; one that this version does not know is called "CODEX_UNKNOWN"
/// @return a static string, never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn codex_status_name(status: codex_status) -> *const c_char {
    name_of(status).as_ptr()
}

fn name_of(status: codex_status) -> &'static CStr {
    match status {
        CODEX_OK => c"CODEX_OK",
        CODEX_TIMEOUT => c"CODEX_TIMEOUT",
        CODEX_END => c"CODEX_END",
        CODEX_ERROR_INVALID_ARGUMENT => c"CODEX_ERROR_INVALID_ARGUMENT",
        CODEX_ERROR_INVALID_JSON => c"CODEX_ERROR_INVALID_JSON",
        CODEX_ERROR_RUNTIME_NOT_FOUND => c"CODEX_ERROR_RUNTIME_NOT_FOUND",
        CODEX_ERROR_RUNTIME_START => c"CODEX_ERROR_RUNTIME_START",
        CODEX_ERROR_RUNTIME_UNSUPPORTED => c"CODEX_ERROR_RUNTIME_UNSUPPORTED",
        CODEX_ERROR_TRANSPORT => c"CODEX_ERROR_TRANSPORT",
        CODEX_ERROR_PROTOCOL => c"CODEX_ERROR_PROTOCOL",
        CODEX_ERROR_AUTH => c"CODEX_ERROR_AUTH",
        CODEX_ERROR_TIMED_OUT => c"CODEX_ERROR_TIMED_OUT",
        CODEX_ERROR_RPC => c"CODEX_ERROR_RPC",
        CODEX_ERROR_OVERLOADED => c"CODEX_ERROR_OVERLOADED",
        CODEX_ERROR_TURN_FAILED => c"CODEX_ERROR_TURN_FAILED",
        CODEX_ERROR_TURN_INTERRUPTED => c"CODEX_ERROR_TURN_INTERRUPTED",
        CODEX_ERROR_TURN_TIMED_OUT => c"CODEX_ERROR_TURN_TIMED_OUT",
        CODEX_ERROR_LIMIT => c"CODEX_ERROR_LIMIT",
        CODEX_ERROR_CLOSED => c"CODEX_ERROR_CLOSED",
        CODEX_ERROR_WOULD_DEADLOCK => c"CODEX_ERROR_WOULD_DEADLOCK",
        CODEX_ERROR_FORKED => c"CODEX_ERROR_FORKED",
        CODEX_ERROR_ALREADY_ANSWERED => c"CODEX_ERROR_ALREADY_ANSWERED",
        CODEX_ERROR_INTERNAL => c"CODEX_ERROR_INTERNAL",
        _ => c"CODEX_UNKNOWN",
    }
}
