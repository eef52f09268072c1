use std::ffi::{OsString, c_char, c_void};
use std::sync::Arc;

use super::closure::{UserData, codex_destroy_fn};
use super::handle::{self, Boxed, required};
use super::request::{codex_request_fn, request_function};
use super::status::codex_status;
use super::{panic, string, time};
use crate::engine::client_options::{
    ClientInfo, ClientOptions, DEFAULT_TIMEOUT, ExperimentalApi, Inherit, Unencrypted,
};
use crate::engine::endpoint::{BearerToken, Endpoint};
use crate::engine::error::{Error, Result};
use crate::engine::host_json::checked_json;
use crate::engine::limits::Limits;
use crate::engine::log::Level;
use crate::engine::session::{Interrupts, Queues};
use crate::engine::text::ZString;
use crate::engine::transport::Direction;

/// No log messages.
pub const CODEX_LOG_OFF: i32 = 0;
/// Something is broken.
pub const CODEX_LOG_ERROR: i32 = 1;
/// Something is odd.
pub const CODEX_LOG_WARN: i32 = 2;
/// Something happened; includes each line of the runtime's standard error.
pub const CODEX_LOG_INFO: i32 = 3;
/// For whoever looks for a defect.
pub const CODEX_LOG_DEBUG: i32 = 4;
/// Everything.
pub const CODEX_LOG_TRACE: i32 = 5;

/// The message goes to the runtime.
pub const CODEX_TRACE_SENT: i32 = 0;
/// The message comes from the runtime.
pub const CODEX_TRACE_RECEIVED: i32 = 1;

/// Takes a log message. Runs on the library's log thread, one call at a time. `target` names the part of the library;
/// both strings live during the call.
pub type codex_log_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, target: *const c_char, message: *const c_char)>;

/// Takes a message as it goes over the wire, with secrets removed. `direction` is CODEX_TRACE_SENT or CODEX_TRACE_RECEIVED.
/// Runs on the library's log thread, one call at a time; `line` lives during the call.
pub type codex_trace_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, direction: i32, line: *const c_char, len: usize)>;

/// How a client is made. Owned by the caller; used by one thread at a time.
pub struct codex_client_options {
    _private: [u8; 0],
}

impl Boxed for codex_client_options {
    type Value = ClientOptions;
}

/// ## Client options
///
/// Options are copied when a client connects, and may be reused or freed at once. A setter that fails changes nothing, and
/// connecting with the options returns the first failure: the statuses of setters need not be checked one by one. The
/// user_data of a callback is shared by the options and all clients made from them; its destroy function runs once, when the
/// last of them lets go.
///
/// Options with their defaults: start the `codex` that is found, and decline whatever nobody answers.
///
/// @return owned, see [`codex_client_options_free`]; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn codex_client_options_new() -> *mut codex_client_options {
    panic::value(std::ptr::null_mut(), || Some(handle::give(ClientOptions::default())))
}

/// Frees options. Clients that were made from them are not affected.
///
/// @param options  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_free(options: *mut codex_client_options) {
    // SAFETY: the caller owns the options.
    panic::run(|| drop(unsafe { handle::take_back(options) }));
}

/// Changes the options of the caller inside the boundary.
///
/// # Safety
/// `options` is NULL or options that no other thread uses now.
unsafe fn change(
    options: *mut codex_client_options,
    change: impl FnOnce(&mut ClientOptions) -> Result<()>,
) -> codex_status {
    panic::status(|| {
        // SAFETY: the caller's promise.
        let options = required(unsafe { handle::borrow_mut(options) }, "options")?;
        change(options).inspect_err(|failure| {
            options.first_failure.get_or_insert_with(|| failure.clone());
        })
    })
}

