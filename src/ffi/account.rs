use std::ffi::c_char;

use super::client::codex_client;
use super::error::codex_error;
use super::handle::held;
use super::status::codex_status;
use super::{panic, string};
use crate::engine::account::Token;

/// ## Account and models
///
/// The runtime keeps one login, in its home directory. When it changes, the client queue is told: "account/login/completed" and
/// "account/updated" are events of the kind CODEX_EVENT_OTHER. So is "account/rateLimits/updated", which comes with every answer
/// of the model; codex_client_call with "account/rateLimits/read" asks for the limits.
///
/// Logs in with an API key. The runtime stores the key without trying it: whether it is good is found out by the first turn.
///
/// @param client   required
/// @param api_key  required; never empty
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_RPC, CODEX_ERROR_AUTH, CODEX_ERROR_OVERLOADED,
///         CODEX_ERROR_TIMED_OUT, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_login_api_key(
    client: *mut codex_client,
    api_key: *const c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, a string and a place, or NULL.
    unsafe { panic::act(err, || held(client)?.login_api_key(string::required(api_key, "api_key")?)) }
}

/// Asks the runtime who is logged in. The answer has the member "account": null when nobody is, or when the model provider needs
/// no login; else an object whose "type" is "apiKey", "chatgpt" or another.
///
/// @param client         required
/// @param refresh_token  whether the runtime is to renew its token first
/// @param out_json       receives the answer, byte for byte: owned, see codex_string_free
/// @return as [`codex_client_login_api_key`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_account(
    client: *mut codex_client,
    refresh_token: bool,
    out_json: *mut *mut c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client and places, or NULL.
    unsafe {
        string::hand_out(out_json, err, || {
            held(client)?.account(if refresh_token { Token::Renewed } else { Token::Kept })
        })
    }
}

/// Logs out, and ends a login that is under way. Harmless when nobody is logged in.
///
/// @param client  required
/// @return as [`codex_client_login_api_key`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_logout(client: *mut codex_client, err: *mut *mut codex_error) -> codex_status {
    // SAFETY: the caller passes a client and a place, or NULL.
    unsafe { panic::act(err, || held(client)?.logout()) }
}

/// Asks the runtime for a page of its models. The answer has the members "data", an array of models, and "nextCursor", which is
/// null on the last page and else the member "cursor" of the params that ask for the next one.
///
/// @param client       required
/// @param params_json  a JSON object with "includeHidden", "limit", "cursor", as the protocol has them; NULL is the empty one
/// @param out_json     receives the answer, byte for byte: owned, see codex_string_free
/// @return as [`codex_client_call`]
/// @note any thread; waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_models(
    client: *mut codex_client,
    params_json: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a client, a string and places, or NULL.
    unsafe { string::hand_out(out_json, err, || held(client)?.models(string::optional(params_json, "params_json")?)) }
}
