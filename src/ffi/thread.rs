use std::ffi::{c_char, c_void};

use super::client::codex_client;
use super::error::codex_error;
use super::handle::{self, Shared, held};
use super::status::{CODEX_OK, CODEX_TIMEOUT, codex_status};
use super::{panic, string, time};
use crate::engine::client::Client;
use crate::engine::error::Result;
use crate::engine::thread::{self, Origin, Thread, Turns};

/// A conversation, on which turns run. Owned by the caller; used by any thread.
pub struct codex_thread {
    _private: [u8; 0],
}

impl Shared for codex_thread {
    type Value = Thread;
    const NAME: &'static str = "thread";
}

/// Hands out the thread that `open` makes.
///
/// # Safety
/// The pointers are NULL or what their names say.
unsafe fn give_thread(
    client: *mut codex_client,
    params_json: *const c_char,
    out: *mut *mut codex_thread,
    err: *mut *mut codex_error,
    open: impl FnOnce(&Client, Option<&str>) -> Result<Thread>,
) -> codex_status {
    // SAFETY: the caller's promise.
    unsafe { handle::hand_out(out, err, || open(&*held(client)?, string::optional(params_json, "params_json")?)) }
}

/// ## Threads
///
/// A thread is a conversation with the agent, which the runtime stores. One turn runs on it at a time; any number of threads
/// may be at work at once.
///
/// The calls that open a thread take, on top of what the protocol has: "approvalMode", which is "ask", "autoReview" or
/// "denyAll"; "sandbox", which is "read-only", "workspace-write" or "danger-full-access"; "includeTurns", a boolean;
/// "limits", an object, for turns that have none of their own; "tools", an array of names of the client's tools, all of them when
/// absent, for threads that are started; and "raw", an object of fields that are handed to the runtime untouched. All other
/// fields are handed to the runtime as they are.
///
/// The limits of a turn, each a whole number, 0 for none: "timeoutMs", for the whole of it, default none; "idleTimeoutMs", without
/// an event but announcements that the runtime tries again, default 600,000: it stands still while a request waits for its answer
/// or a command or tool call is in progress; "silenceMs", without any event, default 60,000: then the runtime is asked whether
/// the turn still runs; "maxTokens", that its model requests use, and "maxToolCalls", default none. A turn that crosses one is
/// interrupted, and its commands are ended.
///
/// Starts a new thread.
///
/// @param client       required
/// @param params_json  a JSON object; NULL is the empty one
/// @param out          receives the thread: owned, see [`codex_thread_free`]
/// @return as [`codex_client_call`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_start(
    client: *mut codex_client,
    params_json: *const c_char,
    out: *mut *mut codex_thread,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, strings and places, or NULL.
    unsafe { give_thread(client, params_json, out, err, |client, params| Thread::open(client, Origin::New, params)) }
}

/// Starts a new thread without waiting. CODEX_EVENT_THREAD_READY in the client queue has the outcome; turns may be begun on the
/// thread at once.
///
/// @param client       required
/// @param params_json  a JSON object; NULL is the empty one
/// @param out          receives the thread: owned, see [`codex_thread_free`]
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_RUNTIME_UNSUPPORTED for params that the
///         runtime does not know or has retired, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED; the rest, as of
///         [`codex_thread_start`], comes as the error of the CODEX_EVENT_THREAD_READY
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_begin(
    client: *mut codex_client,
    params_json: *const c_char,
    out: *mut *mut codex_thread,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, strings and places, or NULL.
    unsafe { give_thread(client, params_json, out, err, |client, params| Thread::begin(client, Origin::New, params)) }
}

/// Goes on with a thread that the runtime has stored.
///
/// @param client       required
/// @param thread_id    its id, which wins over one in the params
/// @param params_json  a JSON object; NULL is the empty one
/// @param out          receives the thread: owned, see [`codex_thread_free`]
/// @return as [`codex_thread_start`]; CODEX_ERROR_RPC with the reason "threadNotFound" when there is no such thread
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_resume(
    client: *mut codex_client,
    thread_id: *const c_char,
    params_json: *const c_char,
    out: *mut *mut codex_thread,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, strings and places, or NULL.
    unsafe {
        give_thread(client, params_json, out, err, |client, params| {
            Thread::open(client, Origin::Stored(string::required(thread_id, "thread_id")?), params)
        })
    }
}

