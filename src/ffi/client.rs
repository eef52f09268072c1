use std::ffi::{c_char, c_int, c_void};
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

use super::client_options::codex_client_options;
use super::closure::{UserData, codex_destroy_fn};
use super::error::codex_error;
use super::event::{codex_event, give_read};
use super::handle::{self, Out, Shared, held};
use super::request::codex_wakeup_fn;
use super::status::codex_status;
use super::{panic, string, time};
use crate::engine::client::Client;
use crate::engine::client_options::ClientOptions;
use crate::engine::session::Wakeup;

/// A connection to one runtime. Owned by the caller; used by any thread.
pub struct codex_client {
    _private: [u8; 0],
}

impl Shared for codex_client {
    type Value = Client;
    const NAME: &'static str = "client";
}

/// ## Client
///
/// A client is one connection to a runtime, `codex app-server`: one that the library starts, or one that listens on a socket.
/// Calls may be made from any number of threads at once, and any number of turns may run. A runtime that the library starts is
/// a child process in a process group of its own, which inherits no open file of this process; it and the commands that it runs
/// end with the client.
///
/// Starts the runtime, or goes to the one that [`codex_client_options_set_endpoint`] names, and waits until it is ready.
///
/// @param options  may be NULL: the defaults
/// @param out      receives the client: owned, see [`codex_client_free`]
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT and CODEX_ERROR_INVALID_JSON for options that cannot be used,
///         CODEX_ERROR_RUNTIME_NOT_FOUND, CODEX_ERROR_RUNTIME_START, CODEX_ERROR_TIMED_OUT, CODEX_ERROR_RPC,
///         CODEX_ERROR_PROTOCOL; with a socket CODEX_ERROR_TRANSPORT and CODEX_ERROR_AUTH
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_connect(
    options: *const codex_client_options,
    out: *mut *mut codex_client,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes places for the client and the error, or NULL, and its options or NULL.
    unsafe {
        handle::hand_out(out, err, || {
            let defaults = ClientOptions::default();
            Client::connect(handle::borrow(options).unwrap_or(&defaults))
        })
    }
}

/// Starts the runtime, or goes to the one that [`codex_client_options_set_endpoint`] names, and returns at once. Calls that are
/// made before it is ready wait inside; CODEX_EVENT_CONNECTED in the client queue tells that it is, CODEX_EVENT_CLOSED that it
/// will not be.
///
/// @param options  may be NULL: the defaults
/// @param out      receives the client: owned, see [`codex_client_free`]
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT and CODEX_ERROR_INVALID_JSON for options that cannot be used,
///         CODEX_ERROR_RUNTIME_NOT_FOUND, CODEX_ERROR_RUNTIME_START; the rest comes as the error of CODEX_EVENT_CLOSED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_begin(
    options: *const codex_client_options,
    out: *mut *mut codex_client,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes places for the client and the error, or NULL, and its options or NULL.
    unsafe {
        handle::hand_out(out, err, || {
            let defaults = ClientOptions::default();
            Client::begin(handle::borrow(options).unwrap_or(&defaults))
        })
    }
}

/// Closes a client and waits until the runtime is gone. Running turns end with CODEX_ERROR_CLOSED and their TurnResult, callers
/// that wait return that too, requests are declined, and handlers that run are waited for, for as long as the runtime may take.
/// Events that are queued stay readable; then comes CODEX_EVENT_CLOSED, then CODEX_END. A runtime that was not started by this
/// client lives on.
///
/// @param client      required
/// @param timeout_ms  how long the runtime may take to end by itself before it is killed; 0 kills it at once;
///                    CODEX_WAIT_DEFAULT is 5,000. Of several calls, the one that has it killed first counts
/// @return CODEX_OK, also when it was closed before; CODEX_ERROR_WOULD_DEADLOCK from a request handler
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_close(
    client: *mut codex_client,
    timeout_ms: i64,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client or NULL, and a place for the error or NULL.
    unsafe { panic::act(err, || held(client)?.close(time::patience(timeout_ms)?.patience())) }
}

/// Frees a client. The connection ends with the last handle of the client, its threads, its turns and its logins; a turn that
/// runs does not keep it. Ending goes on behind this call. A connection that is lost is never opened
/// again: make a new client and resume.
///
/// @param client  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_free(client: *mut codex_client) {
    // SAFETY: the caller owns the client.
    panic::run(|| drop(unsafe { handle::unshare(client) }));
}

