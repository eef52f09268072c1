use std::ffi::{c_char, c_void};

use super::client::codex_client;
use super::closure::{UserData, codex_destroy_fn};
use super::error::codex_error;
use super::handle::held;
use super::request::{codex_request_fn, request_function};
use super::status::codex_status;
use super::{panic, string};

/// ## Tools
///
/// A tool is a function of the program that the agent can call. Each call is a request of the kind CODEX_REQUEST_TOOL_CALL, with
/// its arguments at /arguments of [`codex_request_value`]; the runtime does not hold them against the schema. It is answered with
/// [`codex_request_respond_text`], [`codex_request_respond_items`] or [`codex_request_respond_json`], inside the function or later
/// from any thread; the agent may call several at once. A call that is freed without an answer, or not answered within
/// answer_timeout_ms, tells the agent so.
///
/// Gives the agent a tool. Threads that are started from now on have it, unless the member `tools` of their params, an array of
/// names, leaves it out; so do those threads when they are resumed, as long as the client that resumes them has added a tool of
/// this name. Needs the experimental API, which is on unless the options turn it off.
///
/// @param client             required
/// @param name               1 to 128 letters, digits, _ and -; no name that the runtime has for a tool of its own
/// @param description        what the agent reads about it: what it does, and when to use it; required
/// @param input_schema_json  a JSON Schema of its arguments, with "type":"object"; NULL: it has none
/// @param fn                 runs on the callback threads of the client; see codex_request_fn. NULL: its calls go to the request
///                           handler, or else arrive as CODEX_EVENT_REQUEST
/// @param user_data          passed to every call
/// @param destroy            see [`codex_destroy_fn`]
/// @return CODEX_OK; CODEX_ERROR_INVALID_ARGUMENT for a name that cannot be used or is taken, and for what is no schema;
///         CODEX_ERROR_INVALID_JSON; CODEX_ERROR_RUNTIME_START when the system gives no thread for `fn`; CODEX_ERROR_PROTOCOL,
///         CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_add_tool(
    client: *mut codex_client,
    name: *const c_char,
    description: *const c_char,
    input_schema_json: *const c_char,
    r#fn: codex_request_fn,
    user_data: *mut c_void,
    destroy: codex_destroy_fn,
    err: *mut *mut codex_error,
) -> codex_status {
    let function = request_function(r#fn, UserData::new(user_data, destroy));
    // SAFETY: the caller passes a client, strings and a place for the error, or NULL.
    unsafe {
        panic::act(err, || {
            let client = held(client)?;
            let name = string::required(name, "name")?;
            let description = string::required(description, "description")?;
            let schema = string::optional(input_schema_json, "input_schema_json")?;
            client.add_tool(name, description, schema, function)
        })
    }
}