/// Goes on with a thread that the runtime has stored, without waiting: as [`codex_thread_begin`].
///
/// @param client       required
/// @param thread_id    its id, which wins over one in the params
/// @param params_json  a JSON object; NULL is the empty one
/// @param out          receives the thread: owned, see [`codex_thread_free`]
/// @return as [`codex_thread_begin`]
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_resume_begin(
    client: *mut codex_client,
    thread_id: *const c_char,
    params_json: *const c_char,
    out: *mut *mut codex_thread,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, strings and places, or NULL.
    unsafe {
        give_thread(client, params_json, out, err, |client, params| {
            Thread::begin(client, Origin::Stored(string::required(thread_id, "thread_id")?), params)
        })
    }
}

/// Makes a new thread that begins as a copy of a stored one. The runtime resets its model and effort to the configured ones, unless
/// the params name others.
///
/// @param client       required
/// @param thread_id    the id of the one to copy, which wins over one in the params
/// @param params_json  a JSON object; NULL is the empty one
/// @param out          receives the thread: owned, see [`codex_thread_free`]
/// @return as [`codex_thread_resume`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_fork(
    client: *mut codex_client,
    thread_id: *const c_char,
    params_json: *const c_char,
    out: *mut *mut codex_thread,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, strings and places, or NULL.
    unsafe {
        give_thread(client, params_json, out, err, |client, params| {
            Thread::open(client, Origin::Fork(string::required(thread_id, "thread_id")?), params)
        })
    }
}

/// Makes a copy of a stored thread without waiting: as [`codex_thread_begin`].
///
/// @param client       required
/// @param thread_id    the id of the one to copy, which wins over one in the params
/// @param params_json  a JSON object; NULL is the empty one
/// @param out          receives the thread: owned, see [`codex_thread_free`]
/// @return as [`codex_thread_begin`]
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_fork_begin(
    client: *mut codex_client,
    thread_id: *const c_char,
    params_json: *const c_char,
    out: *mut *mut codex_thread,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, strings and places, or NULL.
    unsafe {
        give_thread(client, params_json, out, err, |client, params| {
            Thread::begin(client, Origin::Fork(string::required(thread_id, "thread_id")?), params)
        })
    }
}

/// Waits until a thread that was begun is ready.
///
/// @param thread      required
/// @param timeout_ms  milliseconds, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 only looks
/// @return CODEX_OK; CODEX_TIMEOUT; why it could not be opened, as [`codex_thread_start`] returns it
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_wait(
    thread: *mut codex_thread,
    timeout_ms: i64,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread and a place, or NULL.
    unsafe {
        panic::call(err, || {
            let thread = held(thread)?;
            match thread.wait(time::deadline(timeout_ms, thread.connection())?)? {
                Some(outcome) => outcome.map(|()| CODEX_OK),
                None => Ok(CODEX_TIMEOUT),
            }
        })
    }
}

/// A handle of a thread that the runtime has loaded already, like that of a sub-agent. Nothing is asked of the runtime: whether
/// there is such a thread is found out by the first call that uses it.
///
/// @param client     required
/// @param thread_id  its id
/// @param out        receives the thread: owned, see [`codex_thread_free`]
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_from_id(
    client: *mut codex_client,
    thread_id: *const c_char,
    out: *mut *mut codex_thread,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, a string and places, or NULL.
    unsafe {
        handle::hand_out(out, err, || Thread::from_id(&*held(client)?, string::required(thread_id, "thread_id")?))
    }
}

/// The id of the thread, to resume it with later.
///
/// @param thread  may be NULL: ""
/// @return borrowed from the thread; "" until it is known, then one string that never changes; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_id(thread: *const codex_thread) -> *const c_char {
    // SAFETY: the caller passes a thread that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::borrowed(unsafe { handle::look(thread) }?.id())))
}

/// Attaches a pointer, which turns that are started from now on inherit, with their events and requests. The library never
/// looks behind it.
///
/// @param thread     may be NULL
/// @param user_data  instead of the one before; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_set_user_data(thread: *mut codex_thread, user_data: *mut c_void) {
    panic::value((), || {
        // SAFETY: the caller passes a thread that is not freed, or NULL.
        unsafe { handle::look(thread) }?.set_user_data(user_data.expose_provenance()).ok()
    });
}