/// Says where the runtime is. Default: "stdio:".
///
/// - `stdio:` starts it as a child process.
/// - `unix:/path` goes to one that listens on a socket of the file system: `codex app-server --listen unix:///path`.
/// - `ws://host:port` goes to one that listens on a port. Without encryption only on this machine, unless
///   [`codex_client_options_set_allow_insecure`] allows more.
/// - `wss://host` is the same with encryption, on port 443 unless another is named, if the library was built with it:
///   codex_has_feature("tls"). It trusts whom the system trusts, or the file that the variable SSL_CERT_FILE names.
/// - `replay:file.jsonl` plays back what [`codex_client_options_set_record`] recorded, with no runtime. A call that was not
///   recorded, or another decision on a request, ends the connection with CODEX_ERROR_PROTOCOL, reason "replayMismatch".
///   The guide docs/guides/replay.md says what must match.
///
/// A runtime behind a socket was started by somebody else: connecting fails with CODEX_ERROR_INVALID_ARGUMENT when options say
/// how to start one (its executable, command, home, directory, environment, configuration). Closing the client does not end it,
/// nor the turns that run there. A client never connects again by itself: connect a new one, then resume the thread.
///
/// @param options  required
/// @param url      one of these
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_endpoint(
    options: *mut codex_client_options,
    url: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its options, and a NUL-terminated string or NULL.
    unsafe {
        change(options, |options| {
            options.endpoint = Endpoint::parse(string::required(url, "url")?)?;
            Ok(())
        })
    }
}

/// Gives the token that a runtime behind a socket wants to see: `codex app-server --ws-auth`. It goes out in the header
/// `Authorization: Bearer` and is shown nowhere: not in logs, traces, recordings nor errors.
///
/// @param options  required
/// @param token    one word of visible ASCII characters
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_bearer_token(
    options: *mut codex_client_options,
    token: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its options, and a NUL-terminated string or NULL.
    unsafe {
        change(options, |options| {
            options.bearer_token = Some(BearerToken::new(string::required(token, "token")?)?);
            Ok(())
        })
    }
}

/// Whether `ws://`, which encrypts nothing, may lead to another machine than this one. Default: false. Whoever is on the way
/// then reads the token and everything that is said, and can answer in the place of the runtime.
///
/// @param options  required
/// @param allow    true: it may
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_allow_insecure(
    options: *mut codex_client_options,
    allow: bool,
) -> codex_status {
    // SAFETY: the caller passes its options.
    unsafe {
        change(options, |options| {
            options.unencrypted = if allow { Unencrypted::Anywhere } else { Unencrypted::OnThisMachine };
            Ok(())
        })
    }
}

/// Names the executable of the runtime. Without it, and without a command, the variable CODEX_PATH names it; else it is the one
/// that is shipped beside the library (codex/bin/codex, or ../libexec/codex/bin/codex, from its directory), and else the `codex`
/// on the PATH. A script by which npm starts the executable is followed to it.
///
/// @param options  required
/// @param path     a path; nothing is searched for
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_codex_path(
    options: *mut codex_client_options,
    path: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its options, and a NUL-terminated string or NULL.
    unsafe {
        change(options, |options| {
            options.codex_path = Some(not_empty(string::required(path, "path")?, "path")?.into());
            Ok(())
        })
    }
}

/// Gives the whole command line of the runtime instead: a wrapper, a container, another build. The configuration overrides
/// of [`codex_client_options_add_config`] are not added to it. It must speak the app-server protocol over its standard streams.
///
/// @param options  required
/// @param argv     the program, searched for on the PATH unless it holds a slash, and its arguments
/// @param argc     how many, at least 1
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_command(
    options: *mut codex_client_options,
    argv: *const *const c_char,
    argc: usize,
) -> codex_status {
    // SAFETY: the caller passes its options, and an array of argc NUL-terminated strings or NULL.
    unsafe {
        change(options, |options| {
            if argv.is_null() {
                return Err(handle::is_null("argv"));
            }
            let words: Result<Vec<OsString>> =
                (0..argc).map(|index| string::required(*argv.add(index), "argv").map(OsString::from)).collect();
            let words = words?;
            if words.first().is_none_or(|program| program.is_empty()) {
                return Err(Error::invalid_argument("the command has no program; argv[0] must name one"));
            }
            options.command = Some(words);
            Ok(())
        })
    }
}

