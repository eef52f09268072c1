use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

use super::error::codex_error;
use super::event::{codex_event, give_read, lend_event};
use super::handle::{self, Out, Shared, held, is_null};
use super::result::{codex_turn_result, give_result};
use super::status::{CODEX_OK, CODEX_TIMEOUT, codex_status};
use super::thread::codex_thread;
use super::{panic, string, time};
use crate::engine::error::Result;
use crate::engine::event::Event;
use crate::engine::session::Delivery;
use crate::engine::turn::{self, Run, Turn, Verdict};

/// What a [`codex_event_fn`] returns for the next event.
pub const CODEX_CONTINUE: i32 = 0;
/// What a [`codex_event_fn`] returns when it wants no more events: the turn is interrupted.
pub const CODEX_INTERRUPT: i32 = 1;

/// Takes an event of a turn, on the thread that called. The event is borrowed and lives during the call; its request can be
/// taken. Returns CODEX_CONTINUE or CODEX_INTERRUPT; any other value is CODEX_INTERRUPT.
pub type codex_event_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, event: *mut codex_event) -> i32>;

/// The agent's work on one input. Owned by the caller; used by any thread.
pub struct codex_turn {
    _private: [u8; 0],
}

impl Shared for codex_turn {
    type Value = Turn;
    const NAME: &'static str = "turn";
}

/// Hands out what a turn did, whether it completed or not.
fn give_run((result, error): Run, out: &Out<*mut codex_turn_result>) -> Result<codex_status> {
    if let Some(result) = result {
        out.set(give_result(result));
    }
    error.map_or(Ok(CODEX_OK), Err)
}

/// ## Running turns
///
/// A turn is the agent's work on one input: `text` comes first, then the items of the member "input" of `params_json`; one of
/// the two must be there. The params take "approvalMode", "sandbox", "limits" and "raw" as those of a thread do; all other
/// fields are handed to the runtime as they are. The sandbox "workspace-write" has the network, the writable roots and the
/// excluded directories that the runtime is configured with, or that the thread was started with; to say them for a turn, pass
/// the protocol's own "sandboxPolicy".
///
/// On a thread where a turn runs already, a new one joins it: its input is added to the turn that runs, both handles have the same
/// turn id and the same result, and the limits of both hold. To run one after the other, wait for the first, or call the
/// runtime's "thread/queue/add".
///
/// Runs a turn to its end. What the runtime asks meanwhile, and the request handler does not answer, is declined.
///
/// @param thread       required
/// @param text         the input; may be NULL
/// @param params_json  a JSON object; NULL is the empty one
/// @param out          receives what the turn did, also when it did not complete: owned, see codex_turn_result_free; NULL when
///                     the turn never started
/// @return CODEX_OK; with a result CODEX_ERROR_TURN_FAILED, CODEX_ERROR_TURN_INTERRUPTED, CODEX_ERROR_TURN_TIMED_OUT,
///         CODEX_ERROR_LIMIT, CODEX_ERROR_AUTH; with or without one CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED,
///         CODEX_ERROR_PROTOCOL; without one CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_RPC,
///         CODEX_ERROR_OVERLOADED, CODEX_ERROR_TIMED_OUT, CODEX_ERROR_RUNTIME_UNSUPPORTED for params that the runtime does not
///         know or has retired, and CODEX_ERROR_WOULD_DEADLOCK from a request handler
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_run(
    thread: *mut codex_thread,
    text: *const c_char,
    params_json: *const c_char,
    out: *mut *mut codex_turn_result,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread, strings and places, or NULL.
    unsafe {
        let out = Out::new(out, null_mut());
        panic::call(err, || {
            let out = out.required("out")?;
            let thread = held(thread)?;
            let text = string::optional(text, "text")?;
            let params = string::optional(params_json, "params_json")?;
            give_run(turn::run(&thread, text, params)?, &out)
        })
    }
}