/// What the runtime answered when the thread was opened, as a JSON object: the thread, its model, its directory, its policies.
///
/// @param thread  may be NULL: ""
/// @return borrowed from the thread; "" until it is open, then one string that never changes: "{}" for a thread of
///         [`codex_thread_from_id`]; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_info_json(thread: *const codex_thread) -> *const c_char {
    // SAFETY: the caller passes a thread that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::borrowed(unsafe { handle::look(thread) }?.info())))
}

/// Asks the runtime what it knows of the thread. This and the calls below wait for a thread that was begun to be open.
///
/// @param thread         required
/// @param include_turns  whether the turns and their items are wanted too
/// @param out_json       receives the answer, byte for byte: owned, see codex_string_free
/// @return as [`codex_thread_set_name`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_read(
    thread: *mut codex_thread,
    include_turns: bool,
    out_json: *mut *mut c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread and places, or NULL.
    unsafe {
        string::hand_out(out_json, err, || {
            held(thread)?.read(if include_turns { Turns::Included } else { Turns::Excluded })
        })
    }
}

/// Gives the thread a name.
///
/// @param thread  required
/// @param name    required
/// @return as [`codex_client_login_api_key`]; why the thread could not be opened, as [`codex_thread_start`] returns it
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_set_name(
    thread: *mut codex_thread,
    name: *const c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread, a string and a place, or NULL.
    unsafe { panic::act(err, || held(thread)?.set_name(string::required(name, "name")?)) }
}

/// Puts the thread away: it is listed apart, and can only be opened again after [`codex_thread_unarchive`]. A turn that runs on
/// it is interrupted.
///
/// @param thread  required
/// @return as [`codex_thread_set_name`]; CODEX_ERROR_RPC with the reason "threadNotFound" for an ephemeral thread
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_archive(thread: *mut codex_thread, err: *mut *mut codex_error) -> codex_status {
    // SAFETY: the caller passes a thread and a place, or NULL.
    unsafe { panic::act(err, || held(thread)?.archive()) }
}

/// Takes a thread back that was archived. It is not opened: see [`codex_thread_resume`].
///
/// @param client     required
/// @param thread_id  its id
/// @return as [`codex_thread_set_name`]; CODEX_ERROR_RPC with the reason "threadNotArchived" or "activeWriter" when it is
///         not archived
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_unarchive(
    client: *mut codex_client,
    thread_id: *const c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, a string and a place, or NULL.
    unsafe { panic::act(err, || thread::unarchive(&*held(client)?, string::required(thread_id, "thread_id")?)) }
}

/// Has the runtime forget the thread for good. A turn that runs on it is interrupted.
///
/// @param thread  required
/// @return as [`codex_thread_set_name`]; CODEX_ERROR_RPC with the reason "threadEphemeral" for an ephemeral thread
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_delete(thread: *mut codex_thread, err: *mut *mut codex_error) -> codex_status {
    // SAFETY: the caller passes a thread and a place, or NULL.
    unsafe { panic::act(err, || held(thread)?.delete()) }
}

/// Asks the runtime for a page of the threads that it has stored, the newest first. A thread is stored with its first turn. The
/// answer has the members "data", an array of threads, and "nextCursor", which is null on the last page and else the member
/// "cursor" of the params that ask for the next one.
///
/// @param client       required
/// @param params_json  a JSON object with "archived", "cwd", "searchTerm", "sortKey", "limit", "cursor" and more, as the protocol
///                     has them; NULL is the empty one
/// @param out_json     receives the answer, byte for byte: owned, see codex_string_free
/// @return as [`codex_client_call`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_list(
    client: *mut codex_client,
    params_json: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, a string and places, or NULL.
    unsafe {
        string::hand_out(out_json, err, || thread::list(&*held(client)?, string::optional(params_json, "params_json")?))
    }
}

/// Lets the runtime unload the thread when it is idle: from now on it tells this client nothing about its turns, and turns cannot
/// be started on it. [`codex_thread_resume`] undoes that, also for this handle.
///
/// @param thread  required
/// @return as [`codex_thread_set_name`]; CODEX_ERROR_INVALID_ARGUMENT with the reason "turnRunning" while a turn that has a
///         handle runs on it
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_unsubscribe(
    thread: *mut codex_thread,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a thread and a place, or NULL.
    unsafe { panic::act(err, || held(thread)?.unsubscribe()) }
}

/// Frees the handle. The thread stays with the runtime, and turns that run go on.
///
/// @param thread  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_thread_free(thread: *mut codex_thread) {
    // SAFETY: the caller owns the thread.
    panic::run(|| drop(unsafe { handle::unshare(thread) }));
}