/// Sets the runtime's home directory: its configuration, login and sessions. It must exist. Without this the runtime decides:
/// CODEX_HOME of its environment, else ~/.codex.
///
/// @param options  required
/// @param path     a directory
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_codex_home(
    options: *mut codex_client_options,
    path: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its options, and a NUL-terminated string or NULL.
    unsafe {
        change(options, |options| {
            options.codex_home = Some(not_empty(string::required(path, "path")?, "path")?.into());
            Ok(())
        })
    }
}

/// Sets the directory that the runtime starts in, which is the default directory of new threads. Without this it is the one of
/// this process.
///
/// @param options  required
/// @param path     a directory
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_cwd(
    options: *mut codex_client_options,
    path: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its options, and a NUL-terminated string or NULL.
    unsafe {
        change(options, |options| {
            options.cwd = Some(not_empty(string::required(path, "path")?, "path")?.into());
            Ok(())
        })
    }
}

/// Sets or unsets a variable of the runtime's environment. The environment of this process is never changed.
///
/// @param options  required
/// @param name     a name without `=`
/// @param value    its value; NULL unsets the variable
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_env(
    options: *mut codex_client_options,
    name: *const c_char,
    value: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its options, and NUL-terminated strings or NULL.
    unsafe {
        change(options, |options| {
            let name = string::required(name, "name")?;
            options.set_env(name, string::optional(value, "value")?)
        })
    }
}

/// Whether the runtime gets the environment of this process, which is read when the client connects. Default: true.
///
/// @param options  required
/// @param inherit  false: it gets the variables of [`codex_client_options_set_env`] and CODEX_HOME only
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_inherit_env(
    options: *mut codex_client_options,
    inherit: bool,
) -> codex_status {
    // SAFETY: the caller passes its options.
    unsafe {
        change(options, |options| {
            options.inherit = if inherit { Inherit::Environment } else { Inherit::Nothing };
            Ok(())
        })
    }
}

/// Overrides one value of the runtime's configuration. May be called any number of times.
///
/// @param options        required
/// @param toml_override  `key=value`, the value in TOML: `model_reasoning_effort="high"`
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_add_config(
    options: *mut codex_client_options,
    toml_override: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its options, and a NUL-terminated string or NULL.
    unsafe { change(options, |options| options.add_config(string::required(toml_override, "toml_override")?)) }
}

/// Says who the program is. Default: "libcodex" with its version.
///
/// @param options  required
/// @param name     a short word without blanks; it becomes the originator of requests to the model's provider
/// @param title    a name for people; may be NULL
/// @param version  the version of the program
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_client_info(
    options: *mut codex_client_options,
    name: *const c_char,
    title: *const c_char,
    version: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its options, and NUL-terminated strings or NULL.
    unsafe {
        change(options, |options| {
            options.client_info = ClientInfo {
                name: not_empty(string::required(name, "name")?, "name")?.into(),
                title: string::optional(title, "title")?.map(str::to_owned),
                version: not_empty(string::required(version, "version")?, "version")?.into(),
            };
            Ok(())
        })
    }
}

/// Whether the experimental part of the protocol may be used. Default: true.
///
/// @param options  required
/// @param enabled  false: the runtime refuses what is experimental
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_experimental_api(
    options: *mut codex_client_options,
    enabled: bool,
) -> codex_status {
    // SAFETY: the caller passes its options.
    unsafe {
        change(options, |options| {
            options.experimental_api = if enabled { ExperimentalApi::Enabled } else { ExperimentalApi::Disabled };
            Ok(())
        })
    }
}