/// Runs a turn to its end and passes each of its events to a function, on the calling thread. When the function returns
/// CODEX_INTERRUPT it is not called again: the turn is interrupted, and the call returns when it has ended.
///
/// @param thread       required
/// @param text         the input; may be NULL
/// @param params_json  a JSON object; NULL is the empty one
/// @param on_event     required
/// @param user_data    passed to every call of `on_event`
/// @param out          as of [`codex_thread_run`]
/// @return as [`codex_thread_run`]; CODEX_ERROR_TURN_INTERRUPTED, with a result, when `on_event` interrupted the turn
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_run_streamed(
    thread: *mut codex_thread,
    text: *const c_char,
    params_json: *const c_char,
    on_event: codex_event_fn,
    user_data: *mut c_void,
    out: *mut *mut codex_turn_result,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread, strings and places, or NULL, and a function that may be called with its pointer.
    unsafe {
        let out = Out::new(out, null_mut());
        panic::call(err, || {
            let out = out.required("out")?;
            let thread = held(thread)?;
            let text = string::optional(text, "text")?;
            let params = string::optional(params_json, "params_json")?;
            let on_event = on_event.ok_or_else(|| is_null("on_event"))?;
            let show = |event: &Event| match lend_event(event, |event| on_event(user_data, event)) {
                CODEX_CONTINUE => Verdict::Continue,
                _ => Verdict::Interrupt,
            };
            give_run(turn::run_streamed(&thread, text, params, show)?, &out)
        })
    }
}

/// Starts a turn and waits until the runtime has accepted it. Its events are kept for [`codex_turn_next_event`].
///
/// @param thread       required
/// @param text         the input; may be NULL
/// @param params_json  a JSON object; NULL is the empty one
/// @param out          receives the turn: owned, see [`codex_turn_free`]
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_RUNTIME_UNSUPPORTED,
///         CODEX_ERROR_RPC, CODEX_ERROR_AUTH, CODEX_ERROR_OVERLOADED, CODEX_ERROR_TIMED_OUT, CODEX_ERROR_PROTOCOL,
///         CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED; CODEX_ERROR_WOULD_DEADLOCK with the reason "queueFull"
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_start(
    thread: *mut codex_thread,
    text: *const c_char,
    params_json: *const c_char,
    out: *mut *mut codex_turn,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread, strings and places, or NULL.
    unsafe {
        handle::hand_out(out, err, || {
            let thread = held(thread)?;
            let text = string::optional(text, "text")?;
            Turn::start(&thread, text, string::optional(params_json, "params_json")?)
        })
    }
}

/// Starts a turn without waiting, also on a thread that is not ready yet. A turn that cannot start ends with that error:
/// CODEX_EVENT_TURN_ENDED tells it.
///
/// @param thread       required
/// @param text         the input; may be NULL
/// @param params_json  a JSON object; NULL is the empty one
/// @param out          receives the turn: owned, see [`codex_turn_free`]
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT,
///         CODEX_ERROR_CLOSED; the rest, as of [`codex_turn_start`], comes as the error of the CODEX_EVENT_TURN_ENDED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_begin(
    thread: *mut codex_thread,
    text: *const c_char,
    params_json: *const c_char,
    out: *mut *mut codex_turn,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread, strings and places, or NULL.
    unsafe {
        handle::hand_out(out, err, || {
            let thread = held(thread)?;
            let text = string::optional(text, "text")?;
            Turn::begin(&thread, text, string::optional(params_json, "params_json")?, Delivery::Kept)
        })
    }
}

/// Follows a turn that was started elsewhere, also by a client whose connection was lost. Events from before are not repeated; its
/// TurnResult has the items from before too, and what it asked and is still open is asked again. Of a turn that is over,
/// CODEX_EVENT_TURN_ENDED comes at once.
///
/// @param thread   required
/// @param turn_id  its id; NULL is the turn that runs on the thread now
/// @param out      receives the turn: owned, see [`codex_turn_free`]
/// @return as [`codex_turn_start`]; CODEX_ERROR_RPC with the reason "noActiveTurn" when there is no such turn
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_attach(
    thread: *mut codex_thread,
    turn_id: *const c_char,
    out: *mut *mut codex_turn,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread, a string and places, or NULL.
    unsafe { handle::hand_out(out, err, || Turn::attach(&*held(thread)?, string::optional(turn_id, "turn_id")?)) }
}

