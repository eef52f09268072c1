use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut, with_exposed_provenance_mut};

use super::error::codex_error;
use super::handle::{self, Boxed, Out, required};
use super::request::{codex_request, give_request};
use super::status::{CODEX_END, CODEX_OK, CODEX_TIMEOUT, codex_status};
use super::value::{Views, codex_value};
use super::{panic, string};
use crate::engine::event::Event;
use crate::engine::read::Read;
use crate::engine::spares::Spares;

/// What an event is about. An open integer: later versions may add values.
pub type codex_event_kind = i32;

/// Anything that has no kind of its own; its method and JSON say what it is.
pub const CODEX_EVENT_OTHER: codex_event_kind = 0;
/// A turn began.
pub const CODEX_EVENT_TURN_STARTED: codex_event_kind = 1;
/// The runtime says that a turn is over. CODEX_EVENT_TURN_ENDED follows, and is the one to rely on.
pub const CODEX_EVENT_TURN_COMPLETED: codex_event_kind = 2;
/// An item of a turn began: a message, a command, a file change, a tool call.
pub const CODEX_EVENT_ITEM_STARTED: codex_event_kind = 3;
/// An item of a turn is complete; the text is that of a message.
pub const CODEX_EVENT_ITEM_COMPLETED: codex_event_kind = 4;
/// More text of a message of the agent.
pub const CODEX_EVENT_MESSAGE_DELTA: codex_event_kind = 5;
/// More text of the agent's reasoning.
pub const CODEX_EVENT_REASONING_DELTA: codex_event_kind = 6;
/// More output of a command or a file change.
pub const CODEX_EVENT_OUTPUT_DELTA: codex_event_kind = 7;
/// The plan of the turn changed.
pub const CODEX_EVENT_PLAN_UPDATED: codex_event_kind = 8;
/// The diff of the turn changed.
pub const CODEX_EVENT_DIFF_UPDATED: codex_event_kind = 9;
/// Tokens were used.
pub const CODEX_EVENT_USAGE: codex_event_kind = 10;
/// The runtime asks something and waits for the answer: see [`codex_event_take_request`].
pub const CODEX_EVENT_REQUEST: codex_event_kind = 11;
/// A request needs no answer any more. Comes once for every request, also where the runtime sends none.
pub const CODEX_EVENT_REQUEST_RESOLVED: codex_event_kind = 12;
/// The answer to a call that was begun.
pub const CODEX_EVENT_RESPONSE: codex_event_kind = 13;
/// An error of the runtime; it may try again by itself.
pub const CODEX_EVENT_ERROR: codex_event_kind = 14;
/// A warning of the runtime.
pub const CODEX_EVENT_WARNING: codex_event_kind = 15;
/// The connection is over; the last event of the client queue.
pub const CODEX_EVENT_CLOSED: codex_event_kind = 16;
/// The connection is ready.
pub const CODEX_EVENT_CONNECTED: codex_event_kind = 17;
/// The turn has ended. Exactly one, the last event of every turn handle, however the turn ended; [`codex_event_status`] says
/// how.
pub const CODEX_EVENT_TURN_ENDED: codex_event_kind = 18;
/// A thread that was begun is ready, or could not be made.
pub const CODEX_EVENT_THREAD_READY: codex_event_kind = 19;

/// Something that happened. Owned by the caller, who frees it with [`codex_event_free`]; in a codex_event_fn borrowed.
pub struct codex_event {
    _private: [u8; 0],
}

impl Boxed for codex_event {
    type Value = Event;
}

/// Hands what a reader found to C.
pub(crate) fn give_read(read: Read, out: &Out<*mut codex_event>) -> codex_status {
    match read {
        Read::Event(event) => {
            out.set(handle::give_box(event));
            CODEX_OK
        }
        Read::TimedOut => CODEX_TIMEOUT,
        Read::End => CODEX_END,
    }
}

/// Lets C look at an event while `look` runs.
pub(crate) fn lend_event<T>(event: &Event, look: impl FnOnce(*mut codex_event) -> T) -> T {
    look(handle::lend(event))
}