/// Asks the runtime not to send a notification. May be called any number of times. Refused are those by which the library learns
/// of ends and makes results: `turn/started`, `turn/completed`, `item/started`, `item/completed`, `thread/tokenUsage/updated`,
/// `thread/goal/updated`, `thread/goal/cleared`, `serverRequest/resolved`, `account/login/completed` and `error`. Without
/// `item/agentMessage/delta` a TurnResult has no partialResponse. What does not come is no event for the limits of a turn.
///
/// @param options  required
/// @param method   the exact method, like "item/agentMessage/delta"
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_add_notification_opt_out(
    options: *mut codex_client_options,
    method: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its options, and a NUL-terminated string or NULL.
    unsafe { change(options, |options| options.add_notification_opt_out(string::required(method, "method")?)) }
}

/// How long connecting may take. Default: 60,000.
///
/// @param options     required
/// @param timeout_ms  milliseconds from 1, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT for the default; 0 is refused
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_connect_timeout_ms(
    options: *mut codex_client_options,
    timeout_ms: i64,
) -> codex_status {
    // SAFETY: the caller passes its options.
    unsafe {
        change(options, |options| {
            options.connect_timeout = time::option(timeout_ms, Some(DEFAULT_TIMEOUT))?;
            Ok(())
        })
    }
}

/// How long the runtime may take to answer a call that has no time of its own. Default: 60,000. The runtime may need 6 seconds
/// to start a thread while it is offline.
///
/// @param options     required
/// @param timeout_ms  milliseconds from 1, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_request_timeout_ms(
    options: *mut codex_client_options,
    timeout_ms: i64,
) -> codex_status {
    // SAFETY: the caller passes its options.
    unsafe {
        change(options, |options| {
            options.request_timeout = time::option(timeout_ms, Some(DEFAULT_TIMEOUT))?;
            Ok(())
        })
    }
}

/// How long the program may take to answer a request of the runtime that it has received; then it is declined. Default: for
/// ever. A request that nobody receives is declined after 60 seconds in any case.
///
/// @param options     required
/// @param timeout_ms  milliseconds from 1, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT for the default; 0 is refused
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_answer_timeout_ms(
    options: *mut codex_client_options,
    timeout_ms: i64,
) -> codex_status {
    // SAFETY: the caller passes its options.
    unsafe {
        change(options, |options| {
            options.answer_timeout = time::option(timeout_ms, None)?;
            Ok(())
        })
    }
}

/// The longest message that is taken from the runtime. A longer one is skipped and reported, and fails the call that it
/// answers. Default: 256 MiB.
///
/// @param options  required
/// @param bytes    1 to 2 GiB
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_max_message_bytes(
    options: *mut codex_client_options,
    bytes: usize,
) -> codex_status {
    // SAFETY: the caller passes its options.
    unsafe { change(options, |options| options.set_max_message_bytes(bytes)) }
}

/// How much all queues of a client may hold together. At the ceiling the runtime is held back until events are read; a call
/// that waits for its answer reads on for a while, and then fails with CODEX_ERROR_WOULD_DEADLOCK. Default: 64 MiB.
///
/// As much again, and 8 MiB at least, may wait to be written: what is beyond that fails with CODEX_ERROR_OVERLOADED until the
/// runtime reads; answers and interrupts always pass. As much again may the requests occupy that wait for their answers, of
/// which there are 1,024 at most: the runtime is refused what is beyond.
///
/// @param options  required
/// @param bytes    at least 1
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_max_queued_bytes(
    options: *mut codex_client_options,
    bytes: usize,
) -> codex_status {
    // SAFETY: the caller passes its options.
    unsafe { change(options, |options| options.set_max_queued_bytes(bytes)) }
}

/// Whether the events of all turns are read from the client queue, in the order in which they come, instead of from a queue of
/// each turn handle. Default: false. Then codex_turn_next_event returns CODEX_ERROR_INVALID_ARGUMENT.
///
/// @param options  required
/// @param enabled  true: from the client queue
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_single_queue(
    options: *mut codex_client_options,
    enabled: bool,
) -> codex_status {
    // SAFETY: the caller passes its options.
    unsafe {
        change(options, |options| {
            options.queues = if enabled { Queues::Single } else { Queues::PerTurn };
            Ok(())
        })
    }
}