/// Starts a turn in which the agent reviews changes, and waits until the runtime has accepted it. Its last message, and its item
/// "exitedReviewMode", are what it found. A turn that runs on the thread is interrupted; while the review runs, input is refused
/// with the reason "activeTurnNotSteerable". The runtime reports no usage for it.
///
/// @param thread       required
/// @param target_json  what to review, a JSON object: {"type":"uncommittedChanges"}, {"type":"baseBranch","branch":"main"},
///                     {"type":"commit","sha":"...","title":"..."} or {"type":"custom","instructions":"..."}
/// @param params_json  a JSON object: "limits" and "raw" as those of a turn, and the protocol's own fields; NULL is the empty
///                     one
/// @param out          receives the turn: owned, see [`codex_turn_free`]
/// @return as [`codex_turn_start`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_review(
    thread: *mut codex_thread,
    target_json: *const c_char,
    params_json: *const c_char,
    out: *mut *mut codex_turn,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread, strings and places, or NULL.
    unsafe {
        handle::hand_out(out, err, || {
            let thread = held(thread)?;
            let target = string::required(target_json, "target_json")?;
            Turn::review(&thread, target, string::optional(params_json, "params_json")?)
        })
    }
}

/// Has the agent pursue a goal, and waits until it has begun. The runtime begins one turn after the other until the agent says
/// that the goal is reached or cannot be. Here they are one turn: it has the id of the first, one CODEX_EVENT_TURN_STARTED and one
/// CODEX_EVENT_TURN_COMPLETED, and in its TurnResult the items of all of them and the sum of their usage. Steering reaches the one
/// that runs; an interrupt, and a limit that is crossed, pauses the goal too. Without an end that is in sight, set limits.
///
/// Until it ends the thread takes no other turn of this client: that is refused with the reason "goalActive". A goal that the
/// thread had before is forgotten. Freeing the handle lets the agent go on.
///
/// @param thread       required; one that is not ephemeral, and on which no turn runs
/// @param objective    what is to be reached; required
/// @param params_json  a JSON object: "limits" and "raw" as those of a turn, "tokenBudget", and what the protocol has for
///                     thread/goal/set; NULL is the empty one
/// @param out          receives the turn: owned, see [`codex_turn_free`]
/// @return as [`codex_turn_start`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_goal(
    thread: *mut codex_thread,
    objective: *const c_char,
    params_json: *const c_char,
    out: *mut *mut codex_turn,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread, strings and places, or NULL.
    unsafe {
        handle::hand_out(out, err, || {
            let thread = held(thread)?;
            let objective = string::required(objective, "objective")?;
            Turn::pursue(&thread, objective, string::optional(params_json, "params_json")?)
        })
    }
}

/// Has the model write a summary that takes the place of the thread's history. The runtime does that in a turn of its own, and
/// interrupts one that runs on the thread; while it does, input is refused with the reason "activeTurnNotSteerable".
///
/// @param thread  required
/// @param out     receives that turn, once it has begun: owned, see [`codex_turn_free`]; NULL when it is not to be followed
/// @return as [`codex_turn_start`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_compact(
    thread: *mut codex_thread,
    out: *mut *mut codex_turn,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread and places, or NULL.
    unsafe {
        if out.is_null() {
            return panic::act(err, || held(thread)?.compact());
        }
        handle::hand_out(out, err, || Turn::compact(&*held(thread)?))
    }
}

/// The id of the turn.
///
/// @param turn  may be NULL: ""
/// @return borrowed from the turn; "" until it is known, then one string that never changes; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_id(turn: *const codex_turn) -> *const c_char {
    // SAFETY: the caller passes a turn that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::borrowed(unsafe { handle::look(turn) }?.id())))
}

/// Attaches a pointer to the turn, instead of that of its thread. Events and requests that come from now on carry it. The
/// library never looks behind it.
///
/// @param turn       may be NULL
/// @param user_data  instead of the one before; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_set_user_data(turn: *mut codex_turn, user_data: *mut c_void) {
    // SAFETY: the caller passes a turn that is not freed, or NULL.
    panic::value((), || unsafe { handle::shared(turn) }?.set_user_data(user_data.expose_provenance()).ok());
}