/// ## Events
///
/// An event is one notification of the runtime, or one fact about the client itself. It owns all that can be asked of it. What
/// the runtime may send is open: kinds, methods and members that are not known today are handed out like the others.
///
/// What the event is about.
///
/// @param event  may be NULL: CODEX_EVENT_OTHER
/// @return one of CODEX_EVENT_*; a later version may have more
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_get_kind(event: *const codex_event) -> codex_event_kind {
    // SAFETY: the caller passes an event that is not freed, or NULL.
    panic::value(CODEX_EVENT_OTHER, || Some(unsafe { handle::borrow(event) }?.kind() as codex_event_kind))
}

/// The method of the runtime, like "item/agentMessage/delta".
///
/// @param event  may be NULL: ""
/// @return borrowed from the event; "" for an event that the library made, but a CODEX_EVENT_REQUEST_RESOLVED always has that of
///         the runtime, "serverRequest/resolved"; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_method(event: *const codex_event) -> *const c_char {
    // SAFETY: the caller passes an event that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::terminated(unsafe { handle::borrow(event) }?.method())))
}

/// The text of a delta, a message, a warning or an error, and of CODEX_EVENT_CLOSED that of its error; unescaped when it is first
/// asked for.
///
/// @param event  may be NULL: ""
/// @param len    receives the length in bytes without the NUL at the end; the text may hold others. May be NULL
/// @return borrowed from the event; "" when the event has no text; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_text(event: *const codex_event, len: *mut usize) -> *const c_char {
    // SAFETY: the caller passes an event that is not freed and a place for the length, or NULL.
    unsafe {
        let len = Out::new(len, 0);
        panic::value(c"".as_ptr(), || Some(string::measured(handle::borrow(event)?.text(), &len)))
    }
}

/// The params of the notification or request, byte for byte as they were received. Deltas that were merged have the JSON of the
/// first, whose "delta" is all of the text.
///
/// Of the events that the library makes: CODEX_EVENT_RESPONSE has the result or the error, CODEX_EVENT_CONNECTED the info of the
/// client, CODEX_EVENT_THREAD_READY the info of the thread or the error, CODEX_EVENT_TURN_ENDED the TurnResult,
/// CODEX_EVENT_CLOSED the error, or "{}" when the client was closed, and CODEX_EVENT_WARNING its text as "message". An error is
/// what [`codex_error_json`](super::error::codex_error_json) gives.
///
/// @param event  may be NULL: ""
/// @param len    receives the length in bytes without the NUL; may be NULL
/// @return borrowed from the event; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_json(event: *const codex_event, len: *mut usize) -> *const c_char {
    // SAFETY: the caller passes an event that is not freed and a place for the length, or NULL.
    unsafe {
        let len = Out::new(len, 0);
        panic::value(c"".as_ptr(), || Some(string::measured(handle::borrow(event)?.json(), &len)))
    }
}

/// What [`codex_event_json`] gives, parsed when it is first asked for.
///
/// @param event  may be NULL: NULL
/// @return borrowed from the event; NULL when the JSON cannot be read
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_value(event: *const codex_event) -> *const codex_value {
    panic::value(null(), || {
        // SAFETY: the caller passes an event that is not freed, or NULL.
        let event = unsafe { handle::borrow(event) }?;
        let views = event.attachment(|| Box::new(event.value().map(Views::new)));
        Some(views.downcast_ref::<Option<Views>>()?.as_ref()?.root())
    })
}

/// When the runtime sent the event, by its own clock.
///
/// @param event  may be NULL: 0
/// @return milliseconds since 1970; 0 when unknown
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_emitted_at_ms(event: *const codex_event) -> i64 {
    // SAFETY: the caller passes an event that is not freed, or NULL.
    panic::value(0, || Some(unsafe { handle::borrow(event) }?.emitted_at_ms()))
}

/// The id of the thread that the event belongs to.
///
/// @param event  may be NULL: ""
/// @return borrowed from the event; "" when there is none; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_thread_id(event: *const codex_event) -> *const c_char {
    // SAFETY: the caller passes an event that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::terminated(unsafe { handle::borrow(event) }?.thread_id())))
}