/// Sets the limits of turns that have none of their own: those that neither the params of their thread nor their own set.
///
/// @param options      required
/// @param limits_json  an object like `limits` of a turn's params: timeoutMs, idleTimeoutMs, silenceMs, maxTokens, maxToolCalls;
///                     0 switches one off, and what is absent keeps its default
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_limits(
    options: *mut codex_client_options,
    limits_json: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its options, and a NUL-terminated string or NULL.
    unsafe {
        change(options, |options| {
            let limits = checked_json("limits_json", string::required(limits_json, "limits_json")?)?;
            options.limits = Limits::default().changed_by(&limits)?;
            Ok(())
        })
    }
}

/// Whether [`codex_turn_interrupt`], and a callback that returns CODEX_INTERRUPT, also end the commands that the turn began and
/// that still run. Default: false: they run on, for they may be servers or watchers that the developer wants to keep. A turn that
/// crosses a limit always ends its commands. The result waits up to two seconds for the items of commands that are ended. Needs
/// the experimental API.
///
/// @param options  required
/// @param enabled  true: they end with the turn
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_interrupt_ends_commands(
    options: *mut codex_client_options,
    enabled: bool,
) -> codex_status {
    // SAFETY: the caller passes its options.
    unsafe {
        change(options, |options| {
            options.interrupts = if enabled { Interrupts::TurnAndCommands } else { Interrupts::Turn };
            Ok(())
        })
    }
}

/// Hands log messages to a function. The library itself never writes to standard output or standard error.
///
/// @param options    required
/// @param level      one of CODEX_LOG_*: messages of this level and of the graver ones are wanted; CODEX_LOG_OFF for none
/// @param fn         may be NULL: none
/// @param user_data  passed to every call
/// @param destroy    see [`codex_destroy_fn`]
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_log(
    options: *mut codex_client_options,
    level: i32,
    r#fn: codex_log_fn,
    user_data: *mut c_void,
    destroy: codex_destroy_fn,
) -> codex_status {
    let user_data = UserData::new(user_data, destroy);
    let set = |options: &mut ClientOptions| {
        let level = log_level(level)?;
        options.log = level.zip(r#fn).map(|(level, log)| {
            let sink = move |level: Level, target: &str, message: &str| {
                let (target, message) = (ZString::new(target), ZString::new(message));
                // SAFETY: the host's function with the host's pointer; both strings live during the call.
                unsafe {
                    log(user_data.pointer(), level as i32, string::borrowed(&target), string::borrowed(&message))
                };
            };
            (level, Arc::new(sink) as Arc<_>)
        });
        Ok(())
    };
    // SAFETY: the caller passes its options.
    unsafe { change(options, set) }
}

fn log_level(level: i32) -> Result<Option<Level>> {
    Ok(Some(match level {
        CODEX_LOG_OFF => return Ok(None),
        CODEX_LOG_ERROR => Level::Error,
        CODEX_LOG_WARN => Level::Warn,
        CODEX_LOG_INFO => Level::Info,
        CODEX_LOG_DEBUG => Level::Debug,
        CODEX_LOG_TRACE => Level::Trace,
        _ => {
            return Err(Error::invalid_argument(format!(
                "the log level cannot be {level}: choose CODEX_LOG_OFF ({CODEX_LOG_OFF}), CODEX_LOG_ERROR ({CODEX_LOG_ERROR}), \
                 CODEX_LOG_WARN ({CODEX_LOG_WARN}), CODEX_LOG_INFO ({CODEX_LOG_INFO}), CODEX_LOG_DEBUG ({CODEX_LOG_DEBUG}) or \
                 CODEX_LOG_TRACE ({CODEX_LOG_TRACE})"
            )));
        }
    }))
}