/// Takes the next event of the turn. The last one is CODEX_EVENT_TURN_ENDED. Several threads may call it; each event goes to
/// one of them. At the ceiling max_queued_bytes the runtime is held back until events are read.
///
/// @param turn        required
/// @param timeout_ms  milliseconds, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 takes what is there
/// @param out         receives the event: owned, see codex_event_free
/// @return CODEX_OK; CODEX_TIMEOUT when there was none in that time and when [`codex_turn_wake`] was called; CODEX_END after
///         CODEX_EVENT_TURN_ENDED; CODEX_ERROR_INVALID_ARGUMENT; CODEX_ERROR_WOULD_DEADLOCK from a request handler
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_next_event(
    turn: *mut codex_turn,
    timeout_ms: i64,
    out: *mut *mut codex_event,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a turn and places, or NULL.
    unsafe {
        let out = Out::new(out, null_mut());
        panic::call(err, || {
            let out = out.required("out")?;
            let turn = held(turn)?;
            let deadline = time::deadline(timeout_ms, turn.connection())?;
            Ok(give_read(turn.next_event(deadline)?, &out))
        })
    }
}

/// Adds input to the turn while it runs.
///
/// @param turn         required
/// @param text         the input; may be NULL when the params have some
/// @param params_json  a JSON object with "input" and what else the protocol has for turn/steer; NULL is the empty one. What
///                     counts from the beginning of a turn is refused: "approvalMode", "sandbox", "limits", an external message
/// @return as [`codex_turn_start`]; CODEX_ERROR_RPC with the reason "noActiveTurn" or "turnMismatch" when the turn is over
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_steer(
    turn: *mut codex_turn,
    text: *const c_char,
    params_json: *const c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a turn, strings and a place, or NULL.
    unsafe {
        panic::act(err, || {
            held(turn)?.steer(string::optional(text, "text")?, string::optional(params_json, "params_json")?)
        })
    }
}

/// Interrupts the turn. The interrupt is only queued: the call never waits, and is harmless when the turn is over. If the
/// runtime does not end the turn within 5 seconds, it ends for the program anyway.
///
/// @param turn  required
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_interrupt(turn: *mut codex_turn, err: *mut *mut codex_error) -> codex_status {
    // SAFETY: the caller passes a turn and a place, or NULL.
    unsafe { panic::act(err, || held(turn)?.interrupt()) }
}

/// Makes a [`codex_turn_next_event`] that waits now, or else the next one, return CODEX_TIMEOUT.
///
/// @param turn  may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_wake(turn: *mut codex_turn) {
    // SAFETY: the caller passes a turn that is not freed, or NULL.
    panic::value((), || unsafe { handle::shared(turn) }?.wake().ok());
}

/// Waits for the end of the turn. May be called any number of times, from any number of threads; each call gets a result of its
/// own. Unless [`codex_turn_next_event`] was ever called on this handle, its events are discarded and the requests among them
/// declined.
///
/// @param turn        required
/// @param timeout_ms  milliseconds, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 takes the result if the turn is over. A
///                    turn may need longer than CODEX_WAIT_DEFAULT gives
/// @param out         receives what the turn did, also when it did not complete: owned, see codex_turn_result_free; NULL with
///                    CODEX_TIMEOUT, and when the turn never started
/// @return CODEX_TIMEOUT when the turn goes on after that time; else as [`codex_thread_run`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_wait(
    turn: *mut codex_turn,
    timeout_ms: i64,
    out: *mut *mut codex_turn_result,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a turn and places, or NULL.
    unsafe {
        let out = Out::new(out, null_mut());
        panic::call(err, || {
            let out = out.required("out")?;
            let turn = held(turn)?;
            let deadline = time::deadline(timeout_ms, turn.connection())?;
            match turn.wait(deadline)? {
                Some(ended) => give_run((ended.result.clone(), ended.error.clone()), &out),
                None => Ok(CODEX_TIMEOUT),
            }
        })
    }
}

/// Frees the handle. A turn that runs goes on; what happens in it belongs to the client queue from now on. Events that were not
/// read are let go, and requests among them declined.
///
/// @param turn  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_free(turn: *mut codex_turn) {
    panic::run(|| {
        // SAFETY: the caller owns the turn.
        if let Some(turn) = unsafe { handle::unshare(turn) } {
            turn.release();
        }
    });
}
