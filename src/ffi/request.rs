use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut, with_exposed_provenance_mut};
use std::sync::{Arc, Mutex, PoisonError};

use once_cell::sync::OnceCell;

use super::closure::{UserData, codex_destroy_fn};
use super::error::codex_error;
use super::handle::{self, Boxed, Out, is_null, required};
use super::status::codex_status;
use super::value::{Views, codex_value, view};
use super::{panic, string};
use crate::engine::client_options::RequestHandler;
use crate::engine::error::Result;
use crate::engine::host_json::checked_json;
use crate::engine::request::{Answer, Request, Scope, ToolOutcome};
use crate::engine::session::CancelHook;

/// What is asked. An open integer: later versions may add values.
pub type codex_request_kind = i32;

/// Anything that has no kind of its own; its method and JSON say what it is.
pub const CODEX_REQUEST_OTHER: codex_request_kind = 0;
/// May this command run?
pub const CODEX_REQUEST_COMMAND: codex_request_kind = 1;
/// May these files be changed?
pub const CODEX_REQUEST_FILE_CHANGE: codex_request_kind = 2;
/// May these permissions be granted?
pub const CODEX_REQUEST_PERMISSIONS: codex_request_kind = 3;
/// May this tool of an MCP server be called?
pub const CODEX_REQUEST_MCP_TOOL: codex_request_kind = 4;
/// Questions to the user.
pub const CODEX_REQUEST_QUESTION: codex_request_kind = 5;
/// A form of an MCP server.
pub const CODEX_REQUEST_ELICITATION: codex_request_kind = 6;
/// A tool of the program is called.
pub const CODEX_REQUEST_TOOL_CALL: codex_request_kind = 7;
/// A fresh access token is needed.
pub const CODEX_REQUEST_AUTH_REFRESH: codex_request_kind = 8;

/// Tells the program that something happened. May run on any thread, with no lock of the library held: set a flag or post a
/// message, and return. No codex_ function but a *_free may be called inside.
pub type codex_wakeup_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Takes a request of the runtime: owned, see [`codex_request_free`]. It is answered now or later, from any thread.
pub type codex_request_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, request: *mut codex_request)>;

/// A question of the runtime, which waits for the answer. Owned by the caller, who frees it with [`codex_request_free`]; used
/// by any thread.
pub struct codex_request {
    _private: [u8; 0],
}

impl Boxed for codex_request {
    type Value = RequestHandle;
}

pub(crate) struct RequestHandle {
    request: Request,
    watcher: Arc<Mutex<Option<Watcher>>>,
    value: OnceCell<Option<Views>>,
    item: OnceCell<Option<Views>>,
}

/// Who wants to know when a request needs no answer any more. The engine may let go of its hook while it is locked, so the
/// host's pointer belongs to the handle, and to the hook only once it is called.
struct Watcher {
    notify: unsafe extern "C" fn(user_data: *mut c_void),
    user_data: UserData,
}

impl Watcher {
    fn call(self) {
        // SAFETY: the host's function with the host's pointer.
        unsafe { (self.notify)(self.user_data.pointer()) };
    }
}

impl RequestHandle {
    fn watch(&self, watcher: Watcher) -> Result<()> {
        drop(replace(&self.watcher, Some(watcher)));
        let watched = Arc::clone(&self.watcher);
        let hook = CancelHook::new(move || {
            if let Some(watcher) = replace(&watched, None) {
                watcher.call();
            }
        });
        self.request.set_cancel_hook(hook).inspect_err(|_| drop(replace(&self.watcher, None)))
    }
}

impl Drop for RequestHandle {
    fn drop(&mut self) {
        drop(replace(&self.watcher, None));
    }
}

/// The host is called with what comes out, so not while the place is locked.
fn replace(place: &Mutex<Option<Watcher>>, watcher: Option<Watcher>) -> Option<Watcher> {
    std::mem::replace(&mut *place.lock().unwrap_or_else(PoisonError::into_inner), watcher)
}

/// Hands a request to C.
pub(crate) fn give_request(request: Request) -> *mut codex_request {
    handle::give(RequestHandle { request, watcher: Arc::default(), value: OnceCell::new(), item: OnceCell::new() })
}

/// A function of the host that takes requests.
pub(crate) fn request_function(function: codex_request_fn, user_data: UserData) -> Option<Arc<RequestHandler>> {
    let function = function?;
    Some(Arc::new(move |request| {
        // SAFETY: the host's function with the host's pointer; the request is the host's from here on.
        unsafe { function(user_data.pointer(), give_request(request)) };
    }))
}