/// Hands every message to and from the runtime to a function. Secrets are taken out of it.
///
/// @param options    required
/// @param fn         may be NULL: none
/// @param user_data  passed to every call
/// @param destroy    see [`codex_destroy_fn`]
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_trace(
    options: *mut codex_client_options,
    r#fn: codex_trace_fn,
    user_data: *mut c_void,
    destroy: codex_destroy_fn,
) -> codex_status {
    let user_data = UserData::new(user_data, destroy);
    let set = |options: &mut ClientOptions| {
        options.trace = r#fn.map(|trace| {
            let sink = move |direction: Direction, line: &str| {
                let text = ZString::new(line);
                // SAFETY: the host's function with the host's pointer; the line lives during the call.
                unsafe { trace(user_data.pointer(), direction as i32, string::borrowed(&text), line.len()) };
            };
            Arc::new(sink) as Arc<_>
        });
        Ok(())
    };
    // SAFETY: the caller passes its options.
    unsafe { change(options, set) }
}

/// Writes everything that is said on the connection, in both directions, to a file, which the endpoint `replay:` plays back. A
/// file that is there is replaced. Only its owner may read it, and API keys, tokens, the codes of a login and answers to questions
/// that say `isSecret` are not in it; everything else is: prompts, code, the output of commands.
///
/// Without this, the variable CODEX_RECORD names the file; CODEX_REPLAY names one that is played back where a runtime would be
/// started. In both, `%n` is the number of the client in this process, from 1 on: two clients cannot be recorded in one file.
///
/// Lines are written before the program sees what they hold, so that a crash loses none. If the file cannot be made, connecting
/// fails. If it cannot be written later, the recording ends there and the connection goes on: a log message and a
/// CODEX_EVENT_WARNING in the client queue tell so.
///
/// @param options  required
/// @param path     a file, one for each client; NULL: none
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_record(
    options: *mut codex_client_options,
    path: *const c_char,
) -> codex_status {
    // SAFETY: the caller passes its options, and a NUL-terminated string or NULL.
    unsafe {
        change(options, |options| {
            let path = string::optional(path, "path")?.map(|path| not_empty(path, "path")).transpose()?;
            options.record = path.map(Into::into);
            Ok(())
        })
    }
}

/// Hands the requests of the runtime to a function, before any reader of events is asked. It runs on the callback threads
/// of the client and may keep the request and return: it is answered from any thread, at any time. Inside it, calls that wait
/// for a turn or an event return CODEX_ERROR_WOULD_DEADLOCK.
///
/// @param options    required
/// @param fn         may be NULL: none
/// @param user_data  passed to every call
/// @param destroy    see [`codex_destroy_fn`]
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_request_handler(
    options: *mut codex_client_options,
    r#fn: codex_request_fn,
    user_data: *mut c_void,
    destroy: codex_destroy_fn,
) -> codex_status {
    let handler = request_function(r#fn, UserData::new(user_data, destroy));
    let set = |options: &mut ClientOptions| {
        options.request_handler = handler;
        Ok(())
    };
    // SAFETY: the caller passes its options.
    unsafe { change(options, set) }
}

/// On how many threads of a client its request handler and the functions of its tools run: each thread runs one at a time.
/// Default: 1, so that no two of them ever run at once. A function that keeps its request and returns needs no thread of its own.
///
/// @param options  required
/// @param count    1 to 256
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
/// @note one thread at a time; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_client_options_set_callback_threads(
    options: *mut codex_client_options,
    count: u32,
) -> codex_status {
    // SAFETY: the caller passes its options.
    unsafe { change(options, |options| options.set_callback_threads(count as usize)) }
}

fn not_empty<'a>(text: &'a str, what: &str) -> Result<&'a str> {
    match text {
        "" => Err(Error::invalid_argument(format!(
            "the argument `{what}` is empty; pass a {what}, or leave the call out"
        ))),
        _ => Ok(text),
    }
}