/// Who the runtime is, as a JSON object: name, version, userAgent, codexHome, platformFamily, platformOs, endpoint, pid,
/// executable. The name is that of its user agent, which begins with the name of [`codex_client_options_set_client_info`]. The
/// endpoint is what [`codex_client_options_set_endpoint`] names, without a query; pid and executable are null for a runtime that
/// this client did not start.
///
/// @param client  may be NULL: ""
/// @return borrowed from the client; "" until the runtime is ready, then one string that never changes; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_info_json(client: *const codex_client) -> *const c_char {
    // SAFETY: the caller passes a client that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::borrowed(unsafe { handle::look(client) }?.info()?)))
}

/// Figures about the connection, as a JSON object of whole numbers. Totals: receivedMessages, receivedBytes, malformedLines,
/// oversizedMessages, sentMessages, sentBytes, turnsBegun, tokensUsed (by turns of this client), requestsReceived, callsRetried,
/// eventsQueued, eventsDropped, deltasMerged, logMessagesDropped. Now: turnsOpen, requestsOpen, callsOutstanding,
/// queuedBytes. At most: peakQueuedBytes (all queues together), peakTurnQueueBytes, peakClientQueueBytes.
///
/// @param client  may be NULL: NULL
/// @return owned, see [`codex_string_free`]; NULL for NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_stats_json(client: *mut codex_client) -> *mut c_char {
    // SAFETY: the caller passes a client that is not freed, or NULL.
    panic::value(null_mut(), || Some(string::owned(unsafe { handle::shared(client) }?.stats_json().ok()?)))
}

/// Calls any method of the runtime and waits for its result. A call that the runtime refuses because it is overloaded is made
/// again until the time is up; a call that is not answered never is.
///
/// @param client           required
/// @param method           like "model/list"
/// @param params_json      a JSON object; NULL is the empty one
/// @param timeout_ms       milliseconds from 1, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 is refused
/// @param out_result_json  receives the result, byte for byte: owned, see [`codex_string_free`]; may be NULL
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_RUNTIME_UNSUPPORTED for params that the
///         runtime does not know or has retired, CODEX_ERROR_RPC, CODEX_ERROR_AUTH, CODEX_ERROR_OVERLOADED,
///         CODEX_ERROR_TIMED_OUT, CODEX_ERROR_PROTOCOL with the reason "messageTooLong" for an answer longer than
///         max_message_bytes and "replayMismatch" for a call that was not recorded, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED;
///         CODEX_ERROR_WOULD_DEADLOCK with the reason "queueFull"
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_call(
    client: *mut codex_client,
    method: *const c_char,
    params_json: *const c_char,
    timeout_ms: i64,
    out_result_json: *mut *mut c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, strings and places, or NULL.
    unsafe {
        let out = Out::new(out_result_json, null_mut());
        panic::act(err, || {
            let client = held(client)?;
            let method = string::required(method, "method")?;
            let params = string::optional(params_json, "params_json")?;
            let result = client.call(method, params, time::timeout(timeout_ms)?)?;
            if out.is_wanted() {
                out.set(string::owned(result));
            }
            Ok(())
        })
    }
}

/// Calls any method of the runtime without waiting. The answer is a CODEX_EVENT_RESPONSE in the client queue, whose JSON is the
/// result or the error, and whose codex_event_status says which.
///
/// @param client       required
/// @param method       like "model/list"
/// @param params_json  a JSON object; NULL is the empty one
/// @param timeout_ms   milliseconds from 1, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 is refused
/// @param user_data    what codex_event_user_data of the answer gives
/// @param out_call_id  receives what codex_event_call_id of the answer gives; may be NULL
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_RUNTIME_UNSUPPORTED for params that the
///         runtime does not know or has retired, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED; the rest, as of
///         [`codex_client_call`], comes as the error of the CODEX_EVENT_RESPONSE
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_begin_call(
    client: *mut codex_client,
    method: *const c_char,
    params_json: *const c_char,
    timeout_ms: i64,
    user_data: *mut c_void,
    out_call_id: *mut u64,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, strings and places, or NULL.
    unsafe {
        let out = Out::new(out_call_id, 0);
        panic::act(err, || {
            let client = held(client)?;
            let method = string::required(method, "method")?;
            let params = string::optional(params_json, "params_json")?;
            let user_data = user_data.expose_provenance();
            out.set(client.begin_call(method, params, time::timeout(timeout_ms)?, user_data)?);
            Ok(())
        })
    }
}