/// ## Requests
///
/// The runtime asks for approvals, asks questions, and calls tools of the program. A request goes to the first that there is:
/// the function of the tool that is called; the request handler of the client options; the turn that it belongs to, when its
/// events are read or may yet be; the client queue, when that is read. Otherwise it is declined at once. It is also declined
/// when it is freed without an answer, and when its event is freed and it was not taken.
///
/// Answers never block. An answer that does not fit the kind of a request gives CODEX_ERROR_INVALID_ARGUMENT and leaves it open.
/// A request that was answered before, or needs no answer any more, gives CODEX_ERROR_ALREADY_ANSWERED, which does no harm; its
/// reason is "alreadyAnswered", "answeredElsewhere", "turnEnded", "answerTimeout" or "requestDeclined".
///
/// What is asked.
///
/// @param request  may be NULL: CODEX_REQUEST_OTHER
/// @return one of CODEX_REQUEST_*; a later version may have more
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_get_kind(request: *const codex_request) -> codex_request_kind {
    // SAFETY: the caller passes a request that is not freed, or NULL.
    panic::value(CODEX_REQUEST_OTHER, || Some(unsafe { handle::borrow(request) }?.request.kind() as codex_request_kind))
}

/// The number of the request: codex_event_request_id of its CODEX_EVENT_REQUEST and CODEX_EVENT_REQUEST_RESOLVED. Unique within
/// the client.
///
/// @param request  may be NULL: 0
/// @return never 0 for a request
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_id(request: *const codex_request) -> u64 {
    // SAFETY: the caller passes a request that is not freed, or NULL.
    panic::value(0, || Some(unsafe { handle::borrow(request) }?.request.id()))
}

/// The pointer that was attached to the turn of the request.
///
/// @param request  may be NULL: NULL
/// @return NULL when none was attached
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_user_data(request: *const codex_request) -> *mut c_void {
    panic::value(null_mut(), || {
        // SAFETY: the caller passes a request that is not freed, or NULL.
        let handle = unsafe { handle::borrow(request) }?;
        Some(with_exposed_provenance_mut(handle.request.user_data()))
    })
}

/// The item that the request is about, as it began; of a file change, with its diff.
///
/// @param request  may be NULL: NULL
/// @return borrowed from the request; NULL when there is none
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_item(request: *const codex_request) -> *const codex_value {
    panic::value(null(), || {
        // SAFETY: the caller passes a request that is not freed, or NULL.
        let handle = unsafe { handle::borrow(request) }?;
        Some(view(&handle.item, handle.request.item()))
    })
}

/// Has a function called once when the request needs no answer any more, because it was answered elsewhere, its turn ended or
/// the library declined it: when [`codex_request_is_cancelled`] becomes true; at once if it is true now. Answering or freeing the
/// request is not told. A second function takes the place of the first.
///
/// @param request    required
/// @param fn         required; called on whichever thread learns of it, with no lock held, possibly inside this call. It never
///                   comes behind a request handler or a function of a tool, which may wait for it. It sets a flag or posts a
///                   message, calls no codex_ function but a *_free, and returns: the client reads nothing meanwhile
/// @param user_data  passed to `fn`
/// @param destroy    see codex_destroy_fn; called after `fn`, or when the request is freed
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_FORKED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_set_cancelled(
    request: *mut codex_request,
    r#fn: codex_wakeup_fn,
    user_data: *mut c_void,
    destroy: codex_destroy_fn,
) -> codex_status {
    let user_data = UserData::new(user_data, destroy);
    panic::status(|| {
        // SAFETY: the caller passes a request that is not freed, or NULL.
        let handle = required(unsafe { handle::borrow(request) }, "request")?;
        let notify = r#fn.ok_or_else(|| is_null("fn"))?;
        handle.watch(Watcher { notify, user_data })
    })
}

/// The method of the runtime, like "item/commandExecution/requestApproval".
///
/// @param request  may be NULL: ""
/// @return borrowed from the request; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_method(request: *const codex_request) -> *const c_char {
    // SAFETY: the caller passes a request that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::borrowed(unsafe { handle::borrow(request) }?.request.method())))
}

/// The params of the request, byte for byte as they were received.
///
/// @param request  may be NULL: ""
/// @param len      receives the length in bytes without the NUL; may be NULL
/// @return borrowed from the request; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_json(request: *const codex_request, len: *mut usize) -> *const c_char {
    // SAFETY: the caller passes a request that is not freed and a place for the length, or NULL.
    unsafe {
        let len = Out::new(len, 0);
        panic::value(c"".as_ptr(), || {
            Some(string::measured(handle::borrow(request)?.request.params().with_nul(), &len))
        })
    }
}

/// What [`codex_request_json`] gives, parsed when it is first asked for.
///
/// @param request  may be NULL: NULL
/// @return borrowed from the request; NULL when the JSON cannot be read
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_value(request: *const codex_request) -> *const codex_value {
    panic::value(null(), || {
        // SAFETY: the caller passes a request that is not freed, or NULL.
        let handle = unsafe { handle::borrow(request) }?;
        Some(view(&handle.value, handle.request.value()))
    })
}

/// The id of the thread that the request is about.
///
/// @param request  may be NULL: ""
/// @return borrowed from the request; "" when there is none; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_thread_id(request: *const codex_request) -> *const c_char {
    // SAFETY: the caller passes a request that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::borrowed(unsafe { handle::borrow(request) }?.request.thread_id())))
}