/// The id of the turn that the event belongs to.
///
/// @param event  may be NULL: ""
/// @return borrowed from the event; "" when there is none; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_turn_id(event: *const codex_event) -> *const c_char {
    // SAFETY: the caller passes an event that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::terminated(unsafe { handle::borrow(event) }?.turn_id())))
}

/// The id of the item that the event belongs to.
///
/// @param event  may be NULL: ""
/// @return borrowed from the event; "" when there is none; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_item_id(event: *const codex_event) -> *const c_char {
    // SAFETY: the caller passes an event that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::terminated(unsafe { handle::borrow(event) }?.item_id())))
}

/// The pointer that was attached to the turn, the thread or the call that the event belongs to.
///
/// @param event  may be NULL: NULL
/// @return NULL when none was attached
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_user_data(event: *const codex_event) -> *mut c_void {
    // SAFETY: the caller passes an event that is not freed, or NULL.
    panic::value(null_mut(), || Some(with_exposed_provenance_mut(unsafe { handle::borrow(event) }?.user_data())))
}

/// The call that a CODEX_EVENT_RESPONSE answers: what codex_client_begin_call gave.
///
/// @param event  may be NULL: 0
/// @return 0 for any other event
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_call_id(event: *const codex_event) -> u64 {
    // SAFETY: the caller passes an event that is not freed, or NULL.
    panic::value(0, || Some(unsafe { handle::borrow(event) }?.call_id()))
}

/// The request that a CODEX_EVENT_REQUEST or a CODEX_EVENT_REQUEST_RESOLVED is about: see codex_request_id.
///
/// @param event  may be NULL: 0
/// @return 0 for any other event
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_request_id(event: *const codex_event) -> u64 {
    // SAFETY: the caller passes an event that is not freed, or NULL.
    panic::value(0, || Some(unsafe { handle::borrow(event) }?.request_id()))
}

/// What went wrong: of a CODEX_EVENT_RESPONSE with the call, of a CODEX_EVENT_THREAD_READY with the thread, of a
/// CODEX_EVENT_TURN_ENDED with the turn, of a CODEX_EVENT_CLOSED with the connection, and of a CODEX_EVENT_WARNING with a message
/// of the runtime that was longer than max_message_bytes. What the runtime itself reports, a CODEX_EVENT_ERROR too, is in the JSON
/// of the event instead.
///
/// @param event  required
/// @return CODEX_OK when nothing went wrong, and for all other events; else the status of the error, which `err` receives: owned,
///         see codex_error_free
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_status(event: *const codex_event, err: *mut *mut codex_error) -> codex_status {
    // SAFETY: the caller passes an event that is not freed and a place for the error, or NULL.
    unsafe {
        panic::act(err, || required(handle::borrow(event), "event")?.error().map_or(Ok(()), |error| Err(error.clone())))
    }
}

/// How many deltas the event stands for. More than 1 when the program was slow and adjacent text of one item was merged.
///
/// @param event  may be NULL: 0
/// @return 1 for an event that is only itself
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_merged(event: *const codex_event) -> u32 {
    // SAFETY: the caller passes an event that is not freed, or NULL.
    panic::value(0, || Some(unsafe { handle::borrow(event) }?.merged()))
}

/// Takes the request out of a CODEX_EVENT_REQUEST, to answer it now or later. A request that is not taken is declined when the
/// event is freed, or when the callback that it was passed to returns.
///
/// @param event  may be NULL: NULL
/// @return owned, see codex_request_free; NULL when there is none, when it was taken before, and when the request needed no
///         answer any more
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_take_request(event: *mut codex_event) -> *mut codex_request {
    // SAFETY: the caller passes an event that is not freed, or NULL.
    panic::value(null_mut(), || Some(give_request(unsafe { handle::borrow(event) }?.take_request()?)))
}

/// Frees an event, with all that was borrowed from it. Never for the event of a callback, which is only borrowed.
///
/// @param event  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_event_free(event: *mut codex_event) {
    panic::run(|| {
        // SAFETY: the caller owns the event.
        if let Some(event) = unsafe { handle::take_back(event) } {
            Spares::put(event);
        }
    });
}
