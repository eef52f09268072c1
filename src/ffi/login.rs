use std::ffi::c_char;

use super::client::codex_client;
use super::error::codex_error;
use super::handle::{self, Shared, held};
use super::status::{CODEX_OK, CODEX_TIMEOUT, codex_status};
use super::{panic, string, time};
use crate::engine::login::{Flow, Login};
use crate::engine::text::ZString;

/// A login that a person completes elsewhere. Owned by the caller; used by any thread.
pub struct codex_login {
    _private: [u8; 0],
}

impl Shared for codex_login {
    type Value = Login;
    const NAME: &'static str = "login";
}

/// A text of a login, or "".
///
/// # Safety
/// `login` is NULL or a login that is not freed while the text is used.
unsafe fn text_of(login: *const codex_login, text: impl FnOnce(&Login) -> &ZString) -> *const c_char {
    // SAFETY: the caller's promise.
    panic::value(c"".as_ptr(), || Some(string::borrowed(text(unsafe { handle::look(login) }?))))
}

/// Begins a login with ChatGPT in a browser on this machine: open [`codex_login_url`], then call [`codex_login_wait`]. The
/// runtime listens on a loopback port for the browser to come back.
///
/// The runtime has one login under way at a time: beginning another ends this one, which [`codex_login_wait`] then tells.
///
/// @param client  required
/// @param out     receives the login: owned, see [`codex_login_free`]
/// @return as [`codex_client_login_api_key`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_login_chatgpt(
    client: *mut codex_client,
    out: *mut *mut codex_login,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client and places, or NULL.
    unsafe { handle::hand_out(out, err, || Login::start(&*held(client)?, Flow::Browser)) }
}

/// Begins a login with ChatGPT on another device, for a machine without a browser: show [`codex_login_url`] and
/// [`codex_login_user_code`] to the person, then call [`codex_login_wait`].
///
/// @param client  required
/// @param out     receives the login: owned, see [`codex_login_free`]
/// @return as [`codex_client_login_chatgpt`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_login_device_code(
    client: *mut codex_client,
    out: *mut *mut codex_login,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client and places, or NULL.
    unsafe { handle::hand_out(out, err, || Login::start(&*held(client)?, Flow::DeviceCode)) }
}

/// The id of the login, which "account/login/completed" in the client queue names.
///
/// @param login  may be NULL: ""
/// @return borrowed from the login; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_login_id(login: *const codex_login) -> *const c_char {
    // SAFETY: the caller passes a login that is not freed, or NULL.
    unsafe { text_of(login, Login::id) }
}

/// Where the person completes the login: to open in a browser, or to show beside the code.
///
/// @param login  may be NULL: ""
/// @return borrowed from the login; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_login_url(login: *const codex_login) -> *const c_char {
    // SAFETY: the caller passes a login that is not freed, or NULL.
    unsafe { text_of(login, Login::url) }
}

/// What the person types there.
///
/// @param login  may be NULL: ""
/// @return borrowed from the login; "" for a login in a browser; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_login_user_code(login: *const codex_login) -> *const c_char {
    // SAFETY: the caller passes a login that is not freed, or NULL.
    unsafe { text_of(login, Login::user_code) }
}

/// Waits for the end of the login. Any number of times and threads: each is told the same end.
///
/// @param login       required
/// @param timeout_ms  milliseconds, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 only looks. A person may need minutes, more
///                    than CODEX_WAIT_DEFAULT gives
/// @return CODEX_OK when the person has logged in; CODEX_TIMEOUT, and the login goes on; CODEX_ERROR_AUTH with the reason
///         "loginCancelled" when it was cancelled or another one took its place, "loginFailed" when it did not succeed;
///         CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_login_wait(
    login: *mut codex_login,
    timeout_ms: i64,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a login and a place, or NULL.
    unsafe {
        panic::call(err, || {
            let login = held(login)?;
            match login.wait(time::deadline(timeout_ms, login.connection())?)? {
                Some(end) => end.map(|()| CODEX_OK),
                None => Ok(CODEX_TIMEOUT),
            }
        })
    }
}

/// Gives the login up. Harmless when it has ended.
///
/// @param login  required
/// @return as [`codex_client_login_api_key`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_login_cancel(login: *mut codex_login, err: *mut *mut codex_error) -> codex_status {
    // SAFETY: the caller passes a login and a place, or NULL.
    unsafe { panic::act(err, || held(login)?.cancel()) }
}

/// Frees the handle. A login that is under way goes on: cancel it first if it should not.
///
/// @param login  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_login_free(login: *mut codex_login) {
    // SAFETY: the caller owns the login.
    panic::run(|| drop(unsafe { handle::unshare(login) }));
}