/// The id of the turn that the request is about.
///
/// @param request  may be NULL: ""
/// @return borrowed from the request; "" when there is none; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_turn_id(request: *const codex_request) -> *const c_char {
    // SAFETY: the caller passes a request that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::borrowed(unsafe { handle::borrow(request) }?.request.turn_id())))
}

/// Whether the request needs no answer any more: it was answered elsewhere, its turn ended, or the library declined it.
///
/// @param request  may be NULL: false
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_is_cancelled(request: *const codex_request) -> bool {
    // SAFETY: the caller passes a request that is not freed, or NULL.
    panic::value(false, || Some(unsafe { handle::borrow(request) }?.request.is_cancelled()))
}

/// Answers a request inside the boundary.
///
/// # Safety
/// `request` is NULL or a request that is not freed while this function runs; `err` is NULL or valid for writing.
unsafe fn answer(
    request: *mut codex_request,
    err: *mut *mut codex_error,
    answer: impl FnOnce() -> Result<Answer>,
) -> codex_status {
    // SAFETY: the caller's promise.
    unsafe { panic::act(err, || required(handle::borrow(request), "request")?.request.answer(&answer()?)) }
}

/// Says yes: to a command, a file change, the permissions exactly as they were asked for, a tool of an MCP server.
///
/// @param request      required; it is not freed
/// @param for_session  whether that counts until the session ends; false: for this once
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_ALREADY_ANSWERED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_approve(
    request: *mut codex_request,
    for_session: bool,
    err: *mut *mut codex_error,
) -> codex_status {
    let scope = if for_session { Scope::Session } else { Scope::Once };
    // SAFETY: the caller passes a request and a place for the error, or NULL.
    unsafe { answer(request, err, || Ok(Answer::Approve(scope))) }
}

/// Says no, in the form that the kind of the request needs. The turn goes on.
///
/// @param request  required; it is not freed
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_ALREADY_ANSWERED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_decline(
    request: *mut codex_request,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a request and a place for the error, or NULL.
    unsafe { answer(request, err, || Ok(Answer::Decline)) }
}

/// Says no, and interrupts the turn.
///
/// @param request  required; it is not freed
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_ALREADY_ANSWERED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_cancel_turn(
    request: *mut codex_request,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a request and a place for the error, or NULL.
    unsafe { answer(request, err, || Ok(Answer::CancelTurn)) }
}

/// Answers a tool call with a text.
///
/// @param request  required, of the kind CODEX_REQUEST_TOOL_CALL; it is not freed
/// @param success  whether the tool did what it was called for
/// @param text     what the agent reads; required
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_ALREADY_ANSWERED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_respond_text(
    request: *mut codex_request,
    success: bool,
    text: *const c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a request, a string and a place for the error, or NULL.
    unsafe { answer(request, err, || Ok(Answer::Text(outcome(success), string::required(text, "text")?.to_owned()))) }
}

fn outcome(success: bool) -> ToolOutcome {
    if success { ToolOutcome::Success } else { ToolOutcome::Failure }
}

/// Answers a tool call with several texts and images: the items that [`codex_params_add_text`],
/// [`codex_params_add_image_url`] and [`codex_params_add_image_bytes`] add, in their order.
///
/// @param request      required, of the kind CODEX_REQUEST_TOOL_CALL; it is not freed
/// @param success      whether the tool did what it was called for
/// @param params_json  what codex_params_json gives; required
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_ALREADY_ANSWERED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_respond_items(
    request: *mut codex_request,
    success: bool,
    params_json: *const c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a request, a string and a place for the error, or NULL.
    unsafe {
        answer(request, err, || {
            let params = checked_json("params_json", string::required(params_json, "params_json")?)?;
            Ok(Answer::Items(outcome(success), params))
        })
    }
}

/// Answers a request of any kind in the runtime's own form.
///
/// @param request      required; it is not freed
/// @param result_json  the result of the method, as the protocol has it; required
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_ALREADY_ANSWERED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_respond_json(
    request: *mut codex_request,
    result_json: *const c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a request, a string and a place for the error, or NULL.
    unsafe {
        answer(request, err, || {
            checked_json("result_json", string::required(result_json, "result_json")?).map(Answer::Result)
        })
    }
}

/// Answers a request of any kind with a JSON-RPC error.
///
/// @param request  required; it is not freed
/// @param code     the code of the error, like -32603
/// @param message  a sentence; required
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_ALREADY_ANSWERED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_fail(
    request: *mut codex_request,
    code: i64,
    message: *const c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a request, a string and a place for the error, or NULL.
    unsafe { answer(request, err, || Ok(Answer::Error(code, string::required(message, "message")?.to_owned()))) }
}

/// Frees a request. One that was not answered is declined, in the form that its kind needs.
///
/// @param request  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_request_free(request: *mut codex_request) {
    // SAFETY: the caller owns the request.
    panic::run(|| drop(unsafe { handle::take_back(request) }));
}