/// Sends a notification to the runtime. It is never answered.
///
/// @param client       required
/// @param method       its name
/// @param params_json  a JSON object; NULL sends none
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT,
///         CODEX_ERROR_CLOSED; CODEX_ERROR_OVERLOADED while too much waits to be written
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_notify(
    client: *mut codex_client,
    method: *const c_char,
    params_json: *const c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, strings and a place, or NULL.
    unsafe {
        panic::act(err, || {
            held(client)?.notify(string::required(method, "method")?, string::optional(params_json, "params_json")?)
        })
    }
}

/// Takes the next event that belongs to no turn handle; with [`codex_client_options_set_single_queue`], the next event of all.
/// The client queue keeps nothing until this is first called, or something asks for it: [`codex_client_set_wakeup`],
/// [`codex_client_wakeup_fd`], a client, a thread or a call that was begun, or the single queue. From then on notifications take
/// at most a quarter of max_queued_bytes: beyond that the oldest are dropped and counted, warnings and errors last of all. Answers,
/// requests, and what is told of a turn, a thread or the connection, are never dropped. The last event is CODEX_EVENT_CLOSED, behind every CODEX_EVENT_TURN_ENDED. Several threads may call it; each event goes to
/// one of them.
///
/// @param client      required
/// @param timeout_ms  milliseconds, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 takes what is there
/// @param out         receives the event: owned, see [`codex_event_free`]
/// @return CODEX_OK; CODEX_TIMEOUT when there was none in that time and when [`codex_client_wake`] was called; CODEX_END after
///         CODEX_EVENT_CLOSED; CODEX_ERROR_INVALID_ARGUMENT; CODEX_ERROR_WOULD_DEADLOCK from a request handler
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_next_event(
    client: *mut codex_client,
    timeout_ms: i64,
    out: *mut *mut codex_event,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client and places, or NULL.
    unsafe {
        let out = Out::new(out, null_mut());
        panic::call(err, || {
            let out = out.required("out")?;
            let client = held(client)?;
            let deadline = time::deadline(timeout_ms, client.connection())?;
            Ok(give_read(client.next_event(deadline)?, &out))
        })
    }
}

/// Makes a [`codex_client_next_event`] that waits now, or else the next one, return CODEX_TIMEOUT.
///
/// @param client  may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_wake(client: *mut codex_client) {
    // SAFETY: the caller passes a client that is not freed, or NULL.
    panic::value((), || unsafe { handle::shared(client) }?.wake().ok());
}

/// Calls a function each time the client queue goes from empty to not empty, and at once if it is not empty now: once for
/// each time, so that a program which reads until CODEX_TIMEOUT misses nothing. For programs with an event loop.
///
/// @param client     required
/// @param fn         see [`codex_wakeup_fn`]; NULL: none. The former one runs no more when this call returns: if it runs now, its
///                   end is waited for. So hold no lock that it takes
/// @param user_data  passed to every call
/// @param destroy    see [`codex_destroy_fn`]
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_FORKED
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_set_wakeup(
    client: *mut codex_client,
    r#fn: codex_wakeup_fn,
    user_data: *mut c_void,
    destroy: codex_destroy_fn,
) -> codex_status {
    let user_data = UserData::new(user_data, destroy);
    panic::status(|| {
        // SAFETY: the caller passes a client that is not freed, or NULL.
        let client = unsafe { held(client) }?;
        client.set_wakeup(r#fn.map(|wakeup| {
            Wakeup::new(move || {
                // SAFETY: the host's function with the host's pointer.
                unsafe { wakeup(user_data.pointer()) };
            })
        }))
    })
}

/// A descriptor for poll, epoll or select: readable while [`codex_client_next_event`] with a time of 0 would not return
/// CODEX_TIMEOUT. Watch it, and never read, write or close it.
///
/// @param client  may be NULL: -1
/// @return the same descriptor at every call, valid until the client is freed; -1 where the system has none to give
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_wakeup_fd(client: *mut codex_client) -> c_int {
    panic::value(-1, || {
        // SAFETY: the caller passes a client that is not freed, or NULL.
        let client = unsafe { handle::shared(client) }?;
        Some(client.wakeup_fd().ok()??.as_raw_fd())
    })
}
